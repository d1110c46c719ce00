"""From a photo to a network's inputs, and from their maps back to a map of the photo: the one place for both.

Today a photo is one frame: the whole of it, resized. What trains, calibrates, judges, exports and measures goes through
`Framing`, so that whatever frames a photo later (tiles, regions of interest, another aspect) is alike for all of them.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blemish.data.images import Pixels, Size, resize_image, resize_mask
from blemish.errors import DataError

WHITES = (1023, 4095, 16383, 65535)
"""What white is in files of 16 bits: cameras of 10, 12 and 14 bits leave the upper ones unused."""

MOST_ABOVE_WHITE = 0.01  # of a photo's values: hot pixels and highlights may be cut off

Frames = NDArray[np.uint8] | NDArray[np.uint16]
"""(T, h, w, 3) RGB, as the photo's own pixels are: 0 to 255, or 0 to the white level where the photo has 16 bits."""


@dataclass(frozen=True, kw_only=True)
class Framing:
    """The way photos are framed; it is a part of model.json, so that every runtime frames alike."""

    image_size: Size
    """(height, width) of the frames that a network sees."""
    white_level: int = 65535
    """The value that is white in photos of 16 bits."""
    white_unknown: bool = False
    """Whether no photo of 16 bits was trained on: one that may be of fewer bits is then refused, see `cut`."""

    def __post_init__(self) -> None:
        if self.white_level not in WHITES:
            raise ValueError(f"white_level is {self.white_level}")

    def cut(self, photo: Pixels, *, name: str = "image") -> Frames:
        """Returns the frames (T, h, w, 3) of a photo (H, W, 3), in its own type, uint8 or uint16.

        Raises DataError where more than a hundredth of a photo of 16 bits is above the white level, and where such a
        photo may be of fewer bits, nearly black, and nobody knows what is white in it.
        """
        if photo.dtype == np.uint16 and self.white_unknown and (highest := int(photo.max())) <= WHITES[-2]:
            raise DataError(
                f"{name}: has 16 bits, but no value above {highest}: what is white in it is not known, for this model "
                "was trained on photos of 8 bits; save it with 8 bits, or train with photos like it"
            )
        if photo.dtype == np.uint16 and self.white_level < 65535:
            above = float(np.mean(photo > self.white_level))
            if above > MOST_ABOVE_WHITE:
                raise DataError(
                    f"{name}: {above:.0%} of its values are above {self.white_level}, which this model takes for "
                    "white, as in the photos it was trained on; give photos of as many bits, or train anew"
                )
        return resize_image(photo, self.image_size)[None]

    def images(self, frames: Frames) -> NDArray[np.float32]:
        """Returns what every runtime is given: frames (T, h, w, 3) -> (T, 3, h, w), 0 to 1."""
        white = np.float32(self.white_of(frames))
        scaled = np.ascontiguousarray(frames.transpose(0, 3, 1, 2), dtype=np.float32) / white
        return scaled if frames.dtype == np.uint8 else np.minimum(scaled, np.float32(1))

    def white_of(self, frames: Frames) -> int:
        """Returns the value that is white in frames of their type."""
        return 255 if frames.dtype == np.uint8 else self.white_level

    def map_size(self, photo_size: Size) -> Size:  # noqa: ARG002  tiles and regions of interest will ask it
        """Returns (height, width) of the joined map of a photo of this size."""
        return self.image_size

    def join(self, maps: NDArray[np.float32], photo_size: Size) -> NDArray[np.float32]:
        """Returns the one map (h, w) that covers the whole photo, from the maps (T, h, w) of its frames."""
        assert len(maps) == 1 and maps.shape[1:] == self.map_size(photo_size), maps.shape
        joined: NDArray[np.float32] = maps[0]
        return joined

    def mask(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Returns a photo's true mask (H, W) at the joined map's size, see `resize_mask`."""
        return resize_mask(mask, self.map_size((mask.shape[0], mask.shape[1])))


@dataclass(frozen=True, kw_only=True)
class FramedPhoto:
    """A photo that was read and cut into its frames."""

    frames: Frames
    photo_size: Size
    path: Path | None = None
    digest: str | None = None
    """Checksum of its file, see `digest_of`."""
    pixels: Pixels | None = None
    """The photo's own pixels, where they were kept."""


def white_level_of(highest: int) -> int:
    """Returns the white of a camera whose photos of 16 bits hold no value above `highest`."""
    return next(white for white in WHITES if highest <= white)


def shown(photo: NDArray[Any], *, white_level: int = 65535) -> NDArray[np.uint8]:
    """Returns pixels of uint8 or uint16 as people are shown them, in uint8."""
    if photo.dtype == np.uint16:
        clipped = np.minimum(photo, white_level).astype(np.uint32)
        photo = ((clipped * 255 + white_level // 2) // white_level).astype(np.uint8)
    eight: NDArray[np.uint8] = photo
    return eight
