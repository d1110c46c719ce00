"""How far the figures of a test set may be off because it holds these photos and not others of the same kind.

Metrics: percentile bootstrap (Efron & Tibshirani, 1993, §13.3). A draw takes as many photos as there are, with
replacement; the photo is what is drawn, with all its pixels, for pixels of a photo are no independent witnesses. Good
and defective photos are drawn apart: how many there are of each is the choice of who made the test set, not chance, and
every draw then has both. Pixels are counted once per photo in columns between about 500 thresholds, so that a draw is a
weighted sum of counts; what the columns cost is measured on the test set as it is, and taken off every draw.

Rates: Clopper & Pearson, exact for any number of photos.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import special

from blemish.metrics.judgements import Judgements
from blemish.metrics.ranking import Floats
from blemish.metrics.tally import Tally
from blemish.metrics.true_regions import PRO_LIMIT

Interval = tuple[float, float]
"""(lowest, highest) at 95 %."""

COVERAGE = 0.95
DRAWS = 1000
SEED = 0
AT_ONCE = 500  # draws in memory together
ROUNDING = 1e-6  # what sums in single precision may differ by
METHOD = (
    f"{100 * COVERAGE:.0f} % intervals: percentiles of {DRAWS} bootstrap draws of photos, good and defective ones drawn"
    " apart; none where all draws agree, as on a perfect figure, or where there is a single photo of a kind"
)


def bootstrap(
    judged: Judgements, values: Mapping[str, float | None], *, draws: int = DRAWS, seed: int = SEED
) -> dict[str, Interval | None]:
    """An interval for each metric that has a value.

    None where it would claim a certainty that is not there: with a single photo of a class, which is in every draw, and
    where all draws agree, as they do on a perfect figure.
    """
    kinds = [np.flatnonzero(judged.anomalous == kind) for kind in (False, True)]
    defined = {name: value for name, value in values.items() if value is not None and name in DRAWN}
    if not defined or any(len(photos) == 1 for photos in kinds):
        return dict.fromkeys(values)
    drawn = draw_photos(kinds, np.random.default_rng(seed), draws=draws)
    as_it_is = _measure(judged, np.ones((1, judged.scores.size)), names=defined)
    found = [_measure(judged, drawn[i : i + AT_ONCE], names=defined) for i in range(0, draws, AT_ONCE)]
    intervals: dict[str, Interval | None] = dict.fromkeys(values)
    for name, value in defined.items():
        metrics = np.concatenate([some[name] for some in found]) + (value - as_it_is[name])
        low, high = np.nanquantile(metrics, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2]).clip(0, 1)
        intervals[name] = (float(low), float(high)) if high - low > ROUNDING else None
    return intervals


def binomial(count: int, of: int) -> Interval | None:
    """The interval of a rate that was seen `count` times in `of`; None where `of` is 0."""
    if not of:
        return None
    tail = (1 - COVERAGE) / 2
    low = special.betaincinv(count, of - count + 1, tail) if count else 0.0
    high = special.betaincinv(count + 1, of - count, 1 - tail) if count < of else 1.0
    return float(low), float(high)


def draw_photos(kinds: list[NDArray[np.intp]], rng: np.random.Generator, *, draws: int) -> Floats:
    """(draws, N) how often each photo is in each draw; every kind keeps its number of photos."""
    weights = np.zeros((draws, sum(len(photos) for photos in kinds)))
    for photos in kinds:
        if photos.size:
            weights[:, photos] = rng.multinomial(photos.size, np.full(photos.size, 1 / photos.size), size=draws)
    return weights


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """D drawn test sets, as counts in C columns of scores that fall from column to column."""

    hits: Floats
    """(D, C) anomalous scores in each column."""
    false_alarms: Floats
    """(D, C) normal scores in each column."""
    tied: NDArray[np.bool_]
    """(C,) whether all scores of a column are equal; otherwise classes are taken to mix evenly within it."""
    weight: Floats
    """(D, C) see Tally."""
    found: Floats
    """(D, C) see Tally."""

    def auroc(self) -> Floats:
        normal = self.false_alarms.sum(axis=1, keepdims=True)
        passed = np.cumsum(self.false_alarms, axis=1) - self.false_alarms / 2
        return np.asarray((self.hits * (1 - passed / normal)).sum(axis=1) / self.hits.sum(axis=1))

    def average_precision(self) -> Floats:
        return np.asarray((self.hits * self._precision).sum(axis=1) / self.hits.sum(axis=1))

    def f1_max(self) -> Floats:
        hits = np.cumsum(self.hits, axis=1)
        return np.asarray((2 * hits / (hits + np.cumsum(self.false_alarms, axis=1) + hits[:, -1:])).max(axis=1))

    def pro(self) -> Floats:
        x = _from_zero(self.false_alarms)
        y = _from_zero(self.weight)
        steps, rises = np.diff(x, axis=1), np.diff(y, axis=1)
        inside = np.clip(PRO_LIMIT - x[:, :-1], 0, steps)
        share = np.divide(inside, steps, out=np.zeros_like(steps), where=steps > 0)
        return np.asarray((inside * (y[:, :-1] + rises * share / 2)).sum(axis=1) / PRO_LIMIT)

    def iap(self) -> Floats:
        return np.asarray((self.found * self._precision_as_regions_are_lost).sum(axis=1) / self.found.sum(axis=1))

    def iap_at_90(self) -> Floats:
        lost = np.cumsum(self.found[:, ::-1], axis=1)[:, ::-1]  # of the regions, those in this column or lower ones
        missable = np.floor(lost[:, :1] / 10)
        column = self.found.shape[1] - 1 - np.argmax((lost > missable)[:, ::-1], axis=1)
        best = self._precision_as_regions_are_lost[np.arange(len(column)), column]
        return np.where(lost[:, 0] > 0, best, np.nan)

    @cached_property
    def _precision(self) -> Floats:
        """(D, C) at the end of columns whose scores tie, halfway through the others; 0 before any score."""
        part = np.where(self.tied, 0.0, 0.5)
        hits = np.cumsum(self.hits, axis=1) - part * self.hits
        called = hits + np.cumsum(self.false_alarms, axis=1) - part * self.false_alarms
        return np.divide(hits, called, out=np.zeros_like(hits), where=called > 0)

    @cached_property
    def _precision_as_regions_are_lost(self) -> Floats:
        at_regions = np.where(self.found > 0, self._precision, 0.0)
        return np.maximum.accumulate(at_regions[:, ::-1], axis=1)[:, ::-1]


DrawnMetric = Callable[[Drawn, Drawn], Floats]
"""(photos, pixels) of D drawn test sets -> (D,), NaN where a draw has no value."""

DRAWN: dict[str, DrawnMetric] = {
    "image_auroc": lambda photos, _: photos.auroc(),
    "image_ap": lambda photos, _: photos.average_precision(),
    "image_f1_max": lambda photos, _: photos.f1_max(),
    "pixel_auroc": lambda _, pixels: pixels.auroc(),
    "pixel_ap": lambda _, pixels: pixels.average_precision(),
    "pro": lambda _, pixels: pixels.pro(),
    "iap": lambda _, pixels: pixels.iap(),
    "iap_at_90": lambda _, pixels: pixels.iap_at_90(),
}
"""The metrics of METRICS, of many drawn test sets at once."""


def _measure(judged: Judgements, weights: Floats, *, names: Iterable[str]) -> dict[str, Floats]:
    photos = _of_photos(judged, weights)
    pixels = photos if judged.maps is None else _of_pixels(judged.maps.tally, weights)
    with np.errstate(invalid="ignore"):  # a draw without any defect pixel has no metric: NaN, which is left out
        return {name: DRAWN[name](photos, pixels) for name in names}


def _of_photos(judged: Judgements, weights: Floats) -> Drawn:
    falling = np.argsort(-judged.scores)
    scores, weights, anomalous = judged.scores[falling], weights[:, falling], judged.anomalous[falling]
    starts = np.flatnonzero(np.append(True, scores[1:] != scores[:-1]))
    hits, false_alarms = (np.add.reduceat(weights * kind, starts, axis=1) for kind in (anomalous, ~anomalous))
    nothing = np.zeros_like(hits)
    tied = np.ones(len(starts), np.bool_)
    return Drawn(hits=hits, false_alarms=false_alarms, tied=tied, weight=nothing, found=nothing)


def _of_pixels(tally: Tally, weights: Floats) -> Drawn:
    single = weights.astype(np.float32)  # counts are rounded to 7 digits, which no interval shows
    hits, false_alarms, weight, found = (
        (single @ counts.astype(np.float32)).astype(np.float64)[:, ::-1]
        for counts in (tally.hits, tally.normal, tally.weight, tally.found)
    )
    tied = np.arange(hits.shape[1]) % 2 == 1
    return Drawn(hits=hits, false_alarms=false_alarms, tied=tied, weight=weight, found=found)


def _from_zero(gained: Floats) -> Floats:
    """(D, C + 1) the share that is reached where each column begins, and 1."""
    reached = np.pad(np.cumsum(gained, axis=1), ((0, 0), (1, 0)))
    return np.asarray(reached / reached[:, -1:])
