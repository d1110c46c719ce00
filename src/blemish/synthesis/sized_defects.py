"""Single defects of a given size in a photo's own pixels, to find out which sizes a model sees.

numpy alone draws them, on purpose: no training needs them, and a PC without torch can make its test.

The shapes of `shapes.py` are shares of a photo's side, and many may meet in one photo; these have a length that is
measured in pixels, and each is one connected region.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import ndimage

Coverage = NDArray[np.float64]
"""(h, w): how strongly each pixel of a window shows a defect, 0 to 1."""

_CONNECTED = np.ones((3, 3), np.bool_)
_MASKED = 0.5  # coverage from which on a pixel belongs to the defect
_ANGLES = np.linspace(0, 2 * np.pi, 180, endpoint=False)  # at which an outline is known
_ATTEMPTS = 200  # more than half of them give a defect of the size, for every kind and size
_CORRECTIONS = 4  # of the length that a shape is drawn with: pixels end where they end


@dataclass(frozen=True, kw_only=True)
class SizedDefect:
    """A defect that was painted into a photo: where, and how far its pixels were changed."""

    mask: NDArray[np.bool_]
    """(H, W), of the photo's size."""
    box: tuple[int, int, int, int]
    """Its (left, top, right, bottom), of which right and bottom lie just outside."""
    changed: float
    """The mean change of the mask's pixels, as a share of the photo's white; lighter is above 0, darker below."""


def paint_sized_defect(
    photo: NDArray[np.uint8] | NDArray[np.uint16],
    kind: str,
    size: int,
    *,
    contrast: float,
    white: int,
    generator: Generator,
) -> tuple[NDArray[np.uint8] | NDArray[np.uint16], SizedDefect]:
    """Returns a copy of a photo (H, W, 3) with one defect of a kind of SIZED_KINDS, somewhere wholly inside it.

    Its `longest_extent` is `size` pixels, rounded. All channels of its pixels change by the same amount, on average by
    `contrast` times `white`, the photo's highest value: darker or lighter, by chance where the photo leaves room for
    both. What would be beyond black or white stays there, so that `changed` may be nearer to 0 than `contrast`.
    """
    coverage, mask = draw_sized_defect(kind, size, generator)
    (height, width), (h, w) = photo.shape[:2], mask.shape
    top, left = int(generator.integers(height - h + 1)), int(generator.integers(width - w + 1))
    below = photo[top : top + h, left : left + w].astype(np.float64)
    sign = _direction(float(below[mask].mean()) / white, contrast, generator)
    change = sign * contrast * white * coverage / coverage[mask].mean()
    altered = np.clip(np.rint(below + change[:, :, None]), 0, white)
    painted = photo.copy()
    painted[top : top + h, left : left + w] = altered
    everywhere = np.zeros((height, width), np.bool_)
    everywhere[top : top + h, left : left + w] = mask
    changed = float((altered - below)[mask].mean()) / white
    return painted, SizedDefect(mask=everywhere, box=_box(mask, left=left, top=top), changed=changed)


def draw_sized_defect(kind: str, size: int, generator: Generator) -> tuple[Coverage, NDArray[np.bool_]]:
    """Returns coverage and mask (h, w) of one defect, in the smallest window that holds all that is covered.

    The mask is one connected region, whose `longest_extent` rounds to `size`, a whole number of pixels from 1.
    """
    side = 2 * size + 5  # room for soft edges
    for _ in range(_ATTEMPTS):
        middle = side // 2 + generator.uniform(-0.5, 0.5, 2)
        y, x = np.arange(side)[:, None] - middle[0], np.arange(side) - middle[1]
        seed, length = int(generator.integers(1 << 32)), float(size)
        for _ in range(_CORRECTIONS):
            coverage = SIZED_KINDS[kind](x, y, length, np.random.default_rng(seed))
            mask: NDArray[np.bool_] = coverage >= _MASKED
            extent = longest_extent(mask) if mask.any() else 0.0
            if round(extent) == size and ndimage.label(mask, _CONNECTED)[1] == 1:
                rows, columns = (np.flatnonzero((coverage > 0).any(axis=axis)) for axis in (1, 0))
                window = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
                return coverage[window], mask[window]
            length = max(0.5, length + size - extent)
    raise AssertionError(f"no {kind} of {size} pixels in {_ATTEMPTS} attempts")


