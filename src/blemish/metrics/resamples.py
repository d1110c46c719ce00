"""Figures of many resampled test sets at once, each of which is a weighted sum of counts."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from blemish.metrics.judgements import Judgements
from blemish.metrics.ranking import Floats
from blemish.metrics.tally import Tally
from blemish.metrics.true_regions import PRO_LIMIT


@dataclass(frozen=True, kw_only=True)
class Resamples:
    """The resampled test sets, of which there are D, as counts in C columns of scores that fall from column to
    column."""

    hits: Floats
    """(D, C) anomalous scores in each column."""
    false_alarms: Floats
    """(D, C) normal scores in each column."""
    tied: NDArray[np.bool_]
    """(C,) whether all scores of a column are equal; otherwise classes are taken to mix evenly within it."""
    weight: Floats
    """(D, C) summed weights of the anomalous scores in each column; a region's pixels weigh 1 together."""
    found: Floats
    """(D, C) regions by the column of the highest threshold at which more than half of their pixels reach it."""

    def auroc(self) -> Floats:
        """Returns (D,) the area under the ROC curve."""
        normal = self.false_alarms.sum(axis=1, keepdims=True)
        passed = np.cumsum(self.false_alarms, axis=1) - self.false_alarms / 2
        return np.asarray((self.hits * (1 - passed / normal)).sum(axis=1) / self.hits.sum(axis=1))

    def average_precision(self) -> Floats:
        """Returns (D,) the area under the precision-recall curve."""
        return np.asarray((self.hits * self._precision).sum(axis=1) / self.hits.sum(axis=1))

    def f1_max(self) -> Floats:
        """Returns (D,) the highest F1."""
        hits = np.cumsum(self.hits, axis=1)
        return np.asarray((2 * hits / (hits + np.cumsum(self.false_alarms, axis=1) + hits[:, -1:])).max(axis=1))

    def pro(self, *, fpr_limit: float = PRO_LIMIT) -> Floats:
        """Returns (D,) the per-region overlap up to `fpr_limit`, as a share of that limit."""
        x = _from_zero(self.false_alarms)
        y = _from_zero(self.weight)
        steps, rises = np.diff(x, axis=1), np.diff(y, axis=1)
        inside = np.clip(fpr_limit - x[:, :-1], 0, steps)
        share = np.divide(inside, steps, out=np.zeros_like(steps), where=steps > 0)
        return np.asarray((inside * (y[:, :-1] + rises * share / 2)).sum(axis=1) / fpr_limit)

    def iap(self) -> Floats:
        """Returns (D,) the instance average precision."""
        return np.asarray((self.found * self._precision_as_regions_are_lost).sum(axis=1) / self.found.sum(axis=1))

    def iap_at_90(self) -> Floats:
        """Returns (D,) the precision where at least 90 % of the regions are found."""
        lost = np.cumsum(self.found[:, ::-1], axis=1)[:, ::-1]  # of the regions, those in this column or lower ones
        missable = np.floor(lost[:, :1] / 10)
        column = self.found.shape[1] - 1 - np.argmax((lost > missable)[:, ::-1], axis=1)
        best = self._precision_as_regions_are_lost[np.arange(len(column)), column]
        return np.where(lost[:, 0] > 0, best, np.nan)

    @cached_property
    def _precision(self) -> Floats:
        """Returns (D, C) precision at the end of columns whose scores tie, halfway through the others; 0 before any
        score."""
        part = np.where(self.tied, 0.0, 0.5)
        hits = np.cumsum(self.hits, axis=1) - part * self.hits
        called = hits + np.cumsum(self.false_alarms, axis=1) - part * self.false_alarms
        return np.divide(hits, called, out=np.zeros_like(hits), where=called > 0)

    @cached_property
    def _precision_as_regions_are_lost(self) -> Floats:
        at_regions = np.where(self.found > 0, self._precision, 0.0)
        return np.maximum.accumulate(at_regions[:, ::-1], axis=1)[:, ::-1]


def photo_weights(kinds: list[NDArray[np.intp]], rng: np.random.Generator, *, draws: int) -> Floats:
    """Returns (draws, N) how often each photo is in each resample; every kind keeps its number of photos."""
    weights = np.zeros((draws, sum(len(photos) for photos in kinds)))
    for photos in kinds:
        if photos.size:
            weights[:, photos] = rng.multinomial(photos.size, np.full(photos.size, 1 / photos.size), size=draws)
    return weights


def resamples_of_photos(judged: Judgements, weights: Floats) -> Resamples:
    """Returns the photos' scores of test sets (D, N) in which photo n is so often; a column per distinct score."""
    falling = np.argsort(-judged.scores)
    scores, weights, anomalous = judged.scores[falling], weights[:, falling], judged.anomalous[falling]
    starts = np.flatnonzero(np.append(True, scores[1:] != scores[:-1]))
    hits, false_alarms = (np.add.reduceat(weights * kind, starts, axis=1) for kind in (anomalous, ~anomalous))
    nothing = np.zeros_like(hits)
    tied = np.ones(len(starts), np.bool_)
    return Resamples(hits=hits, false_alarms=false_alarms, tied=tied, weight=nothing, found=nothing)


def resamples_of_pixels(tally: Tally, weights: Floats) -> Resamples:
    """Returns the pixels and regions of test sets (D, N) in which photo n is so often, in the tally's columns."""
    single = weights.astype(np.float32)  # counts are rounded to 7 digits, which no interval shows
    hits, false_alarms, weight, found = (
        (single @ counts.astype(np.float32)).astype(np.float64)[:, ::-1]
        for counts in (tally.hits, tally.normal, tally.weight, tally.found)
    )
    tied = np.arange(hits.shape[1]) % 2 == 1
    return Resamples(hits=hits, false_alarms=false_alarms, tied=tied, weight=weight, found=found)


def _from_zero(gained: Floats) -> Floats:
    """Returns (D, C + 1) the share that is reached where each column begins, and 1."""
    reached = np.pad(np.cumsum(gained, axis=1), ((0, 0), (1, 0)))
    return np.asarray(reached / reached[:, -1:])
