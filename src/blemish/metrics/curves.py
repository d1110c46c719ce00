"""The curves behind the areas, thinned so that they can be drawn."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from blemish.metrics.ranking import Floats, Ranking
from blemish.metrics.true_regions import PRO_LIMIT

MOST = 200


@dataclass(frozen=True, kw_only=True)
class Curve:
    """At most 200 points that show an exact curve, from left to right."""

    x: list[float]
    y: list[float]


def roc(ranking: Ranking) -> Curve:
    """Returns x: false alarm rate, y: recall; from (0, 0) to (1, 1), points evenly spaced along the way."""
    return _thinned(ranking.corners(), along=lambda x, y: x + y)


def precision_recall(ranking: Ranking) -> Curve:
    """Returns x: recall, y: precision; from the highest threshold that hits to the one that misses nothing."""
    return _thinned(ranking.recall_and_precision(), along=lambda x, _: x)


def per_region_overlap(ranking: Ranking) -> Curve:
    """Returns x: false alarm rate of pixels, y: mean share of each defect that is marked; from (0, 0) to (1, 1), they
    lie closest up to the limit that PRO counts to."""
    corners = ((x, np.minimum(y, 1)) for x, y in ranking.corners(weighted=True))  # sums of weights pass 1 by a last bit
    return _thinned(corners, along=lambda x, y: np.minimum(x, PRO_LIMIT) / PRO_LIMIT + x + y)


Along = Callable[[Floats, Floats], Floats]


def _thinned(pieces: Iterable[tuple[Floats, Floats]], *, along: Along) -> Curve:
    picked = [_pick(x, y, along=along, most=10 * MOST) for x, y in pieces]  # a piece may have millions
    x, y = (np.concatenate(values) for values in zip(*picked, strict=True))
    x, y = _pick(x, y, along=along, most=MOST)
    return Curve(x=x.tolist(), y=y.tolist())


def _pick(x: Floats, y: Floats, *, along: Along, most: int) -> tuple[Floats, Floats]:
    """Returns the first and last point, and so many between them that none is far from a point that stays."""
    moves = np.append(True, (np.diff(x) != 0) | (np.diff(y) != 0))
    x, y = x[moves], y[moves]
    bends = np.ones(x.size, np.bool_)
    for values in (x, y):
        bends[1:-1] &= (values[1:-1] != values[:-2]) | (values[1:-1] != values[2:])
    x, y = x[bends], y[bends]
    if x.size <= most:
        return x, y
    way = along(x, y)
    chosen = np.unique(np.searchsorted(way, np.linspace(way[0], way[-1], most)))
    return x[chosen], y[chosen]
