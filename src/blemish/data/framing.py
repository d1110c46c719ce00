"""From a photo to a network's inputs, and from their maps back to a map of the photo: the one place for both.

A photo is one frame, the whole of it resized, or many: tiles that overlap. What trains, calibrates, judges, exports and
measures goes through `Framing`, so that a photo is framed alike for all of them; `geometry.py` says where frames lie.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blemish.data.alignment import Alignment, Placement
from blemish.data.geometry import ALIGNMENT, JoinedMap, PhotoGeometry, tiled_photo, whole_photo
from blemish.data.images import Pixels, Size, resize_image, resize_mask
from blemish.data.pixel_limit import MOST_PIXELS
from blemish.data.reading import FIRST_PAGE, Reading
from blemish.errors import DataError

WHITES = (1023, 4095, 16383, 65535)
"""What white is in files of 16 bits: cameras of 10, 12 and 14 bits leave the upper ones unused."""
DARKEST_WHITE = 256  # in files of 16 bits: less is 8 bits

MOST_ABOVE_WHITE = 0.01  # of a photo's values: hot pixels and highlights may be cut off

SMALLEST_TILE, LARGEST_TILE = 32, 1 << 15
OVERLAP = 128
"""Pixels of the network: with fewer, what is said of a place depends on where it lies in a tile, see
benchmarks/small_defects.py."""
OVERLAPS = ALIGNMENT, 1024
LONGEST_ASPECT = 256.0
"""Times as wide as high, or as high as wide; beyond it photos are squeezed."""

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
    """Whether no photo of 16 bits was trained on: one that may be of fewer bits is then refused, see `framed`."""
    aspect: float | None = None
    """Width over height of the photos that it learned from: others get mirrored borders. None: all are squeezed."""
    tile: int | None = None
    """How many of the photo's pixels the longer side of a tile covers; None: photos are seen as a whole."""
    overlap: int = OVERLAP
    """How many of a tile's `image_size` pixels its neighbour sees, too; half of them at most."""
    window: Size | None = None
    """(height, width) of the frames in which photos in tiles are judged, larger than the tiles that were learned from,
    so that fewer pixels are seen twice; None: as these."""
    max_pixels: int | None = None
    """The most pixels of a photo that is decoded; None: as many as Pillow decodes unasked."""
    reading: Reading = FIRST_PAGE
    """Which pages and channels of a file are the photo."""
    alignment: Alignment | None = None
    """What photos are laid on before they are framed; None: they are framed as they lie."""

    def __post_init__(self) -> None:
        if not DARKEST_WHITE <= self.white_level <= WHITES[-1]:
            raise ValueError(f"white_level is {self.white_level}")
        if self.aspect is not None and not 1 / LONGEST_ASPECT <= self.aspect <= LONGEST_ASPECT:
            raise ValueError(f"aspect is {self.aspect}")
        if self.max_pixels is not None and not 1 <= self.max_pixels <= MOST_PIXELS:
            raise ValueError(f"max_pixels is {self.max_pixels}: it must be 1 to {MOST_PIXELS}")
        if self.tile is not None:
            check_tiles(self.image_size, self.tile, self.overlap)
        if self.window is not None:
            _check_window(self.window, self)

    @property
    def frame_size(self) -> Size:
        """The (height, width) of what the network sees at once."""
        return self.image_size if self.window is None else self.window

    def geometry(self, photo_size: Size) -> PhotoGeometry:
        """Returns where the frames of a photo of this size lie, and its joined map."""
        if self.tile is None:
            return whole_photo(photo_size, self.image_size, aspect=self.aspect)
        shrunk = self.tile / max(self.image_size)
        return tiled_photo(photo_size, self.frame_size, shrunk=shrunk, overlap=self.overlap)

    def framed(
        self,
        photo: Pixels,
        *,
        name: str = "image",
        path: Path | None = None,
        digest: str | None = None,
        keep: bool = False,
        resized: Pixels | None = None,
    ) -> "FramedPhoto":
        """Returns a photo (H, W, 3) laid out, its canvas in its own type, uint8 or uint16; `keep`: with its pixels.

        `resized` is the photo as it lies, at `map_size`, where it was resized elsewhere.

        Raises DataError where more than a hundredth of a photo of 16 bits is above the white level, and where such a
        photo may be of fewer bits, nearly black, and nobody knows what is white in it.
        """
        self._check_white(photo, name=name)
        size = (photo.shape[0], photo.shape[1])
        placement, seen = None, photo
        if self.alignment is not None:
            placement = self.alignment.place(photo)
            seen = placement.aligned(photo, shrinks=2 * self.map_size(size)[0] <= size[0])
            resized = None if resized is None else placement.aligned(resized)
        canvas = self._canvas_of(resize_image(seen, self.map_size(size)) if resized is None else resized, size)
        return FramedPhoto(
            canvas=canvas,
            overview=canvas if self.tile is None else resize_image(seen, self.image_size),
            photo_size=size,
            path=path,
            digest=digest,
            pixels=photo if keep else None,
            placement=placement,
        )

    def relaid(self, framed: "FramedPhoto", by: "Framing") -> "FramedPhoto":
        """Returns a photo that was laid out `by` another framing, which differs in its window alone."""
        if by.frame_size == self.frame_size:
            return framed
        geometry = by.geometry(framed.photo_size)
        seen: Any = frame_at(framed.canvas, geometry.origin, geometry.map_size)
        return replace(framed, canvas=self._canvas_of(seen, framed.photo_size))

    def lay_out(self, photo: Pixels, *, name: str = "image") -> Pixels:
        """Returns the canvas of a photo (H, W, 3), from which its frames are cut; raises what `framed` does."""
        return self.framed(photo, name=name).canvas

    def _canvas_of(self, resized: Pixels, photo_size: Size) -> Pixels:
        geometry = self.geometry(photo_size)
        if geometry.canvas_size == geometry.map_size:
            return resized
        borders = [
            (origin, canvas - origin - side)
            for origin, canvas, side in zip(geometry.origin, geometry.canvas_size, geometry.map_size, strict=True)
        ]
        canvas: Any = np.pad(resized, [*borders, (0, 0)], mode="symmetric")
        return canvas  # type: ignore[no-any-return]

    def cut(self, photo: Pixels, *, name: str = "image", most: int | None = None) -> Frames:
        """Returns the frames (T, h, w, 3) of a photo (H, W, 3), in its own type, all or the `most` from all over it;
        raises what `framed` does."""
        canvas = self.lay_out(photo, name=name)
        windows = self.geometry((photo.shape[0], photo.shape[1])).windows
        if most is not None and most < len(windows):
            windows = tuple(windows[round(place)] for place in np.linspace(0, len(windows) - 1, most))
        return stacked([frame_at(canvas, window, self.frame_size) for window in windows])

    def _check_white(self, photo: Pixels, *, name: str) -> None:
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

    def images(self, frames: Frames) -> NDArray[np.float32]:
        """Returns what every runtime is given: frames (T, h, w, 3) -> (T, 3, h, w), 0 to 1."""
        white = np.float32(self.white_of(frames))
        scaled = np.ascontiguousarray(frames.transpose(0, 3, 1, 2), dtype=np.float32) / white
        return scaled if frames.dtype == np.uint8 else np.minimum(scaled, np.float32(1))

    def images_of(self, frames: Sequence[Pixels]) -> NDArray[np.float32]:
        """Returns what `images` does of frames of one size, each by what is white in its own type: photos of 8 and of
        16 bits may be judged together."""
        if len({frame.dtype for frame in frames}) == 1:
            return self.images(stacked(frames))
        return np.concatenate([self.images(frame[None]) for frame in frames])

    def white_of(self, frames: Frames | Pixels) -> int:
        """Returns the value that is white in frames of their type."""
        return 255 if frames.dtype == np.uint8 else self.white_level

    def map_size(self, photo_size: Size) -> Size:
        """Returns (height, width) of the joined map of a photo of this size, which it covers exactly."""
        return self.geometry(photo_size).map_size

    def joining(self, photo_size: Size, frame_map: Size | None = None) -> JoinedMap:
        """Returns what joins the maps of a photo's frames into the one that covers the whole photo; `frame_map` is the
        size of each, that of the frames by default."""
        geometry = self.geometry(photo_size)
        return JoinedMap(geometry if frame_map is None else geometry.at(frame_map))

    def mask(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Returns a photo's true mask (H, W) at the joined map's size, see `resize_mask`."""
        return resize_mask(mask, self.map_size((mask.shape[0], mask.shape[1])))


@dataclass(frozen=True, kw_only=True)
class FramedPhoto:
    """A photo that was read and laid out, so that its frames can be cut."""

    canvas: Pixels
    """(h, w, 3), from which its frames are cut."""
    overview: Pixels
    """(h, w, 3), the whole photo in one frame, by which it is described: the canvas where there are no tiles."""
    photo_size: Size
    path: Path | None = None
    digest: str | None = None
    """Checksum of its file, see `digest_of`."""
    pixels: Pixels | None = None
    """The photo's own pixels, where they were kept."""
    placement: Placement | None = None
    """How its part lies, where photos are aligned: the canvas shows it as if it lay like the reference."""

    @property
    def nbytes(self) -> int:
        """How many bytes canvas and overview take together, which may be one and the same."""
        return self.canvas.nbytes + (0 if self.overview is self.canvas else self.overview.nbytes)


def frame_at(canvas: Pixels, window: tuple[int, int], size: Size) -> Pixels:
    """Returns the frame (*size, 3) that begins at (top, left) of a canvas: a view, no copy."""
    return canvas[window[0] : window[0] + size[0], window[1] : window[1] + size[1]]


def stacked(frames: Sequence[Pixels]) -> Frames:
    """Returns frames (T, h, w, 3) of frames of one size and type."""
    assert len({frame.dtype for frame in frames}) == 1  # else those of 8 bits would be nearly black among 16
    together: Any = np.stack(frames)
    return together  # type: ignore[no-any-return]


def check_tiles(image_size: Size, tile: int, overlap: int) -> None:
    """Raises ValueError for tiles that cannot be joined without seams."""
    if not SMALLEST_TILE <= tile <= LARGEST_TILE:
        raise ValueError(f"tiles of {tile} pixels: they must be {SMALLEST_TILE} to {LARGEST_TILE} pixels of the photo")
    if not OVERLAPS[0] <= overlap <= OVERLAPS[1]:
        raise ValueError(f"overlap is {overlap}: it must be {OVERLAPS[0]} to {OVERLAPS[1]} pixels")
    if any(side % ALIGNMENT or side < 2 * ALIGNMENT for side in image_size):
        height, width = image_size
        raise ValueError(
            f"tiles of image_size {height}x{width}: both sides must be multiples of {ALIGNMENT}, from {2 * ALIGNMENT}"
        )


def _check_window(window: Size, framing: Framing) -> None:
    if framing.tile is None:
        raise ValueError("a window is of photos in tiles alone")
    if any(side % ALIGNMENT or side < own for side, own in zip(window, framing.image_size, strict=True)):
        raise ValueError(f"window is {window[0]}x{window[1]}: a multiple of {ALIGNMENT} either way, from a tile's on")


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
