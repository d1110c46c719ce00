"""Whether a photo that was given as good is one at all: its distance from the others, and its score beside theirs.

A distance is one respect in which a photo may be unusual; several are taken, each on a scale of its own. Distances of
photos are positive and skewed, so their logarithms are compared: by how many spreads (of the quartiles, which a few
wrong photos do not move) one lies above the median. Photos are ranked by all respects together: good photos are unusual
in one of them now and then, wrong ones mostly in several. Were the logarithms normal, a spread of 5 would be exceeded
in one of 100,000 sets of 30 photos; real distances have longer tails, so only what is also twice as far as the median
photo is called far. Sets of good photos alone were drawn to measure how often that happens: benchmarks/wrong_photos.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FEWEST_TO_COMPARE = 8  # photos: quartiles of fewer say nothing
FAR_SPREADS = 5.0
FAR_TIMES = 2.0
FAR_SCORE_TIMES = 3.0  # a gap of as much between one calibration score and the next lower one
_MOST_FAR = 0.2  # of the calibration scores may lie above that gap; more are no exception
_QUARTILES_TO_SPREAD = 1.349  # between the quartiles of a normal distribution lie so many standard deviations
_LOWEST_SCORE = 1e-30  # whatever is above 0 is far above 0
_SMALLEST = 1e-6  # relative to the median: the spread of photos that are all alike


@dataclass(frozen=True, kw_only=True)
class UnusualPhoto:
    """How far one photo of a set lies from the others."""

    index: int
    spreads: float
    """By how many spreads its distances are above the median, in logarithms: the root of the sum of their squares."""
    times: float
    """How many times the median distance it is away from the others, in the respect in which it is farthest."""
    far: bool
    """Whether it is truly far from the rest, in any respect."""


def by_unusualness(distances: NDArray[np.floating]) -> list[UnusualPhoto]:
    """Returns all photos, most unusual first, from their distances (photos, respects) to the others, each above 0.

    Fewer than eight photos are not ranked: none is returned.
    """
    if len(distances) < FEWEST_TO_COMPARE:
        return []
    logs = np.log(np.maximum(np.asarray(distances, np.float64), _LOWEST_SCORE))
    low, median, high = np.quantile(logs, [0.25, 0.5, 0.75], axis=0)
    spreads = (logs - median) / np.maximum((high - low) / _QUARTILES_TO_SPREAD, _SMALLEST)
    times = np.exp(logs - median)
    far = ((spreads > FAR_SPREADS) & (times > FAR_TIMES)).any(axis=1)
    together = np.linalg.norm(np.maximum(spreads, 0), axis=1)
    found = [
        UnusualPhoto(index=i, spreads=float(together[i]), times=float(times[i].max()), far=bool(far[i]))
        for i in range(len(logs))
    ]
    return sorted(found, key=lambda photo: (not photo.far, -photo.spreads, photo.index))


def far_above_the_rest(scores: Sequence[float]) -> list[int]:
    """Returns which of the scores of good photos, highest first, lie above a gap that good photos do not leave.

    Above that gap a score is three times the next lower one or more, and a fifth of the scores at most, one at least.
    """
    falling = sorted(range(len(scores)), key=lambda i: -scores[i])
    most = max(1, int(_MOST_FAR * len(scores))) if len(scores) > 2 else 0
    for above in range(most, 0, -1):
        highest_of_rest = max(scores[falling[above]], _LOWEST_SCORE)
        if scores[falling[above - 1]] >= FAR_SCORE_TIMES * highest_of_rest:
            return falling[:above]
    return []
