"""Defect regions: connected pixels of a photo that its anomaly map marks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

EIGHT_CONNECTED = np.ones((3, 3), np.bool_)


@dataclass(frozen=True, kw_only=True)
class Region:
    """One 8-connected region of a predicted mask, in the photo's own pixels."""

    box: tuple[int, int, int, int]
    """(left, top, right, bottom), right and bottom just outside."""
    area: int
    """Pixels."""
    peak: float
    """Highest value of the anomaly map in it."""
    centroid: tuple[float, float]
    """(x, y), mean of its pixels' places."""


def find_regions(
    anomaly_map: NDArray[np.float32], *, above: float, min_area: int
) -> tuple[NDArray[np.bool_], tuple[Region, ...]]:
    """Predicted mask and its regions, strongest peak first; regions of fewer than `min_area` pixels are in neither."""
    mask = anomaly_map > above
    if not mask.any():
        return mask, ()
    from scipy import ndimage  # slow to import, and most photos need it not

    top, bottom = _span(mask, axis=1)
    left, right = _span(mask, axis=0)
    labels, count = ndimage.label(mask[top:bottom, left:right], EIGHT_CONNECTED)
    y, x = np.nonzero(labels)  # of marked pixels alone, of which there are few
    label = labels[y, x] - 1
    y, x = y + top, x + left
    areas = np.bincount(label)
    centres = np.stack([np.bincount(label, weights=place) / areas for place in (x, y)], axis=1)
    peaks = np.full(count, -np.inf, np.float32)
    np.maximum.at(peaks, label, anomaly_map[y, x])
    wanted = areas >= min_area
    regions = [
        Region(
            box=(left + columns.start, top + rows.start, left + columns.stop, top + rows.stop),
            area=int(areas[i]),
            peak=float(peaks[i]),
            centroid=(float(centres[i, 0]), float(centres[i, 1])),
        )
        for i, (rows, columns) in enumerate(ndimage.find_objects(labels))
        if wanted[i]
    ]
    mask[y, x] = wanted[label]
    return mask, tuple(sorted(regions, key=lambda region: -region.peak))


def _span(mask: NDArray[np.bool_], *, axis: int) -> tuple[int, int]:
    """The first row (axis 1) or column (axis 0) that holds a marked pixel, and the one after the last."""
    places = np.flatnonzero(np.any(mask, axis=axis))
    return int(places[0]), int(places[-1]) + 1
