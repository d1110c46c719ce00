"""The threshold of an artifact, and what it promises; evaluation/calibration.py computes it."""

import math
from bisect import bisect_left
from dataclasses import dataclass
from fractions import Fraction
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """A threshold, what was asked of it and what it promises: a photo is anomalous when its score is above it."""

    threshold: float
    false_alarm_rate: float
    """Asked for: share of good photos called anomalous, 0 to 1."""
    promised_rate: float
    """Kept on average over draws of the held-out photos; above `false_alarm_rate` where they are too few for that."""
    scores: tuple[float, ...]
    """Raw anomaly scores of the held-out normal photos, rising."""

    @property
    def n(self) -> int:
        return len(self.scores)

    @property
    def kept(self) -> bool:
        """Whether the rate asked for is promised."""
        return self.promised_rate <= self.false_alarm_rate

    def percentile(self, score: float) -> float:
        """Share of the known good photos that score lower, 0 to 100."""
        return 100 * bisect_left(self.scores, score) / self.n

    def statement(self) -> str:
        """The promise in one line, and what it would take where it is not the one asked for."""
        promise = f"at most {_percent(self.promised_rate)} of good photos are expected above it"
        if self.kept:
            return f"{promise} ({self.n} held-out good photos)"
        needed = math.ceil(1 / as_typed(self.false_alarm_rate)) - 1
        return (
            f"{promise}: {self.n} held-out good photos can promise no less; "
            f"{_percent(self.false_alarm_rate)} takes {needed}"
        )

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Calibration":
        """Back from `dataclasses.asdict` by way of JSON; raises KeyError, TypeError or ValueError where damaged."""
        return cls(
            threshold=float(values["threshold"]),
            false_alarm_rate=float(values["false_alarm_rate"]),
            promised_rate=float(values["promised_rate"]),
            scores=tuple(float(score) for score in values["scores"]),
        )


def as_typed(rate: float) -> Fraction:
    """The decimal that was typed: in binary, 0.29 of 100 is 28.999999999999996, which would waste a photo."""
    return Fraction(str(rate))


def _percent(rate: float) -> str:
    return f"{100 * rate:.3g} %"
