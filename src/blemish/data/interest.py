"""Regions of interest: the part of a photo that counts, as model.json keeps it and every runtime applies it.

A network sees a whole photo, and its map covers the whole photo; what lies outside the regions of that map counts
nowhere. Regions are kept as bitmaps in the pixels of the photos trained on, whatever they were drawn as: what was to be
ignored, and the border, are taken off them already.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from blemish.data.geometry import PhotoGeometry
from blemish.data.images import Size, resize_mask
from blemish.errors import DataError
from blemish.wording import brief

Inside = NDArray[np.bool_]
"""(H, W), where a photo or a map of one counts."""

WHOLE = "photo"
"""The name of the one region where none was named, but something is ignored."""


@dataclass(frozen=True, kw_only=True)
class RegionOfInterest:
    """A region has a name, and a bitmap of where it is."""

    name: str
    bitmap: str
    """A black and white PNG of the size that `Interest` names, white where it counts, in base64."""
    scale: float = 1.0
    """What the map is divided by here before thresholds are asked: 1 unless regions have thresholds of their own."""

    def check_values(self) -> None:
        """Raises ValueError for values that were never written."""
        if not self.name:
            raise ValueError("a region of interest has no name")
        if not self.scale > 0:
            raise ValueError(f"the scale of region {self.name} is {self.scale}")


@dataclass(frozen=True, kw_only=True)
class Interest:
    """The regions of interest that a model has."""

    size: Size
    """(height, width) of the photos that they were drawn on; other photos of that shape take them resized."""
    regions: tuple[RegionOfInterest, ...]

    def check_values(self) -> None:
        """Raises ValueError for values that were never written."""
        names = [region.name for region in self.regions]
        if not names or len(set(names)) < len(names):
            raise ValueError("regions of interest are missing, or two have one name")
        for region in self.regions:
            if not _read_bitmap(region.bitmap, self.size).any():
                raise ValueError(f"region {region.name} is empty")

    @property
    def names(self) -> tuple[str, ...]:
        """Gives the names of the regions, in their order."""
        return tuple(region.name for region in self.regions)

    @property
    def scaled(self) -> bool:
        """Whether regions have thresholds of their own."""
        return any(region.scale != 1 for region in self.regions)

    def check_photo(self, size: Size, *, name: str) -> None:
        """Raises DataError where a photo (height, width) has another shape than those that regions were drawn on."""
        if not same_shape(size, self.size):
            raise DataError(
                f"{name}: is {size[1]}x{size[0]}, and the regions of interest were drawn on photos of "
                f"{self.size[1]}x{self.size[0]} (width x height): give photos of that shape, or train anew"
            )

    def masks(self, size: Size) -> dict[str, Inside]:
        """Returns each region by name, as pixels (height, width) of a photo, or of a map that covers a whole photo.

        A pixel is inside where at least half of it is; of a small region nothing may be left, see `check_map`.
        """
        return dict(zip(self.names, _masks(self, size), strict=True))

    def inside(self, size: Size) -> Inside:
        """Returns where any region is, (height, width)."""
        return _union(self, size)

    def on_canvas(self, geometry: PhotoGeometry) -> Inside:
        """Returns where the canvas of a photo counts, (h, w): borders count nowhere."""
        return _on_canvas(self, geometry)

    def windows(self, geometry: PhotoGeometry) -> tuple[tuple[int, int], ...]:
        """Returns the windows, (top, left), in which anything counts, in their order."""
        return _windows(self, geometry)

    def joined_windows(self, geometry: PhotoGeometry) -> tuple[int, ...]:
        """Returns the numbers of the windows that some pixel of a region is joined from, in their order.

        They are fewer than `windows`: of those, some reach a region with a margin alone that is dropped.
        """
        return _joined_windows(self, geometry)

    def check_map(self, size: Size, *, name: str) -> None:
        """Raises DataError where nothing of a region is left on the map (height, width) of a photo, which has a
        name."""
        for region, mask in self.masks(size).items():
            if not mask.any():
                raise DataError(
                    f"{name}: region of interest {region} is less than a pixel of {size[1]}x{size[0]} (width x "
                    "height), which is what is seen of it: leave out photos as small, draw the region larger, or train "
                    "with a larger --image-size"
                )


def interest_of(masks: Sequence[tuple[str, Inside]]) -> Interest:
    """Returns regions of interest from names and masks (H, W), all of one size."""
    size = masks[0][1].shape
    regions = tuple(RegionOfInterest(name=name, bitmap=_bitmap(mask)) for name, mask in masks)
    return Interest(size=(size[0], size[1]), regions=regions)


def same_shape(one: Size, other: Size) -> bool:
    """Returns whether a picture of one size may be a resized one of the other: sides are rounded to whole pixels."""
    (h, w), (height, width) = one, other
    return abs(h - height * w / width) <= 1 or abs(w - width * h / height) <= 1


@lru_cache(maxsize=32)  # photos of a line are all of one or two sizes
def _masks(interest: Interest, size: Size) -> tuple[Inside, ...]:
    masks = tuple(resize_mask(_read_bitmap(region.bitmap, interest.size), size) for region in interest.regions)
    for mask in masks:
        mask.setflags(write=False)
    return masks


@lru_cache(maxsize=32)
def _union(interest: Interest, size: Size) -> Inside:
    union: Inside = np.logical_or.reduce(_masks(interest, size))
    union.setflags(write=False)
    return union


@lru_cache(maxsize=32)
def _on_canvas(interest: Interest, geometry: PhotoGeometry) -> Inside:
    canvas = np.zeros(geometry.canvas_size, np.bool_)
    (top, left), (height, width) = geometry.origin, geometry.map_size
    canvas[top : top + height, left : left + width] = _union(interest, geometry.map_size)
    canvas.setflags(write=False)
    return canvas


@lru_cache(maxsize=32)
def _windows(interest: Interest, geometry: PhotoGeometry) -> tuple[tuple[int, int], ...]:
    canvas, (height, width) = _on_canvas(interest, geometry), geometry.window_size
    return tuple((y, x) for y, x in geometry.windows if canvas[y : y + height, x : x + width].any())


@lru_cache(maxsize=32)
def _joined_windows(interest: Interest, geometry: PhotoGeometry) -> tuple[int, ...]:
    inside = _union(interest, geometry.map_size)
    return tuple(number for number in range(len(geometry.windows)) if _is_joined(inside, geometry, number))


def _is_joined(inside: Inside, geometry: PhotoGeometry, number: int) -> bool:
    rows, columns = (geometry.counting(number, axis)[1] for axis in (0, 1))
    return bool(inside[rows, columns].any())


def _bitmap(mask: Inside) -> str:
    file = BytesIO()
    Image.fromarray(mask).save(file, format="PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode("ascii")


def _read_bitmap(bitmap: str, size: Size) -> Inside:
    """Returns the mask that `_bitmap` wrote; raises ValueError where it is none of this size.

    Pillow's limit of pixels is not asked: what may be decoded is known.
    """
    try:
        with PngImageFile(BytesIO(base64.b64decode(bitmap, validate=True))) as picture:
            if (picture.height, picture.width) != size:
                raise ValueError(f"a region's bitmap is of {picture.width}x{picture.height}, not {size[1]}x{size[0]}")
            return np.array(picture.convert("1"), np.bool_)
    except (OSError, SyntaxError) as error:
        raise ValueError(f"a region's bitmap cannot be read: {brief(error)}") from error
