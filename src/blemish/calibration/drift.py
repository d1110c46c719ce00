"""Whether photos have slowly become others than those calibrated with: light, focus, place of the part, scores.

Every ten and every fifty photos are compared, as a block, with the calibration photos, by the rank-sum test of Mann,
Whitney and Wilcoxon (1947): where all come from one line, every order of theirs is equally likely, whatever the values'
distribution. What is promised follows from the union bound over all blocks of 1,000 photos and all that is watched.
"""

import math
from bisect import bisect_left, bisect_right
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import accumulate

import numpy as np

from blemish.calibration.known_parts import part_in_name
from blemish.calibration.promise import WATCHED_SCORE, WATCHED_UNUSUALNESS
from blemish.data.description import PhotoDescription
from blemish.inference.prediction import Prediction
from blemish.model.thresholds import Calibration, is_alarm
from blemish.model.usual import looks_of
from blemish.wording import as_argument

BLOCKS = (10, 50)
"""How many photos are compared at a time: few tell a leap soon, many a slow change."""
FALSE_ALARMS = 0.05
"""Of 1,000 photos like those calibrated with, the chance that anything is said at all is below this."""
_PHOTOS = 1000
_SHARPNESS = "sharpness"
_EXACT = 50  # calibration photos: with more of them the normal approximation does, which errs towards silence
_WORDS = {
    "brightness": ("darker", "brighter"),
    _SHARPNESS: ("less sharp", "sharper or noisier"),
    "across": ("of parts further left", "of parts further right"),
    "down": ("of parts higher up", "of parts lower down"),
    WATCHED_SCORE: ("of lower score", "of higher score"),
    WATCHED_UNUSUALNESS: ("", "less like those learned from"),
}
"""What photos have become where values have fallen, and risen; nothing where that is no harm."""
_IMMATERIAL = {"brightness": 1.5, _SHARPNESS: 0.02, "across": 0.005, "down": 0.005, WATCHED_UNUSUALNESS: 0.25}
"""What hardly matters, in each look's own units: photos of one lamp may be so alike that less than one grey level of
255 leaves what they vary by. A quarter of what is no difference in a photo alone, see model/usual.py; of unusualness a
tenth of what is unusual. Of scores anything matters."""


@dataclass(frozen=True, kw_only=True)
class Drift:
    """One thing that has moved against the calibration photos."""

    quantity: str
    """`score`, `unusualness`, or a look: `brightness`, `sharpness`, `across`, `down`."""
    words: str
    """What the photos have become, such as `darker`."""
    before: float
    """The median of the calibration photos."""
    now: float
    """The median of the block that told."""
    photos: int
    """How many photos (or parts) had been seen by then."""

    def __str__(self) -> str:
        return f"{self.words} ({self.quantity} {self.now:.4g}, was {self.before:.4g})"


@dataclass(frozen=True, kw_only=True)
class _Seen:
    looks: PhotoDescription | None
    unusualness: float
    score: float | None


