"""Shapes of photos beside the shape that a network sees: what is squeezed is said."""

import itertools
import math
from collections.abc import Mapping

from blemish.data.framing import Framing
from blemish.data.geometry import ALIGNMENT, SAME_ASPECT
from blemish.data.images import Size

_SQUEEZED = 1.2  # photos beside the network's input: below this nobody sees it
_WORK = 0.5  # how much other work than was asked for is amiss, beside another shape


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


def shapes_differ(sizes: Mapping[Size, int], framing: Framing | None = None) -> str:
    """Returns what to add to a list of sizes where they have different shapes; nothing where they have one."""
    aspects = [_aspect(size) for size in sizes]
    if max(aspects) <= SAME_ASPECT * min(aspects):
        return ""
    differ = f"; shapes differ, from {min(aspects):.3g} to {max(aspects):.3g} times as wide as high"
    if framing is not None and (framing.tile is not None or framing.aspect is not None):
        return differ
    return f"{differ}, and all are squeezed to one: crop them alike"


def aspect_line(photo_sizes: Mapping[Size, int], framing: Framing) -> str | None:
    """Returns a line where photos are squeezed, with a size that keeps their shape; else None.

    Sizes are (height, width); `photo_sizes` counts photos of each. Tiles squeeze none.
    """
    if framing.tile is not None:
        return None
    seen = {size: _aspect(framing.map_size(size)) for size in photo_sizes}
    squeezed = {size: n for size, n in photo_sizes.items() if _ratio(_aspect(size), seen[size]) > _SQUEEZED}
    if not squeezed:
        return None
    size = max(squeezed, key=lambda size: squeezed[size])
    (height, width), seen_as = _keeping_size(size, framing.image_size), framing.map_size(size)
    return (
        f"squeezed: {sum(squeezed.values())} of {sum(photo_sizes.values())}, such as {size[1]}x{size[0]}, into "
        f"{seen_as[1]}x{seen_as[0]} (width x height), {_ratio(_aspect(size), seen[size]):.2g} times "
        f"narrower one way than the other; --image-size {height}x{width} (height x width) keeps their shape"
    )


def borders_line(photo_sizes: Mapping[Size, int], framing: Framing) -> str | None:
    """Returns a line where photos get borders, for they have another shape than most; else None."""
    if framing.tile is not None:
        return None
    bordered = {size: n for size, n in photo_sizes.items() if framing.map_size(size) != framing.image_size}
    if not bordered:
        return None
    size = max(bordered, key=lambda size: bordered[size])
    return (
        f"bordered: {sum(bordered.values())} of {sum(photo_sizes.values())}, such as {size[1]}x{size[0]}, have another "
        "shape than most and get mirrored borders rather than being squeezed; crop them alike (--aspect squeeze "
        "squeezes all to one)"
    )


def other_aspect_line(photo_sizes: Mapping[Size, int], trained_sizes: Mapping[Size, int]) -> str | None:
    """Returns a line where photos have another shape than all that the model was trained on; else None.

    They are squeezed otherwise than the good parts were, or get borders, so that the same part looks different.
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
        f"shape than those trained on, such as {usual[1]}x{usual[0]} (width x height): they get borders or are "
        "squeezed otherwise, and parts look different; crop them alike"
    )


def fitting_size(photo_size: Size, image_size: Size) -> Size:
    """Returns about as many pixels as `image_size` in the shape of the photo, in steps that every method takes."""
    area, aspect = image_size[0] * image_size[1], _aspect(photo_size)
    heights, widths = (_steps_about(math.sqrt(area * times)) for times in (1 / aspect, aspect))

    def amiss(size: Size) -> float:
        return math.log(_ratio(_aspect(size), aspect)) + _WORK * math.log(_ratio(size[0] * size[1], area))

    return min(itertools.product(heights, widths), key=amiss)


def _keeping_size(photo_size: Size, image_size: Size) -> Size:
    """Returns the size about as large as `image_size` in which the photo is hardly squeezed: larger where the steps
    that sides take are too coarse for that."""
    height, width = image_size
    while _ratio(_aspect(size := fitting_size(photo_size, (height, width))), _aspect(photo_size)) > _SQUEEZED:
        height, width = height + ALIGNMENT, width + ALIGNMENT
    return size


def fitting_side(side: float) -> int:
    """Returns the side nearest to so many pixels that every method takes."""
    return max(1, round(side / ALIGNMENT)) * ALIGNMENT


def _steps_about(side: float) -> tuple[int, int]:
    below = max(1, math.floor(side / ALIGNMENT)) * ALIGNMENT
    return below, below + ALIGNMENT


def _aspect(size: Size) -> float:
    """Returns width over height."""
    return size[1] / size[0]


def _ratio(one: float, other: float) -> float:
    return max(one / other, other / one)
