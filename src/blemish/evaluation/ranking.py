"""Exact ranking metrics with ties, from one sort of the normal and one of the anomalous scores.

Nothing between two anomalous scores matters to any of these metrics, so a Ranking keeps counts at the anomalous scores
only: a few numbers per defect pixel, however many normal pixels there are.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from blemish.errors import MetricError


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """How many scores of each class lie at or above each of the K distinct anomalous scores."""

    thresholds: NDArray[Any]
    """(K,) the distinct anomalous scores, falling."""
    hits: NDArray[np.int64]
    """(K,) anomalous scores >= threshold."""
    false_alarms: NDArray[np.int64]
    """(K,) normal scores >= threshold."""
    false_alarms_above: NDArray[np.int64]
    """(K,) normal scores > threshold: less than `false_alarms` where classes tie."""
    anomalous: int
    """How many anomalous scores there are in all."""
    normal: int

    def auroc(self) -> float:
        """Chance that an anomalous score lies above a normal one; a tie counts as half."""
        gained = np.diff(self.hits, prepend=0)
        # Each gained hit beats the normals below it and half of those that tie: summed doubled, in whole numbers.
        beaten = 2 * self.normal - self.false_alarms - self.false_alarms_above
        return int(gained @ beaten) / (2 * self.anomalous * self.normal)

    def average_precision(self) -> float:
        """Area under the precision-recall curve as a sum of steps, not of trapezoids, which would flatter."""
        gained = np.diff(self.hits, prepend=0)
        return float(gained @ self.precision()) / self.anomalous

    def best_f1(self) -> tuple[float, float]:
        """The highest F1 of all thresholds, and the highest threshold that gives it (score >= threshold is a hit)."""
        f1 = 2 * self.hits / (self.hits + self.false_alarms + self.anomalous)
        best = int(np.argmax(f1))
        return float(f1[best]), float(self.thresholds[best])

    def precision(self) -> NDArray[np.float64]:
        """(K,) share of the scores >= threshold that are anomalous."""
        return np.asarray(self.hits / (self.hits + self.false_alarms), np.float64)

    def recall(self) -> NDArray[np.float64]:
        """(K,) share of the anomalous scores that are >= threshold."""
        return np.asarray(self.hits / self.anomalous, np.float64)

    def against_false_alarms(self, gains: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Corners of the exact curve of a gain versus the false alarm rate, both 0 to 1, from (0, 0) to (1, 1).

        `gains` (K,) is what is gained at each threshold. Two corners per threshold: where normals above it end, and
        where it and the normals that tie with it are in; straight lines between them are what ties demand.
        """
        reached = np.cumsum(gains, dtype=np.float64)
        reached /= reached[-1]
        x = np.stack([self.false_alarms_above, self.false_alarms], axis=1).ravel() / self.normal
        y = np.stack([np.concatenate([[0.0], reached[:-1]]), reached], axis=1).ravel()
        return np.concatenate([[0.0], x, [1.0]]), np.concatenate([[0.0], y, [1.0]])


def rank(truth: ArrayLike, scores: ArrayLike, *, unit: str = "scores") -> Ranking:
    """Ranks scores of any shape and range against a truth of the same shape (non-zero is anomalous).

    `unit` is what errors call one score. Raises MetricError for one class only, for NaN and for shapes that differ.
    """
    truth, scores = np.asarray(truth, np.bool_), np.asarray(scores)
    if truth.shape != scores.shape:
        raise MetricError(f"the truth has shape {truth.shape}, the {unit} have {scores.shape}: give one truth for each")
    normal = scores[~truth]
    anomalous = scores.size - normal.size
    if not (anomalous and normal.size):
        raise MetricError(f"{anomalous} anomalous and {normal.size} normal {unit}: this metric needs some of both")
    normal.sort()  # in place: a test set of maps is large, and this is the only copy of it
    thresholds, counts = np.unique(scores[truth], return_counts=True)
    if np.isnan(normal[-1]) or np.isnan(thresholds[-1]):  # sorting puts NaN last
        raise MetricError(f"NaN among the {unit}: they cannot be ranked; see which photo or network gives it")
    return Ranking(
        thresholds=thresholds[::-1],
        hits=np.cumsum(counts[::-1]),
        false_alarms=normal.size - np.searchsorted(normal, thresholds, side="left")[::-1],
        false_alarms_above=normal.size - np.searchsorted(normal, thresholds, side="right")[::-1],
        anomalous=anomalous,
        normal=normal.size,
    )


def auroc(truth: ArrayLike, scores: ArrayLike) -> float:
    """Area under the ROC curve: 0.5 where scores say nothing."""
    return rank(truth, scores).auroc()


def average_precision(truth: ArrayLike, scores: ArrayLike) -> float:
    """Area under the precision-recall curve, step-wise as in scikit-learn."""
    return rank(truth, scores).average_precision()


def best_f1(truth: ArrayLike, scores: ArrayLike) -> tuple[float, float]:
    """The highest F1 of all thresholds, and the highest threshold that gives it (score >= threshold is a hit)."""
    return rank(truth, scores).best_f1()


def roc_curve(truth: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(false alarm rate, recall) at the corners of the exact ROC curve, from (0, 0) to (1, 1)."""
    ranking = rank(truth, scores)
    return ranking.against_false_alarms(np.diff(ranking.hits, prepend=0))


def precision_recall_curve(
    truth: ArrayLike, scores: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[Any]]:
    """(precision, recall, threshold) at each distinct anomalous score, thresholds falling."""
    ranking = rank(truth, scores)
    return ranking.precision(), ranking.recall(), ranking.thresholds
