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

    labels, count = ndimage.label(mask, EIGHT_CONNECTED)
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    wanted = np.flatnonzero(areas >= min_area) + 1
    boxes = ndimage.find_objects(labels)
    peaks = ndimage.maximum(anomaly_map, labels, wanted)
    centres = ndimage.center_of_mass(mask, labels, wanted)
    regions = [
        Region(
            box=(boxes[i - 1][1].start, boxes[i - 1][0].start, boxes[i - 1][1].stop, boxes[i - 1][0].stop),
            area=int(areas[i - 1]),
            peak=float(peak),
            centroid=(float(x), float(y)),
        )
        for i, peak, (y, x) in zip(wanted, peaks, centres, strict=True)
    ]
    kept = np.isin(labels, wanted) if wanted.size < count else mask
    return kept, tuple(sorted(regions, key=lambda region: -region.peak))
