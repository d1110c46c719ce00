"""AUPIMO: how much of each defective photo is found while nearly nothing of good photos is marked.

Bertoldo et al., "AUPIMO: Redefining Visual Anomaly Detection Benchmarks with High Speed and Low Tolerance", BMVC 2024.
False alarms are counted in good photos alone; recall is of each defective photo by itself.
"""

import numpy as np
from numpy.typing import NDArray

from blemish.errors import MetricError
from blemish.metrics.judgements import Judgements
from blemish.metrics.pixels import StoredPixels
from blemish.metrics.ranking import Floats, check_classes

FPR_BOUNDS = (1e-5, 1e-4)
"""Shared false positive rates between which AUPIMO is integrated (section 3.3 of the paper)."""


def aupimo(judged: Judgements, *, bounds: tuple[float, float] = FPR_BOUNDS) -> float:
    """Returns the mean of `aupimo_of_photos` over the defective photos.

    Raises MetricError without maps, masks, good photos or defective pixels.
    """
    return float(aupimo_of_photos(judged, bounds=bounds).mean())


def aupimo_of_photos(judged: Judgements, *, bounds: tuple[float, float] = FPR_BOUNDS) -> Floats:
    """Returns the AUPIMO of each defective photo of which the map shows any defect pixel, in their order.

    That is the area under a photo's recall versus the logarithm of the shared false positive rate between the bounds,
    as a share of the widest possible. The rate is the mean over good photos of the share of their pixels that are
    marked; at each rate, recall is that of the lowest threshold that does not exceed it. So ties count against recall.
    """
    low, high = bounds
    if not 0 < low < high <= 1:
        raise MetricError(f"bounds are {low} and {high}: give two rising rates above 0 and at most 1")
    maps = judged.checked_maps()
    defective = np.flatnonzero(judged.anomalous & (maps.tally.hits.sum(axis=1) > 0))
    good = np.flatnonzero(~judged.anomalous)
    check_classes(anomalous=defective.size, normal=good.size, unit="photos")
    thresholds, widths = _thresholds(maps, good, low=low, high=high)
    areas = np.empty(defective.size)
    for place, photo in enumerate(defective.tolist()):
        rising = maps.defects[int(maps.runs[photo])]
        found = rising.size - np.searchsorted(rising, thresholds, side="right")
        areas[place] = (found / rising.size) @ widths
    return np.minimum(areas, 1.0)  # rounding may pass 1 by the last bit


def _thresholds(maps: StoredPixels, good: NDArray[np.intp], *, low: float, high: float) -> tuple[Floats, Floats]:
    """Returns scores that pixels must exceed, falling, and the share of the logarithmic axis for which each holds.

    Only the highest pixels of each photo are read: those that alone would make up the highest rate, and one more.
    """
    scores, weights = np.empty(0), np.empty(0)
    for photo in good.tolist():
        run = int(maps.runs[photo])
        start, end = maps.normal.ends[run], maps.normal.ends[run + 1]
        weight = 1 / ((end - start) * good.size)
        most = min(end - start, int(high / weight) + 2)
        highest = maps.normal.gather(np.array([end - most]), np.array([end])).astype(np.float64)
        scores, weights = np.append(scores, highest), np.append(weights, np.full(most, weight))
        falling = np.argsort(-scores, kind="stable")
        reached = np.cumsum(weights[falling])
        kept = falling[: int(np.searchsorted(reached, high, side="right")) + 1]
        scores, weights = scores[kept], weights[kept]
    distinct, place = np.unique(-scores, return_inverse=True)
    rates = np.append(0.0, np.cumsum(np.bincount(place, weights=weights)))
    # Pixels above the first score may be marked from rate 0 on, and all pixels beyond the last rate.
    ends = np.log(np.clip(np.append(rates, np.inf), low, high))
    return np.append(-distinct, -np.inf), np.diff(ends) / np.log(high / low)
