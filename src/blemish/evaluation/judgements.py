"""What metrics measure: the truth and the detector's word on every photo of a test set."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from blemish.errors import MetricError
from blemish.evaluation.ranking import Ranking, rank
from blemish.evaluation.regions import Regions, find_regions


@dataclass(frozen=True, kw_only=True)
class Judgements:
    """Truth and scores of N photos; maps and masks share one size (H, W)."""

    anomalous: NDArray[np.bool_]
    """(N,) truth of each photo."""
    scores: NDArray[np.float64]
    """(N,) raw anomaly scores, any range."""
    masks: NDArray[np.bool_] | None = None
    """(N, H, W) true masks; all False for normal photos; None where no ground truth is known."""
    maps: NDArray[np.float32] | None = None
    """(N, H, W) raw anomaly maps, any range."""

    @cached_property
    def photos(self) -> Ranking:
        """Of the photos' scores; raises MetricError where only one class is there."""
        return rank(self.anomalous, self.scores, unit="photos")

    @cached_property
    def pixels(self) -> Ranking:
        """Of all pixels of all photos, sorted once for all metrics; raises MetricError without masks or defects."""
        return rank(*self._masks_and_maps(), unit="pixels")

    @cached_property
    def regions(self) -> Regions:
        """Where the true defects stand in `pixels`; raises MetricError without masks or defects."""
        return find_regions(*self._masks_and_maps(), ranking=self.pixels)

    def _masks_and_maps(self) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        if self.masks is None or self.maps is None:
            missing = "masks" if self.masks is None else "anomaly maps"
            raise MetricError(f"no {missing} of these photos: metrics of pixels and regions need them")
        return self.masks, self.maps