def longest_extent(mask: NDArray[np.bool_]) -> float:
    """Returns how long a region is in the direction in which it is longest, in pixels: a row of n pixels is n long.

    It is the largest distance between the centres of two of its pixels, and one pixel more.
    """
    rows = np.flatnonzero(mask.any(axis=1))
    first = mask[rows].argmax(axis=1)
    last = mask.shape[1] - 1 - mask[rows, ::-1].argmax(axis=1)
    ends = np.concatenate([np.stack([rows, first], axis=1), np.stack([rows, last], axis=1)])
    return _widest(ends.astype(np.float64)) + 1


def _spot(x: Coverage, y: Coverage, length: float, generator: Generator) -> Coverage:
    """Draws an ellipse of sharp edge, up to one and a half times as long as wide."""
    across = 1 / generator.uniform(1, 1.5)
    radii = across / np.hypot(across * np.cos(_ANGLES), np.sin(_ANGLES))
    return np.clip(_inside(x, y, radii, length, generator) + 0.5, 0, 1)


def _scratch(x: Coverage, y: Coverage, length: float, generator: Generator) -> Coverage:
    """Draws a line that bends a little: a twelfth as wide as long, yet at least a pixel."""
    turn, bend = generator.uniform(0, np.pi), generator.uniform(-0.12, 0.12) * length
    along, aside = np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x
    half_length, half_width = length / 2, max(1.0, length / 12) / 2
    line = half_width - np.abs(aside - bend * ((along / half_length) ** 2 - 0.5))
    coverage: Coverage = np.clip(np.minimum(line, half_length - np.abs(along)) + 0.5, 0, 1)
    return coverage


def _stain(x: Coverage, y: Coverage, length: float, generator: Generator) -> Coverage:
    """Draws an uneven blot whose edge fades over a quarter of its size."""
    radii = np.ones_like(_ANGLES)
    for harmonic in range(2, 6):
        phase = generator.uniform(0, 2 * np.pi)
        radii += generator.uniform(0, 0.3) / harmonic * np.cos(harmonic * _ANGLES + phase)
    edge = np.clip(_inside(x, y, radii, length, generator) / max(1.0, length / 4) + 0.5, 0, 1)
    wave = generator.uniform(-1, 1, 2) * 2 * np.pi / length
    uneven: Coverage = 0.15 * (np.cos(wave[0] * x + wave[1] * y + generator.uniform(0, 2 * np.pi)) - 1)
    # Unevenness is of the middle alone, so that the mask's outline stays where the edge is at half.
    return edge + uneven * np.clip(2 * edge - 1, 0, 1)


SIZED_KINDS: dict[str, Callable[[Coverage, Coverage, float, Generator], Coverage]] = {
    "spot": _spot,
    "scratch": _scratch,
    "stain": _stain,
}
"""What draws the coverage at (x, y) from a middle, of a defect that is so many pixels long."""


def _inside(x: Coverage, y: Coverage, radii: Coverage, length: float, generator: Generator) -> Coverage:
    """Returns how far each pixel lies inside an outline of such radii, turned by chance and scaled to be so long."""
    outline = radii[:, None] * np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)
    radii = radii * length / _widest(outline)
    angle = np.arctan2(y, x) + generator.uniform(0, 2 * np.pi)
    return np.interp(angle, _ANGLES, radii, period=2 * np.pi) - np.hypot(x, y)


def _widest(points: Coverage) -> float:
    """Returns the largest distance between two of some points (N, 2)."""
    return float(np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1)).max())


def _direction(level: float, contrast: float, generator: Generator) -> int:
    """Returns 1 for lighter or -1 for darker: by chance where both fit, else towards where there is more room."""
    fits = [level + contrast <= 1, level - contrast >= 0]
    if fits[0] == fits[1] and fits[0]:
        return 1 if generator.random() < 0.5 else -1
    return 1 if level < 0.5 else -1


def _box(mask: NDArray[np.bool_], *, left: int, top: int) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return left + int(columns[0]), top + int(rows[0]), left + int(columns[-1]) + 1, top + int(rows[-1]) + 1
