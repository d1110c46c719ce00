"""How many scores of each photo lie between some thresholds: coarse, small, and easily summed over photos."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blemish.metrics.ranking import Floats

Counts = NDArray[Any]
"""(N, C), a row per photo, a column per range of scores."""


@dataclass(frozen=True, kw_only=True)
class Tally:
    """The counts that N photos have in C columns; scores rise from column to column.

    In the odd columns all scores are equal: they hold what lies at one of the edges, the even ones what lies between.
    """

    normal: Counts
    hits: Counts
    """Anomalous scores."""
    weight: Counts
    """Summed weights of the anomalous scores."""
    found: Counts
    """Regions by the column of the highest threshold that more than half of their pixels reach."""

    def of(self, photos: NDArray[np.intp]) -> "Tally":
        """Returns these photos only, in this order."""
        return Tally(
            normal=self.normal[photos],
            hits=self.hits[photos],
            weight=self.weight[photos],
            found=self.found[photos],
        )


def cut(rising: NDArray[Any], edges: NDArray[Any]) -> NDArray[np.int64]:
    """Returns (C + 1,) where the columns of some rising scores begin, and where the last one ends."""
    below, up_to = (np.searchsorted(rising, edges, side=side) for side in ("left", "right"))
    return np.concatenate([[0], np.stack([below, up_to], axis=1).ravel(), [rising.size]])


def sketch(rising: NDArray[Any], *, most: int) -> tuple[NDArray[Any], Floats]:
    """Returns at most so many of some rising scores, evenly spaced from lowest to highest, and what each stands for."""
    if rising.size <= most:
        return rising, np.ones(rising.size)
    chosen = np.linspace(0, rising.size - 1, most).round().astype(np.int64)
    return rising[chosen], np.full(most, rising.size / most)


def quantiles(scores: NDArray[Any], weights: Floats, *, count: int) -> NDArray[Any]:
    """Returns at most `count` of these scores, distinct and rising, with about the same weight between them; all if so
    few."""
    distinct, place = np.unique(scores, return_inverse=True)
    if distinct.size <= count:
        return distinct
    reached = np.cumsum(np.bincount(place, weights=weights))
    wanted = reached[-1] * (np.arange(count) + 0.5) / count
    chosen: NDArray[Any] = distinct[np.unique(np.searchsorted(reached, wanted))]
    return chosen
