"""What metrics measure: the truth and the detector's word on every photo of a test set."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from blemish.errors import MetricError
from blemish.metrics.pixels import StoredPixels
from blemish.metrics.ranking import Ranking, rank
from blemish.metrics.true_regions import STRICT_LIMIT, Regions


@dataclass(frozen=True, kw_only=True)
class Judgements:
    """The truth and the scores that N photos have, and the pixels of their maps."""

    anomalous: NDArray[np.bool_]
    """(N,) truth of each photo."""
    scores: NDArray[np.float64]
    """(N,) raw anomaly scores, any range."""
    maps: StoredPixels | None = None
    """The pixels of the same photos."""
    pixel_threshold: float | None = None
    """The model's own, which its good photos fixed: pixels above it are marked. None where there is none."""

    def of(self, photos: NDArray[np.intp]) -> "Judgements":
        """Returns these photos only, in this order."""
        return Judgements(
            anomalous=self.anomalous[photos],
            scores=self.scores[photos],
            maps=self.maps.of(photos) if self.maps is not None else None,
            pixel_threshold=self.pixel_threshold,
        )

    @cached_property
    def photos(self) -> Ranking:
        """The ranking of the photos' scores; raises MetricError where only one class is there."""
        return rank(self.anomalous, self.scores, unit="photos")

    @property
    def pixels(self) -> Ranking:
        """The ranking of all pixels of all photos, which is made once; raises MetricError without masks or defects."""
        return self._maps.ranking

    @property
    def regions(self) -> Regions:
        """The places where the true defects stand in `pixels`; raises MetricError without masks or defects."""
        return self._maps.regions

    def checked_maps(self) -> StoredPixels:
        """Returns the pixels of both classes; raises MetricError without maps, masks, defects or numbers."""
        self._maps.check()
        return self._maps

    def seg_f1(self) -> float:
        """Returns the F1 of all pixels at the model's own threshold; raises MetricError where there is none."""
        maps = self.checked_maps()
        if self.pixel_threshold is None:
            raise MetricError("no threshold of pixels: this metric is of a model that has one")
        anomalous, _ = maps.check()
        hits, false_alarms = maps.marked_at(self.pixel_threshold)
        return 2 * hits / (hits + false_alarms + anomalous)

    def spro(self) -> float:
        """Returns the area under the mean share of each defect that is found, saturated, versus the false positive rate
        up to .05, as a share of that limit (Bergmann et al., IJCV 2022); raises MetricError where the data set does not
        say how much of each defect is enough."""
        maps = self.checked_maps()
        if maps.saturated is None:
            raise MetricError("the data set does not say how much of each defect is enough: sPRO needs that")
        return min(maps.saturated.strict_ranking.weighted_area(STRICT_LIMIT) / STRICT_LIMIT, 1.0)

    @property
    def _maps(self) -> StoredPixels:
        if self.maps is None:
            raise MetricError("no anomaly maps of these photos: metrics of pixels and regions need them")
        return self.maps
