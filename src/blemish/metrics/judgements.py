"""What metrics measure: the truth and the detector's word on every photo of a test set."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from blemish.errors import MetricError
from blemish.metrics.pixels import StoredPixels
from blemish.metrics.ranking import Ranking, rank
from blemish.metrics.true_regions import Regions


@dataclass(frozen=True, kw_only=True)
class Judgements:
    """The truth and the scores that N photos have, and the pixels of their maps."""

    anomalous: NDArray[np.bool_]
    """(N,) truth of each photo."""
    scores: NDArray[np.float64]
    """(N,) raw anomaly scores, any range."""
    maps: StoredPixels | None = None
    """The pixels of the same photos."""

    def of(self, photos: NDArray[np.intp]) -> "Judgements":
        """Returns these photos only, in this order."""
        return Judgements(
            anomalous=self.anomalous[photos],
            scores=self.scores[photos],
            maps=self.maps.of(photos) if self.maps is not None else None,
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

    @property
    def _maps(self) -> StoredPixels:
        if self.maps is None:
            raise MetricError("no anomaly maps of these photos: metrics of pixels and regions need them")
        return self.maps
