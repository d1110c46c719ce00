"""Shapes of photos beside the shape that a network sees: what is squeezed is said."""

import math
from collections.abc import Mapping

from blemish.data.images import Size

_SAME_SHAPE = 1.02  # ratio of aspect ratios: photos beside one another
_SQUEEZED = 1.2  # photos beside the network's input: below this nobody sees it
_SHRUNK = 4  # times: beyond it, what vanishes is larger than specks that are in every photo
_STEP = 32  # pixels; every method takes sides that are a multiple of it


def size_counts(sizes: Mapping[Size, int]) -> dict[str, int]:
    """Returns how many photos there are of each size, as people write it, WIDTHxHEIGHT."""
    return {f"{width}x{height}": count for (height, width), count in sizes.items()}


def sizes_counted(counts: Mapping[str, int]) -> dict[Size, int]:
    """Returns what `size_counts` wrote as sizes (height, width); raises ValueError where it wrote no such thing."""
    sizes = {}
    for text, count in counts.items():
        width, height = map(int, text.split("x"))
        if min(width, height) < 1:
            raise ValueError(f"a photo's size is {text}")
        sizes[height, width] = count
    return sizes


def shapes_differ(sizes: Mapping[Size, int]) -> str:
    """Returns what to add to a list of sizes where they have different shapes; nothing where they have one."""
    aspects = [_aspect(size) for size in sizes]
    if max(aspects) <= _SAME_SHAPE * min(aspects):
        return ""
    return (
        f"; shapes differ, from {min(aspects):.3g} to {max(aspects):.3g} times as wide as high, and all are "
        "squeezed to one: crop them alike"
    )


def aspect_line(photo_sizes: Mapping[Size, int], image_size: Size) -> str | None:
    """Returns a line where photos are squeezed into `image_size`, with a size that keeps their shape; else
    None.

    Both are (height, width); `photo_sizes` counts photos of each.
    """
    squeezed = {size: n for size, n in photo_sizes.items() if _ratio(_aspect(size), _aspect(image_size)) > _SQUEEZED}
    if not squeezed:
        return None
    size = max(squeezed, key=lambda size: squeezed[size])
    height, width = fitting_size(size, image_size)
    return (
        f"squeezed: {sum(squeezed.values())} of {sum(photo_sizes.values())}, such as {size[1]}x{size[0]}, into "
        f"{image_size[1]}x{image_size[0]} (width x height), {_ratio(_aspect(size), _aspect(image_size)):.2g} times "
        f"narrower one way than the other; --image-size {height}x{width} (height x width) keeps their shape"
    )


def shrunk_line(photo_sizes: Mapping[Size, int], image_size: Size) -> str | None:
    """Returns a line where photos are more than 4 times as large as what the network sees, and what then vanishes.

    A pixel of the network is the mean of what it covers: a spot smaller than that only makes it a little lighter or
    darker. So much is sure; how much larger a spot must be, a test with defects tells.
    """
    ratios = {size: max(size[0] / image_size[0], size[1] / image_size[1]) for size in photo_sizes}
    shrunk = {size: n for size, n in photo_sizes.items() if ratios[size] > _SHRUNK}
    if not shrunk:
        return None
    size = max(shrunk, key=lambda size: ratios[size])
    return (
        f"shrunk: {sum(shrunk.values())} of {sum(photo_sizes.values())}, such as {size[1]}x{size[0]}, to "
        f"{image_size[1]}x{image_size[0]} (width x height): a defect smaller than about {math.ceil(ratios[size])} "
        "pixels of the photo is less than one pixel there, and not seen; photograph or cut smaller areas, or train "
        "with a larger --image-size"
    )


def other_aspect_line(photo_sizes: Mapping[Size, int], trained_sizes: Mapping[Size, int]) -> str | None:
    """Returns a line where photos have another shape than all that the model was trained on; else None.

    They are squeezed otherwise than the good parts were, so that the same part looks different.
    """
    known = [_aspect(size) for size in trained_sizes]
    if not known:
        return None
    strange = {
        size: n for size, n in photo_sizes.items() if min(_ratio(_aspect(size), aspect) for aspect in known) > _SQUEEZED
    }
    if not strange:
        return None
    size = max(strange, key=lambda size: strange[size])
    usual = max(trained_sizes, key=lambda size: trained_sizes[size])
    return (
        f"{sum(strange.values())} of {sum(photo_sizes.values())} photos, such as {size[1]}x{size[0]}, have another "
        f"shape than those trained on, such as {usual[1]}x{usual[0]} (width x height): they are squeezed otherwise, "
        "and parts look different; crop them alike"
    )


def fitting_size(photo_size: Size, image_size: Size) -> Size:
    """Returns about as many pixels as `image_size` in the shape of the photo, in steps that every method takes."""
    area, aspect = image_size[0] * image_size[1], _aspect(photo_size)
    height, width = math.sqrt(area / aspect), math.sqrt(area * aspect)
    return max(_STEP, round(height / _STEP) * _STEP), max(_STEP, round(width / _STEP) * _STEP)


def _aspect(size: Size) -> float:
    """Returns width over height."""
    return size[1] / size[0]


def _ratio(one: float, other: float) -> float:
    return max(one / other, other / one)
