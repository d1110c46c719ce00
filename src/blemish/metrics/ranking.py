"""Exact ranking metrics with ties, from counts at the distinct anomalous scores.

Nothing between two anomalous scores matters to any of these metrics: a few numbers per distinct anomalous score say it
all, however many normal scores there are. They come in stretches, so that memory need not hold all of them at once.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from blemish.errors import MetricError

Floats = NDArray[np.float64]

Stretch = NDArray[np.void]
STRETCH = np.dtype(
    [
        ("threshold", np.float64),
        ("hits", np.int64),
        ("false_alarms", np.int64),
        ("false_alarms_above", np.int64),
        ("weight", np.float64),
    ]
)
"""At each of some distinct anomalous scores, falling: how many anomalous scores of the whole set are >= it, how many
normal ones are >= it and > it, and the summed weight of the anomalous scores that equal it.
"""


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """The ranking says how many scores of each class lie at or above each distinct anomalous score."""

    stretches: Iterable[Stretch]
    """The ranking in stretches of STRETCH, thresholds falling from one to the next; they can be gone through again."""
    anomalous: int
    """How many anomalous scores there are in all."""
    normal: int
    weight: float
    """The weight of all anomalous scores; as many as there are, where all weigh the same."""

    def auroc(self) -> float:
        """Returns the chance that an anomalous score lies above a normal one; a tie counts as half."""
        beaten = 0.0
        for stretch, gained in self._with_gains():
            # Each gained hit beats the normals below it and half of those that tie.
            passed = (stretch["false_alarms"] + stretch["false_alarms_above"]) / (2 * self.normal)
            beaten += float(gained @ (1 - passed))
        return beaten / self.anomalous

    def average_precision(self) -> float:
        """Returns the area under the precision-recall curve as a sum of steps, not of trapezoids, which would
        flatter."""
        return sum(float(gained @ _precision(stretch)) for stretch, gained in self._with_gains()) / self.anomalous

    def best_f1(self) -> tuple[float, float]:
        """Returns the highest F1 and the highest threshold that gives it (score >= threshold is a hit)."""
        best, threshold = -1.0, 0.0
        for stretch in self.stretches:
            f1 = 2 * stretch["hits"] / (stretch["hits"] + stretch["false_alarms"] + self.anomalous)
            at = int(np.argmax(f1))
            if f1[at] > best:
                best, threshold = float(f1[at]), float(stretch["threshold"][at])
        return best, threshold

    def weighted_area(self, limit: float) -> float:
        """Returns the area under weighted recall versus the false alarm rate up to `limit`, where the curve is cut
        exactly."""
        area, last = 0.0, (0.0, 0.0)
        for x, y in self.corners(weighted=True):
            area += _area_up_to(limit, np.append(last[0], x), np.append(last[1], y))
            last = x[-1], y[-1]
        return area

    def corners(self, *, weighted: bool = False) -> Iterator[tuple[Floats, Floats]]:
        """Yields corners of the exact ROC curve, (false alarm rate, recall), from (0, 0) to (1, 1), stretch by stretch.

        Two corners per threshold: where normals above it end, and where it and the normals that tie with it are in;
        straight lines between them are what ties demand. `weighted`: recall counts weights instead of scores.
        """
        reached, whole = 0.0, self.weight if weighted else self.anomalous
        yield np.zeros(1), np.zeros(1)
        for stretch, gained in self._with_gains():
            recall = (reached + np.cumsum(stretch["weight"] if weighted else gained)) / whole
            x = np.stack([stretch["false_alarms_above"], stretch["false_alarms"]], axis=1).ravel() / self.normal
            yield x, np.stack([np.append(reached / whole, recall[:-1]), recall], axis=1).ravel()
            reached = float(recall[-1]) * whole
        yield np.ones(1), np.ones(1)

    def recall_and_precision(self) -> Iterator[tuple[Floats, Floats]]:
        """Yields both at each threshold, falling, stretch by stretch."""
        for stretch in self.stretches:
            yield stretch["hits"] / self.anomalous, _precision(stretch)

    def precision_at(self, scores: Floats) -> Floats:
        """Returns the precision where each of these anomalous scores is the threshold."""
        precision = np.full(scores.shape, np.nan)
        for stretch in self.stretches:
            rising = stretch["threshold"][::-1]
            here = (scores >= rising[0]) & (scores <= rising[-1])
            precision[here] = _precision(stretch)[::-1][np.searchsorted(rising, scores[here])]
        return precision

    def _with_gains(self) -> Iterator[tuple[Stretch, NDArray[np.int64]]]:
        """Yields each stretch, and how many anomalous scores equal each of its thresholds."""
        above = 0
        for stretch in self.stretches:
            yield stretch, np.diff(stretch["hits"], prepend=above)
            above = int(stretch["hits"][-1])


def _precision(stretch: Stretch) -> Floats:
    return np.asarray(stretch["hits"] / (stretch["hits"] + stretch["false_alarms"]), np.float64)


def _area_up_to(limit: float, x: Floats, y: Floats) -> float:
    """Returns the area below straight lines from corner to corner, x rising."""
    inside = int(np.searchsorted(x, limit, side="right"))
    if 0 < inside < len(x):
        y = np.append(y[:inside], np.interp(limit, x[inside - 1 : inside + 1], y[inside - 1 : inside + 1]))
        x = np.append(x[:inside], limit)
    else:
        x, y = x[:inside], y[:inside]
    return float(np.diff(x) @ (y[1:] + y[:-1]) / 2)


def count(
    normal: NDArray[Any],
    anomalous: NDArray[Any],
    *,
    weights: Floats | None = None,
    hits: int = 0,
    false_alarms: int = 0,
) -> Stretch:
    """Returns the stretch of some scores of each class, both rising, none of them NaN, at least one anomalous.

    `weights` are of the anomalous ones, by default 1 each; `hits` and `false_alarms` are how many scores of each class
    lie above all of these.
    """
    changes = np.flatnonzero(anomalous[1:] != anomalous[:-1]) + 1
    starts = np.concatenate([[0], changes])
    thresholds = anomalous[starts]
    counted = np.empty(len(starts), STRETCH)
    counted["threshold"] = thresholds
    counted["hits"] = hits + anomalous.size - starts
    counted["false_alarms"] = false_alarms + normal.size - np.searchsorted(normal, thresholds, side="left")
    counted["false_alarms_above"] = false_alarms + normal.size - np.searchsorted(normal, thresholds, side="right")
    counted["weight"] = np.diff(starts, append=anomalous.size) if weights is None else np.add.reduceat(weights, starts)
    return counted[::-1]


def check_classes(*, anomalous: int, normal: int, unit: str) -> None:
    """Raises MetricError where one class is missing; `unit` is what one score is called."""
    if not (anomalous and normal):
        raise MetricError(f"{anomalous} anomalous and {normal} normal {unit}: this metric needs some of both")


def nan_error(unit: str) -> MetricError:
    """Returns the error for scores that are not a number."""
    return MetricError(f"NaN among the {unit}: they cannot be ranked; see which photo or network gives it")


def rank(truth: ArrayLike, scores: ArrayLike, *, unit: str = "scores") -> Ranking:
    """Ranks scores of any shape and range against a truth of the same shape (non-zero is anomalous).

    `unit` is what errors call one score. Raises MetricError for one class only, for NaN and for shapes that differ.
    """
    truth, scores = np.asarray(truth, np.bool_), np.asarray(scores)
    if truth.shape != scores.shape:
        raise MetricError(f"the truth has shape {truth.shape}, the {unit} have {scores.shape}: give one truth for each")
    normal, anomalous = np.sort(scores[~truth]), np.sort(scores[truth])
    check_classes(anomalous=anomalous.size, normal=normal.size, unit=unit)
    if np.isnan(normal[-1]) or np.isnan(anomalous[-1]):  # sorting puts NaN last
        raise nan_error(unit)
    return Ranking(
        stretches=[count(normal, anomalous)],
        anomalous=anomalous.size,
        normal=normal.size,
        weight=float(anomalous.size),
    )


def auroc(truth: ArrayLike, scores: ArrayLike) -> float:
    """Returns the area under the ROC curve: 0.5 where scores say nothing."""
    return rank(truth, scores).auroc()


def average_precision(truth: ArrayLike, scores: ArrayLike) -> float:
    """Returns the area under the precision-recall curve, step-wise as in scikit-learn."""
    return rank(truth, scores).average_precision()


def best_f1(truth: ArrayLike, scores: ArrayLike) -> tuple[float, float]:
    """Returns the highest F1 and the highest threshold that gives it (score >= threshold is a hit)."""
    return rank(truth, scores).best_f1()


def roc_curve(truth: ArrayLike, scores: ArrayLike) -> tuple[Floats, Floats]:
    """Returns (false alarm rate, recall) at the corners of the exact ROC curve, from (0, 0) to (1, 1)."""
    x, y = zip(*rank(truth, scores).corners(), strict=True)
    return np.concatenate(x), np.concatenate(y)


def precision_recall_curve(truth: ArrayLike, scores: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Returns (precision, recall, threshold) at each distinct anomalous score, thresholds falling."""
    ranking = rank(truth, scores)
    ((recall, precision),) = ranking.recall_and_precision()
    (stretch,) = ranking.stretches
    return precision, recall, stretch["threshold"]
