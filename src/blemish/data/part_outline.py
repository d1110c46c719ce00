"""Where the part lies in photos of good parts: what differs from the colour of the background, over all of them."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from blemish.data.framing import shown
from blemish.data.images import Pixels, Size, resize_image, resize_mask
from blemish.errors import DataError

_LONGEST_SIDE = 384  # pixels that photos are looked at with
_RING = 0.03  # of the shorter side, at the photo's edges: the background, where most of it is
_SMOOTHED = 0.006  # of the longer side
_EVERYWHERE = 0.95  # of the photo
_NOWHERE = 0.002
_SMALLEST = 0.2  # of a photo's largest piece: smaller ones are specks, and what lies about
_FILLS = 0.5  # times as often at the edges as in all: the part has no background
_LEVELS = 256


@dataclass(frozen=True, kw_only=True)
class PartOutline:
    """An outline says where the part lies in every one of some photos."""

    mask: NDArray[np.bool_]
    """(H, W) of the photos."""
    photos: int
    """How many photos it is from."""


def outline_part(photos: Iterable[Pixels], *, margin: float = 0.02) -> PartOutline:
    """Returns where any part lies in photos (H, W, 3) of one size, and a `margin` around it, a share of the longer
    side.

    A photo's background is the median colour at its edges. A place is of the part where its colour is farther from that
    than Otsu's threshold (1979) of all distances in all photos; pieces of it get their holes filled, and specks are
    dropped. Raises DataError where nothing stands out, as where the part fills the photo.
    """
    distances, size = [], (0, 0)
    for photo in photos:
        size = (photo.shape[0], photo.shape[1])
        distances.append(_from_background(photo, size))
    if not distances:
        raise DataError("no photo to look for the part in")
    every = np.stack(distances)
    found = every > _otsu(every)
    ring = _ring((every.shape[1], every.shape[2]))
    if found[:, ring].mean() > _FILLS * found.mean():
        raise DataError(
            "no part stands out from a background: what differs lies at the photos' edges as well. Where parts fill "
            "the photos no region is needed; else draw one (see --roi of `blemish train`)"
        )
    mask = ndimage.binary_fill_holes(np.any([_whole_pieces(one) for one in found], axis=0))
    if not _NOWHERE < mask.mean() < _EVERYWHERE:
        raise DataError(
            f"no part stands out from a background: what differs covers {mask.mean():.1%} of the photos; draw a region "
            "yourself (see --roi of `blemish train`)"
        )
    reach = max(1, round(margin * max(mask.shape))) if margin else 0
    if reach:
        mask = ndimage.distance_transform_edt(~mask) <= reach
    return PartOutline(mask=resize_mask(mask, size), photos=len(distances))


def _from_background(photo: Pixels, size: Size) -> NDArray[np.float32]:
    """Returns how far each pixel's colour is from the background's, smoothed, in grey levels of 255."""
    zoom = min(1.0, _LONGEST_SIDE / max(size))
    white = 65535 if photo.max(initial=0) > 4095 or photo.dtype == np.uint8 else 4095
    small = resize_image(
        shown(photo, white_level=white), (max(1, round(size[0] * zoom)), max(1, round(size[1] * zoom)))
    )
    pixels = small.astype(np.float32)
    background = np.median(pixels[_ring((pixels.shape[0], pixels.shape[1]))], axis=0)
    away = np.abs(pixels - background).max(axis=2)
    smoothed: NDArray[np.float32] = ndimage.gaussian_filter(away, _SMOOTHED * max(small.shape))
    return smoothed


def _ring(size: Size) -> NDArray[np.bool_]:
    width = max(1, math.ceil(_RING * min(size)))
    ring = np.ones(size, np.bool_)
    ring[width:-width, width:-width] = False
    return ring


def _otsu(values: NDArray[np.float32]) -> float:
    """Returns the threshold that parts values into the two classes whose means are farthest apart (Otsu, 1979)."""
    counts, edges = np.histogram(values, _LEVELS)
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1].astype(np.float64)
    above = below[-1] + counts[-1] - below
    sums = np.cumsum(counts * middles)
    with np.errstate(invalid="ignore", divide="ignore"):
        gap = sums[:-1] / below - (sums[-1] - sums[:-1]) / above
    between = np.nan_to_num(below * above * gap**2)
    return float(edges[1 + int(between.argmax())])


def _whole_pieces(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Returns the pieces of a mask without their holes, and without specks."""
    filled = ndimage.binary_fill_holes(ndimage.binary_closing(mask, iterations=2) | mask)
    labels, count = ndimage.label(filled)
    if not count:
        return np.zeros_like(mask)
    areas = np.bincount(labels.ravel())[1:]
    kept: NDArray[np.bool_] = np.isin(labels, 1 + np.flatnonzero(areas >= _SMALLEST * areas.max()))
    return kept
