"""Which method is better than which, beyond chance: paired over photos, resampled over photos and seeds.

A method's figure is the mean over its seeds, and two methods' means differ by chance of two kinds: other test photos,
and other seeds. A draw takes both anew. Photos are drawn alike for all methods and seeds (evaluations hold these
draws), for what makes a photo hard is common to them; seeds are drawn for each method apart, for seed 0 of one has
nothing to do with seed 0 of another. So few seeds, drawn with replacement, spread too little, by a factor of
sqrt((n - 1) / n) ("narrowness bias": Hesterberg, 2015), and how much they spread is itself hardly known, for which
Student's t stands in place of the normal distribution: both are set right. Categories are drawn independently of one
another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from blemish.evaluation.record import Evaluation
from blemish.evaluation.test_set import difference_of_masks, difference_of_photos, photos_by_name
from blemish.metrics import METRICS
from blemish.metrics.intervals import COVERAGE, Interval
from blemish.metrics.paired import difference_interval
from blemish.metrics.ranking import Floats

SeedsOf = Mapping[tuple[str | None, str], Sequence[Evaluation]]
"""By (category, method) the evaluations of its seeds."""

_SEED = 0


@dataclass(frozen=True, kw_only=True)
class MethodDifference:
    """Two methods have a figure that differs so much between them, in one category or on average over all."""

    category: str | None
    over_all: bool
    """Whether it is the mean over all categories."""
    metric: str
    first: str
    second: str
    difference: float
    """Mean over seeds of the first, less that of the second."""
    interval: Interval | None
    """At 95 %; None where all draws agree."""

    @property
    def better(self) -> str | None:
        """Returns the method that is better beyond chance; None where neither is."""
        if self.interval is None or self.interval[0] <= 0 <= self.interval[1]:
            return None
        return self.first if self.difference > 0 else self.second


@dataclass(frozen=True, kw_only=True)
class Differences:
    """What methods differ in, as far as it can be known."""

    found: tuple[MethodDifference, ...] = ()
    notes: tuple[str, ...] = ()
    """A line on each thing that is not compared, and why."""

    def best(self, metric: str, methods: Sequence[str], *, category: str | None, over_all: bool = False) -> str | None:
        """Returns the one of these methods that is better than each other one beyond chance, if any is."""
        wins = [
            d.better
            for d in self.found
            if (d.metric, d.category, d.over_all) == (metric, category, over_all)
            and d.first in methods
            and d.second in methods
        ]
        return next((name for name in methods if len(methods) > 1 and wins.count(name) == len(methods) - 1), None)


@dataclass(frozen=True, kw_only=True)
class _Figure:
    """The mean over seeds of one figure, and what it is in the draws."""

    mean: float
    photos: Floats
    """(D,) On the drawn photos, mean over all seeds."""
    seeds: Floats
    """(D,) How far the mean over the drawn seeds is from that."""
    freedom: int
    """Degrees of freedom of the spread of seeds: how many seeds there are beyond the first of each mean."""


def method_differences(categories: Sequence[str | None], methods: Sequence[str], seeds_of: SeedsOf) -> Differences:
    """Compares each two methods in each category and over all of them, in every metric that can be resampled."""
    found, notes = list[MethodDifference](), list[str]()
    figures: dict[tuple[str | None, str], dict[str, _Figure]] = {}
    for place, category in enumerate(categories):
        there = {method: seeds_of[category, method] for method in methods if seeds_of.get((category, method))}
        if len(there) < 2:
            continue
        if why := _not_comparable([e for evaluations in there.values() for e in evaluations]):
            notes.append(f"{category or 'the photos'}: methods are not compared with one another: {why}")
            continue
        names, masks = _resampled_metrics(there)
        notes += [f"{category or 'the photos'}: metrics of pixels are not compared: {masks}"] if masks else []
        for method, evaluations in there.items():
            rng = np.random.default_rng([_SEED, place, methods.index(method)])
            order = np.random.default_rng([_SEED, place]).permutation(_draws(there))
            figures[category, method] = {name: _figure(evaluations, name, order, rng) for name in names}
        found += _pairwise({m: figures[category, m] for m in there}, category=category, over_all=False)
    if len(categories) > 1:
        everywhere = [m for m in methods if all((category, m) in figures for category in categories)]
        means = {m: _over_all([figures[category, m] for category in categories]) for m in everywhere}
        found += _pairwise(means, category=None, over_all=True)
    return Differences(found=tuple(found), notes=tuple(notes))


def _pairwise(
    figures: Mapping[str, Mapping[str, _Figure]], *, category: str | None, over_all: bool
) -> list[MethodDifference]:
    return [
        MethodDifference(
            category=category,
            over_all=over_all,
            metric=metric,
            first=first,
            second=second,
            difference=figures[first][metric].mean - figures[second][metric].mean,
            interval=_interval(figures[first][metric], figures[second][metric]),
        )
        for first, second in combinations(figures, 2)
        for metric in figures[first]
        if metric in figures[second]
    ]


def _interval(first: _Figure, second: _Figure) -> Interval | None:
    freedom, tail = first.freedom + second.freedom, (1 + COVERAGE) / 2
    wider = special.stdtrit(freedom, tail) / special.ndtri(tail) if freedom else 1.0
    return difference_interval(first.photos + wider * first.seeds, second.photos + wider * second.seeds)


def _over_all(own: Sequence[Mapping[str, _Figure]]) -> dict[str, _Figure]:
    """Returns the means over categories of the metrics that all of them have."""
    names = [name for name in METRICS if all(name in figures for figures in own)]
    return {
        name: _Figure(
            mean=float(np.mean([figures[name].mean for figures in own])),
            photos=np.mean([figures[name].photos for figures in own], axis=0),
            seeds=np.mean([figures[name].seeds for figures in own], axis=0),
            freedom=sum(figures[name].freedom for figures in own),
        )
        for name in names
    }


def _figure(
    evaluations: Sequence[Evaluation], name: str, order: NDArray[np.int64], rng: np.random.Generator
) -> _Figure:
    values = [value for e in evaluations if (value := e.metrics[name]) is not None]
    drawn = np.array([[np.nan if v is None else v for v in e.draws[name]] for e in evaluations])[:, order]
    seeds, draws = drawn.shape
    mean, spread = drawn.mean(axis=0), np.zeros(draws)
    if seeds > 1:
        taken = rng.integers(seeds, size=(seeds, draws))
        spread = np.sqrt(seeds / (seeds - 1)) * (np.take_along_axis(drawn, taken, axis=0).mean(axis=0) - mean)
    return _Figure(mean=float(np.mean(values)), photos=mean, seeds=spread, freedom=seeds - 1)


def _resampled_metrics(there: Mapping[str, Sequence[Evaluation]]) -> tuple[list[str], str | None]:
    """Returns the metrics of which every evaluation has draws, and why those of pixels are not among them, if so."""
    every = [e for evaluations in there.values() for e in evaluations]
    names = [name for name in METRICS if all(e.metrics.get(name) is not None and name in e.draws for e in every)]
    masks = next((why for e in every[1:] if (why := difference_of_masks(every[0], e))), None)
    return [name for name in names if masks is None or METRICS[name].of == "photos"], masks


def _not_comparable(every: Sequence[Evaluation]) -> str | None:
    """Returns why draws of these evaluations are not of the same photos, if they are not."""
    for other in every[1:]:
        if difference := difference_of_photos(every[0], other, called=("one training", "another")):
            return difference
        if list(photos_by_name(every[0])) != list(photos_by_name(other)):
            return "the photos stand in another order"
    if min(every[0].good_photos, every[0].defective_photos) < 2:
        return "a single photo of a kind says nothing of chance"
    if len({e.bootstrap for e in every}) > 1:
        return "their photos were drawn in different ways"
    if not all(e.draws for e in every):
        return "an evaluation is of before what that takes was kept"
    return None


def _draws(there: Mapping[str, Sequence[Evaluation]]) -> int:
    return min(len(drawn) for evaluations in there.values() for e in evaluations for drawn in e.draws.values())
