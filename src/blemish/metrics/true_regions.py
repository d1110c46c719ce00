"""Metrics that count defects, not their pixels: per-region overlap (PRO) and instance average precision (IAP).

A region is an 8-connected component of a true mask. Both metrics follow from the ranking of all pixels and from where
the pixels of each region stand in it, so no map is ever thresholded.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from blemish.errors import MetricError
from blemish.metrics.ranking import Floats, Ranking

_CONNECTED = np.ones((3, 3), np.bool_)
PRO_LIMIT = 0.3
"""False positive rate up to which PRO looks: Bergmann et al., IJCV 2021."""
STRICT_LIMIT = 0.05
"""That of sPRO (Bergmann et al., IJCV 2022) and of MVTec AD 2's PRO."""


@dataclass(frozen=True, kw_only=True)
class PhotoRegions:
    """The defect pixels of one photo, of which there are P in R regions, as scores."""

    scores: NDArray[Any]
    """(P,) rising."""
    sizes: NDArray[Any]
    """(P,) pixels of the region that each of them belongs to; it weighs one part of so many."""
    found_at: NDArray[Any]
    """(R,) the highest threshold at which more than half of a region's pixels reach it."""


def regions_in(mask: NDArray[np.bool_], anomaly_map: NDArray[Any]) -> PhotoRegions:
    """Returns the regions of a mask (H, W), seen through a map of its size."""
    labels, count = ndimage.label(mask, _CONNECTED)
    region, scores = labels[mask] - 1, anomaly_map[mask]
    sizes = np.bincount(region, minlength=count)
    by_region = scores[np.lexsort((scores, region))]
    rising = np.argsort(scores)
    return PhotoRegions(
        scores=scores[rising],
        sizes=sizes[region[rising]].astype(np.uint32),
        # Half of a region's pixels, rounded down, stand at or above this one of them.
        found_at=by_region[np.cumsum(sizes) - 1 - sizes // 2],
    )


@dataclass(frozen=True, kw_only=True)
class Regions:
    """The regions that a test set has, of which there are R."""

    ranking: Ranking
    """The ranking of all pixels of all photos, defect pixels weighing one part of their region each."""
    found_at: Floats
    """(R,) the highest threshold at which more than half of a region's pixels reach it."""

    def pro(self, *, fpr_limit: float = PRO_LIMIT) -> float:
        """Returns the area under mean region overlap versus false positive rate up to `fpr_limit`, as a share of that
        limit.

        Per-region overlap of Bergmann et al., IJCV 2021, at every threshold there is. The rate is over all
        defect-free pixels; the curve is cut exactly at the limit.
        """
        if not 0 < fpr_limit <= 1:
            raise MetricError(f"fpr_limit is {fpr_limit}: give a rate above 0 and at most 1")
        return min(self.ranking.weighted_area(fpr_limit) / fpr_limit, 1.0)  # rounding may pass 1 by the last bit

    def iap(self) -> float:
        """Returns the mean over regions of the best precision, over all pixels, at which this and every easier region
        is found.

        A region is found at a threshold that more than half of its pixels reach (Zhang et al., DeSTSeg, CVPR 2023).
        """
        return float(self._precision_as_regions_are_lost().mean())

    def iap_at_90(self) -> float:
        """Returns the precision of IAP at the lowest share of regions found that is at least 90 %."""
        precision = self._precision_as_regions_are_lost()
        return float(precision[len(precision) // 10])  # so many regions may be missed: at most one in ten

    def _precision_as_regions_are_lost(self) -> Floats:
        """Returns (R,) the highest precision that finds all regions but the i hardest, i rising."""
        return np.maximum.accumulate(self.ranking.precision_at(np.sort(self.found_at)))
