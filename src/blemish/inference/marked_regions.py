"""Predicted masks and their connected regions, in the photo's own pixels, from the one map that gives the score too.

Regions are found on the map itself and then laid onto the photo: a map that is first resized to the photo is lower at
its peaks, and a photo could be anomalous without any region.

The threshold of pixels says whether a place is marked, and the middle, in logarithms, between it and that place's own
peak how far the mark reaches: a defect far above the threshold lifts the map around it above the threshold too, for a
network sees more than one pixel at a time. Logarithms, so that a mark is the same whether a method multiplies few
distances or many. `benchmarks/region_size.py` measured the rule against others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blemish.data.images import Size
from blemish.inference.extent import extent_of

_EIGHT_CONNECTED = np.ones((3, 3), np.bool_)
WAY_TO_PEAK = 0.5
"""A pixel is marked where it is above this share of the way from the threshold to the peak of its surroundings."""
Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Region:
    """One region of a predicted mask, which is 8-connected, in the photo's own pixels."""

    box: tuple[int, int, int, int]
    """(left, top, right, bottom), right and bottom just outside."""
    area: int
    """Pixels."""
    peak: float
    """Highest value of the anomaly map in it."""
    centroid: tuple[float, float]
    """(x, y), mean of its pixels' places."""
    region_of_interest: str | None = None
    """The name of that which its peak lies in, of several the first; None where all of the photo counts."""
    within: tuple[str, ...] = ()
    """The names of all that its peak lies in: regions of interest may overlap, as a hole in a lid does."""
    length: float = 0.0
    """Pixels, in the direction in which it is longest, see `extent_of`."""
    width: float = 0.0
    """Pixels, in the direction in which it is narrowest."""


def find_regions(
    anomaly_map: NDArray[np.float32],
    *,
    above: float,
    photo_size: Size,
    min_area: int = 1,
    keep_strongest: bool = False,
    named: Sequence[tuple[str, Mask]] = (),
) -> tuple[Mask, tuple[Region, ...]]:
    """Returns the predicted mask (H, W) of the photo and its regions, strongest peak first.

    The mask holds what is above WAY_TO_PEAK, in logarithms, from the threshold to the highest value of the part,
    connected above the threshold, that it lies in: so it is empty only where nothing is above the threshold. Regions of
    fewer than `min_area` pixels of the photo are in neither, but for the strongest, which `keep_strongest` keeps
    whatever its size. `named` are regions of interest, each with its mask (h, w) of the map's size.
    """
    marked = anomaly_map > np.float64(above)  # rounded to float32, it might not be below a score that is above it
    if not marked.any():
        return np.zeros(photo_size, np.bool_), ()
    from scipy import ndimage  # slow to import, and most photos need it not

    if above > 0:  # else it has no logarithm
        marked = _near_peaks(anomaly_map, marked, above)
    labels, _ = ndimage.label(marked, _EIGHT_CONNECTED)
    found = [
        _region(labels[place] == label, place, anomaly_map, photo_size, named=named)
        for label, place in enumerate(ndimage.find_objects(labels), start=1)
    ]
    order = sorted(range(len(found)), key=lambda i: -found[i].peak)
    wanted = [i for rank, i in enumerate(order) if found[i].area >= min_area or (keep_strongest and not rank)]
    kept = np.isin(labels, np.array(wanted, np.intp) + 1) & marked
    return laid_on_photo(kept, photo_size), tuple(found[i] for i in wanted)


def _near_peaks(anomaly_map: NDArray[np.float32], marked: Mask, above: float) -> Mask:
    """Returns of each connected part of the mask what is far enough on the way to its highest value."""
    from scipy import ndimage

    labels, count = ndimage.label(marked, _EIGHT_CONNECTED)
    peaks = np.full(count + 1, above, np.float64)  # of float32 a peak just above the threshold would not be above both
    np.maximum.at(peaks, labels[marked], anomaly_map[marked])
    enough = above ** (1 - WAY_TO_PEAK) * peaks**WAY_TO_PEAK
    near: Mask = marked & (anomaly_map > enough[labels])
    return near


def _region(
    inside: Mask,
    place: tuple[slice, slice],
    anomaly_map: NDArray[np.float32],
    photo_size: Size,
    *,
    named: Sequence[tuple[str, Mask]],
) -> Region:
    """Returns one region: of the part `place` of the map, the pixels `inside` are its."""
    spans = [_spans(anomaly_map.shape[axis], photo_size[axis])[:, place[axis]] for axis in (0, 1)]
    top, left = (int(span[0, 0]) for span in spans)
    bottom, right = (int(span[1, -1]) for span in spans)
    on_photo = _lay(_lay(inside, spans[0] - top, bottom - top, axis=0), spans[1] - left, right - left, axis=1)
    y, x = np.nonzero(on_photo)
    length, width = extent_of(on_photo)
    values = np.where(inside, anomaly_map[place], -np.inf)
    peak = np.unravel_index(int(values.argmax()), values.shape)
    within = tuple(name for name, mask in named if mask[place][peak])
    return Region(
        box=(left, top, right, bottom),
        area=len(y),
        peak=float(values[peak]),
        centroid=(left + float(x.mean()), top + float(y.mean())),
        region_of_interest=within[0] if within else None,
        within=within,
        length=length,
        width=width,
    )


def laid_on_photo(mask: Mask, photo_size: Size) -> Mask:
    """Returns the mask (h, w) of a map as the pixels (H, W) of the photo that it covers.

    Each of the map's pixels covers the photo's pixels whose centres lie in it, or, where the photo has fewer pixels
    than the map, those that it touches: no pixel of the mask is lost.
    """
    for axis in (0, 1):
        mask = _lay(mask, _spans(mask.shape[axis], photo_size[axis]), photo_size[axis], axis=axis)
    return mask


def _spans(count: int, pixels: int) -> NDArray[np.intp]:
    """Returns (2, count): along one axis, the first pixel of the photo that each of the map's covers, and the one after
    the last."""
    edges = np.arange(count + 1) * (pixels / count)
    if pixels >= count:
        ends = np.ceil(edges - 0.5).astype(np.intp)
        return np.stack([ends[:-1], ends[1:]])
    first = np.minimum(np.floor(edges[:-1] + 1e-9).astype(np.intp), pixels - 1)
    return np.stack([first, np.maximum(first + 1, np.ceil(edges[1:] - 1e-9).astype(np.intp))])


def _lay(mask: Mask, spans: NDArray[np.intp], pixels: int, *, axis: int) -> Mask:
    """Spreads the mask along an axis over `pixels` of the photo."""
    first, after = spans
    if np.array_equal(first[1:], after[:-1]):  # each pixel of the photo belongs to one of the map's
        return np.repeat(mask, after - first, axis=axis)
    laid = np.zeros((pixels, mask.shape[1]) if axis == 0 else (mask.shape[0], pixels), np.bool_)
    across, target = (mask, laid) if axis == 0 else (mask.T, laid.T)
    for places in (first, after - 1):
        np.logical_or.at(target, places, across)
    return laid