class DriftWatch:
    """Is fed photo by photo, in order, and says once of each thing that it has moved.

    Light and place are those of every photo; scores and sharpness of those that are not stopped, for defects have high
    scores and edges of their own, and tell nothing of the line. Several photos of a part are not independent: where the
    calibration is of parts, photos of one part that come one after another count once, by the mean of their looks and
    the highest of their scores, as in the calibration.
    """

    def __init__(self, calibration: Calibration, *, part: str | None = None) -> None:
        """Compares with these calibration photos (or parts, whose name the regular expression `part` finds in a
        file's); of a model that keeps no looks, and of parts that cannot be told apart, nothing is found."""
        self.found: list[Drift] = []
        """All that was said, in order."""
        self.photos = 0
        """How many photos (or parts) have been seen."""
        self._untold = 0  # photos in whose names no part is found
        self._unit, self._part = calibration.unit, part
        self._name: str | None = None
        self._own: list[_Seen] = []  # the photos of the part called so
        self._before = {name: list(values) for name, values in calibration.watched.items() if values}
        if self._unit == "parts" and part is None:
            self._before = {}
        if WATCHED_SCORE in self._before:
            self._before[WATCHED_SCORE] = [s for s in self._before[WATCHED_SCORE] if not s > calibration.image.value]
        self._latest: dict[str, deque[float]] = {name: deque(maxlen=max(BLOCKS)) for name in self._before}
        self._counts = Counter[str]()
        looks = sum(_PHOTOS // block for block in BLOCKS) * len(_WORDS)
        self._least = FALSE_ALARMS / looks

    def add(self, prediction: Prediction) -> list[Drift]:
        """Takes the next photo and returns what has moved by it, which is mostly nothing."""
        score = None if is_alarm(prediction.verdict) else prediction.anomaly_score
        unusual = 0.0 if prediction.unusualness is None else prediction.unusualness.value
        seen = _Seen(looks=prediction.description, unusualness=unusual, score=score)
        if self._unit == "photos" or self._part is None or seen.looks is None:
            return self.add_looks(seen.looks, unusualness=unusual, score=score)
        name = part_in_name(prediction.image, self._part)
        ended = self.end_part() if name is None or name != self._name else []
        self._name = name
        if name is None:
            self._untold += 1
        else:
            self._own.append(seen)
        return ended

    def end_part(self) -> list[Drift]:
        """Takes the photos of the part so far as all that there are of it; returns what `add` does."""
        if not self._own:
            return []
        looks = [looks_of(seen.looks) for seen in self._own if seen.looks is not None]
        scores = [seen.score for seen in self._own if seen.score is not None]
        whole = len(scores) == len(self._own)
        unusual, self._own = max(seen.unusualness for seen in self._own), []
        means = {name: float(np.mean([each[name] for each in looks])) for name in looks[0]}
        return self.add_looks(means, unusualness=unusual, score=max(scores) if whole else None)

    def add_looks(
        self, looks: PhotoDescription | Mapping[str, float] | None, *, unusualness: float, score: float | None
    ) -> list[Drift]:
        """Does the same for a photo (or part) that was described elsewhere; `score` is None where it was stopped."""
        self.photos += 1
        if looks is None or not self._before:
            return []
        values = {
            **(looks_of(looks) if isinstance(looks, PhotoDescription) else looks),
            WATCHED_UNUSUALNESS: unusualness,
        }
        if score is None:
            values.pop(_SHARPNESS, None)
        else:
            values[WATCHED_SCORE] = score
        new = [drift for name, value in values.items() if (drift := self._take(name, value)) is not None]
        self.found += new
        return new

    def line(self, run: str) -> str | None:
        """Returns in one line what has moved, and what mends it, or that nobody looks; None where nothing has."""
        self.end_part()
        unwatched = not (self._before and self.photos)
        if self._unit == "parts" and unwatched and self.photos + self._untold >= min(BLOCKS):
            return (
                f"whether photos drift is not watched: {run} was calibrated by parts, and names of photos do not tell "
                "them apart (--part of training)"
            )
        if not self.found:
            return None
        return (
            f"photos have become others than those {run} was calibrated with: {'; '.join(map(str, self.found))}, seen "
            f"after {self.found[0].photos} {self._unit}; thresholds may not hold. Mend light, camera or place, or, "
            f"with new photos of parts that are surely good: `blemish calibrate {as_argument(run)} --good NEW_PHOTOS`"
        )

    def _take(self, name: str, value: float) -> Drift | None:
        before = self._before.get(name)
        if not before or any(drift.quantity == name for drift in self.found):
            return None
        self._latest[name].append(value)
        self._counts[name] += 1
        for block in BLOCKS:
            if self._counts[name] % block == 0:
                latest = list(self._latest[name])[-block:]
                chance, higher = rank_sum(before, latest)
                if chance < self._least and (words := _WORDS[name][higher]) and _moved(name, before, latest):
                    was, now = float(np.median(before)), float(np.median(latest))
                    return Drift(quantity=name, words=words, before=was, now=now, photos=self.photos)
        return None


def _moved(name: str, before: list[float], now: list[float]) -> bool:
    """Returns whether the median lies outside the middle half of the calibration photos' values, by as much as matters.

    Photos of one minute are more alike than those of a week: such a block is no drift while it stays where most are.
    """
    low, middle, high = np.quantile(before, [0.25, 0.5, 0.75])
    median = float(np.median(now))
    return not low <= median <= high and abs(median - middle) >= _IMMATERIAL.get(name, 0.0)


def rank_sum(before: list[float], now: Iterable[float]) -> tuple[float, bool]:
    """Returns the chance that values differ so much where both are of one kind, two-sided, and whether `now` is higher.

    `before` rises. Of ties each counts half.
    """
    latest = list(now)
    n, m = len(before), len(latest)
    above = sum(bisect_left(before, value) + bisect_right(before, value) for value in latest) / 2
    higher = above > n * m / 2
    fewest = min(above, n * m - above)
    if n <= _EXACT:
        return min(1.0, 2 * _share_up_to(n, m)[min(math.ceil(fewest), n * m)]), higher
    deviations = (n * m / 2 - fewest) / math.sqrt(n * m * (n + m + 1) / 12)
    return math.erfc(deviations / math.sqrt(2)), higher


@cache
def _share_up_to(n: int, m: int) -> list[float]:
    """Returns for each number of pairs the share of all orders of n and m values in which no more stand so.

    Their counts are the coefficients of the Gaussian binomial: the product of (1 - q^(n + i)) / (1 - q^i), i to m.
    """
    counts = [1] + [0] * (n * m)
    for i in range(1, m + 1):
        for place in range(n * m, n + i - 1, -1):
            counts[place] -= counts[place - n - i]
        for place in range(i, n * m + 1):
            counts[place] += counts[place - i]
    every = sum(counts)
    return [count / every for count in accumulate(counts)]
