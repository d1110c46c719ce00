"""What a photo looks like, in a few numbers: whether it can be a photo of the part at all is told from these alone.

They are taken of the frames that the network sees, so that they cost the same whatever the photo's size.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blemish.data.framing import Frames
from blemish.data.images import Size, resize_map

SIDE = 16
"""Side of the square that a photo is reduced to, to be compared with others."""
DIRECTIONS = 8
"""How many directions of edges are told apart, over half a turn."""
NUMBERS = (
    "brightness",
    "contrast",
    "sharpness",
    "colourfulness",
    "redness",
    "greenness",
    "vividness",
    "structure",
    "across",
    "down",
)
"""The looks that are one number each."""
_COLOURS = np.array([0.299, 0.587, 0.114], np.float32)  # what red, green and blue give to grey, ITU-R BT.601
_SMALLEST = 1e-3  # of 255 levels, below anything that a camera tells
_NO_COLOUR = 1.0  # grey levels: so little colour is none, and its logarithm says no more
_NO_EDGES = 0.1  # grey levels, likewise
_QUIETEST = 0.25  # share of a photo's places that may be blank on good photos of most parts


@dataclass(frozen=True, kw_only=True)
class PhotoDescription:
    """The looks of one photo; grey levels are 0 to 255 whatever its bits."""

    photo_size: Size
    brightness: float
    """Mean grey level."""
    contrast: float
    """Standard deviation of grey levels."""
    sharpness: float
    """Logarithm (of two) of the fine edges' share of all edges: falls where a photo is blurred, whatever it shows."""
    colourfulness: float
    """Mean difference of the highest and the lowest of red, green and blue."""
    redness: float
    """Mean of red minus blue: turns round where these are swapped."""
    greenness: float
    """Mean of green minus the mean of red and blue: what redness does not tell of a hue."""
    vividness: float
    """Logarithm (of two) of colourfulness: how many times paler a photo is, where colours are faint anyway."""
    structure: float
    """Logarithm (of two) of the edges in the quietest quarter of the places: falls where a part of what has edges on
    every photo is covered or missing, whatever the rest shows."""
    across: float
    """Where the middle of what stands out lies, 0 (left) to 1 (right)."""
    down: float
    """The same, 0 (top) to 1 (bottom)."""
    directions: NDArray[np.float32]
    """(DIRECTIONS,) The share of edges in each direction; they sum to 1."""
    small: NDArray[np.uint8]
    """(SIDE, SIDE) The photo in grey, much reduced."""

    def numbers(self) -> dict[str, float]:
        """Returns by name all that is one number."""
        return {name: getattr(self, name) for name in NUMBERS}


def describe(frames: Frames, photo_size: Size, *, white: int) -> PhotoDescription:
    """Describes a photo by its frames (T, h, w, 3), whose values go from 0 to `white`; the size is the photo's own."""
    pixels = frames.reshape(-1, *frames.shape[2:]).astype(np.float32)
    if white != 255:
        pixels = np.minimum(pixels * np.float32(255 / white), np.float32(255))
    red, green, blue = (np.ascontiguousarray(pixels[:, :, plane]) for plane in range(3))
    grey = _COLOURS[0] * red + _COLOURS[1] * green + _COLOURS[2] * blue
    small = resize_map(grey, (SIDE, SIDE))
    across, down = _middle(small)
    directions, sharpness, structure = _edges(grey)
    red, green, blue = red[::2, ::2], green[::2, ::2], blue[::2, ::2]  # for colours a quarter of the pixels will do
    vivid = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    return PhotoDescription(
        photo_size=photo_size,
        brightness=float(grey.mean()),
        contrast=float(grey.std()),
        sharpness=sharpness,
        colourfulness=float(vivid.mean()),
        redness=float(red.mean() - blue.mean()),
        greenness=float(green.mean() - (red.mean() + blue.mean()) / 2),
        vividness=float(np.log2(vivid.mean() + _NO_COLOUR)),
        structure=structure,
        across=across,
        down=down,
        directions=directions,
        small=np.rint(np.clip(small, 0, 255)).astype(np.uint8),
    )


def _middle(small: NDArray[np.float32]) -> tuple[float, float]:
    """Returns (across, down) of what differs from the usual grey level, in the middle where nothing does."""
    weights = np.abs(small - np.median(small)) + np.float32(_SMALLEST)
    places = (np.arange(SIDE, dtype=np.float32) + 0.5) / SIDE
    weights /= weights.sum()
    return float((weights.sum(0) * places).sum()), float((weights.sum(1) * places).sum())


def _edges(grey: NDArray[np.float32]) -> tuple[NDArray[np.float32], float, float]:
    """Returns the shares of edges by direction, how sharp they are, and how strong in the quietest places."""
    rows, columns = (side // 2 * 2 for side in grey.shape)
    upper, lower = grey[0:rows:2, :columns], grey[1:rows:2, :columns]
    halved = (upper[:, 0::2] + upper[:, 1::2] + lower[:, 0::2] + lower[:, 1::2]) / 4  # without the camera's noise
    right, below = halved[1:-1, 2:] - halved[1:-1, :-2], halved[2:, 1:-1] - halved[:-2, 1:-1]
    strength = np.hypot(right, below)
    angle = np.arctan2(below, right) * np.float32(DIRECTIONS / np.pi)
    first = np.floor(angle)
    bins, part = first.astype(np.int64).ravel() % DIRECTIONS, strength * (angle - first)
    of_first = np.bincount(bins, (strength - part).ravel(), DIRECTIONS)
    counted = of_first + np.roll(np.bincount(bins, part.ravel(), DIRECTIONS), 1) + _SMALLEST
    fine = float(np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean()) + _SMALLEST
    coarse = float(np.abs(right).mean() + np.abs(below).mean()) + _SMALLEST
    quiet = np.quantile(resize_map(strength, (SIDE, SIDE)), _QUIETEST)
    structure = float(np.log2(max(float(quiet), 0.0) + _NO_EDGES))
    return (counted / counted.sum()).astype(np.float32), float(np.log2(fine / coarse)), structure
