"""Metrics that count defects, not their pixels: per-region overlap (PRO) and instance average precision (IAP).

A region is an 8-connected component of a true mask. Both metrics follow from the ranking of all pixels and from where
the pixels of each region stand in it, so no map is ever thresholded.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from blemish.errors import MetricError
from blemish.evaluation.ranking import Ranking, rank

EIGHT_CONNECTED = np.ones((3, 3), np.bool_)


@dataclass(frozen=True, kw_only=True)
class Regions:
    """The P defect pixels of a test set: to which of the R regions each belongs, and where its score stands."""

    ranking: Ranking
    """Of all pixels of all photos."""
    sizes: NDArray[np.int64]
    """(R,) pixels of each region."""
    region: NDArray[np.int64]
    """(P,) index of a pixel's region."""
    level: NDArray[np.int64]
    """(P,) index of a pixel's score in `ranking.thresholds`: 0 is the highest."""

    def pro(self, *, fpr_limit: float = 0.3) -> float:
        """Area under mean region overlap versus false positive rate up to `fpr_limit`, as a share of that limit.

        Per-region overlap of Bergmann et al., IJCV 2021, at every threshold there is. The rate is over all
        defect-free pixels; the curve is cut exactly at the limit.
        """
        if not 0 < fpr_limit <= 1:
            raise MetricError(f"fpr_limit is {fpr_limit}: give a rate above 0 and at most 1")
        share = 1 / self.sizes[self.region]  # a pixel is this much of its region
        gains = np.bincount(self.level, weights=share, minlength=len(self.ranking.thresholds))
        rate, overlap = self.ranking.against_false_alarms(gains)
        inside = rate <= fpr_limit
        rate, overlap = (
            np.append(rate[inside], fpr_limit),
            np.append(overlap[inside], np.interp(fpr_limit, rate, overlap)),
        )
        area = np.diff(rate) @ (overlap[1:] + overlap[:-1]) / 2
        return min(float(area) / fpr_limit, 1.0)  # rounding may pass 1 by the last bit

    def iap(self) -> float:
        """Mean over regions of the best precision, over all pixels, at which this and every easier region is found.

        A region is found at a threshold that more than half of its pixels reach (Zhang et al., DeSTSeg, CVPR 2023).
        """
        return float(self._precision_as_regions_are_lost().mean())

    def iap_at_90(self) -> float:
        """The precision of IAP at the lowest share of regions found that is at least 90 %."""
        precision = self._precision_as_regions_are_lost()
        return float(precision[len(precision) // 10])  # so many regions may be missed: at most one in ten

    def _precision_as_regions_are_lost(self) -> NDArray[np.float64]:
        """(R,) highest precision that finds all regions but the i hardest, i rising."""
        levels = len(self.ranking.thresholds)
        by_region = np.sort(self.region * levels + self.level)  # one key sorts faster than two
        starts = np.cumsum(self.sizes) - self.sizes
        # Half of a region's pixels, rounded down, and one more stand at this level or higher.
        found_from = by_region[starts + self.sizes // 2] % levels
        precision = self.ranking.precision()[np.sort(found_from)[::-1]]
        return np.maximum.accumulate(precision)


def find_regions(masks: NDArray[np.bool_], maps: NDArray[np.float32], *, ranking: Ranking | None = None) -> Regions:
    """Finds the regions of (N, H, W) masks and places them in the ranking of all pixels of (N, H, W) maps.

    `ranking` spares the sort where it is already known. Raises MetricError where `rank` does.
    """
    masks, maps = np.asarray(masks, np.bool_), np.asarray(maps)
    if masks.ndim != 3:
        raise MetricError(f"masks have shape {masks.shape}: give one of (photos, height, width)")
    ranking = ranking or rank(masks, maps, unit="pixels")
    region, found = [], 0
    for mask in masks:
        if mask.any():
            labels, count = ndimage.label(mask, EIGHT_CONNECTED)
            region.append(labels[mask].astype(np.int64) + (found - 1))
            found += count
    indices = np.concatenate(region)
    rising = np.unique(maps[masks], return_inverse=True)[1]
    return Regions(
        ranking=ranking,
        sizes=np.bincount(indices),
        region=indices,
        level=len(ranking.thresholds) - 1 - rising,
    )


def pro(masks: NDArray[np.bool_], maps: NDArray[np.float32], *, fpr_limit: float = 0.3) -> float:
    """Per-region overlap of (N, H, W) maps; see Regions.pro."""
    return find_regions(masks, maps).pro(fpr_limit=fpr_limit)


def iap(masks: NDArray[np.bool_], maps: NDArray[np.float32]) -> float:
    """Instance average precision of (N, H, W) maps; see Regions.iap."""
    return find_regions(masks, maps).iap()


def iap_at_90(masks: NDArray[np.bool_], maps: NDArray[np.float32]) -> float:
    """Precision of (N, H, W) maps where at least 90 % of the regions are found; see Regions.iap_at_90."""
    return find_regions(masks, maps).iap_at_90()
