"""Thresholds of an artifact, and what they promise; calibration/promise.py computes them."""

import math
from bisect import bisect_left
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from blemish.wording import counted

Verdict = Literal["normal", "check", "anomalous"]
Unit = Literal["photos", "parts"]
HIGHEST = 3.4028234663852886e38  # of float32, as which maps and scores are computed


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """A value above which there is an alarm, what was asked of it and what it promises."""

    value: float
    asked_rate: float
    """Share of good photos that may be above it, 0 to 1."""
    promised_rate: float | None
    """Kept on average over draws of the calibration photos; above `asked_rate` where they are too few for that.

    None: the value is an estimate from a fitted tail, which promises nothing.
    """
    rate_95: float | None
    """What the share of good photos above it is below in 95 of 100 draws of the calibration photos; None as above."""

    @property
    def estimated(self) -> bool:
        """Whether the threshold is an estimate, which promises nothing."""
        return self.promised_rate is None

    @property
    def is_promised(self) -> bool:
        """Whether the rate asked for is promised."""
        return self.promised_rate is not None and self.promised_rate <= self.asked_rate

    def statement(self, n: int, unit: Unit) -> str:
        """Returns the promise in one line, and what it would take where it is not the one asked for.

        It follows from `n` calibration photos, or from the photos of `n` parts, of each of which the highest counts.
        """
        known = f"calibration {unit.removesuffix('s')}", f"calibration {unit}"
        above = "above it" if unit == "photos" else "to have a photo above it"
        asked, needed = percent(self.asked_rate), photos_needed(self.asked_rate)
        if self.promised_rate is None:
            return (
                f"an estimate, not a promise: {asked} of good {unit} expected {above} if logarithms of scores are "
                f"normal ({counted(n, *known)}; a promise takes {needed})"
            )
        promise = f"at most {percent(self.promised_rate)} of good {unit} are expected {above}"
        if self.is_promised:
            return f"{promise} ({counted(n, *known)})"
        return f"{promise}: {counted(n, *known)} can promise no less; {asked} takes {needed}"

    def check_values(self) -> None:
        """Raises ValueError for values that no calibration gives."""
        rates = [rate for rate in (self.promised_rate, self.rate_95) if rate is not None]
        if not 0 < self.asked_rate < 1 or not all(0 <= rate <= 1 for rate in rates):
            raise ValueError("a false alarm rate is no share between 0 and 1")


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """The values that one photo was judged by, as they stood then."""

    image: float
    """A score above it is anomalous."""
    pixel: float
    """A pixel of the map above it is in the predicted mask."""
    check: float | None = None
    """A score above it, but not above `image`, is for a person to look at."""
    estimated: bool = False
    """Whether `image` is an estimate from a fitted tail, which promises nothing."""

    def verdict(self, score: float) -> Verdict:
        """Returns what a score means."""
        if score > self.image:
            return "anomalous"
        return "check" if self.check is not None and score > self.check else "normal"


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """The scores of good photos that were never trained on, and the thresholds that follow from them."""

    scores: tuple[float, ...]
    """Their raw anomaly scores, rising."""
    peaks: tuple[float, ...]
    """The highest value of each one's anomaly map, rising."""
    image: Threshold
    """The threshold of anomaly scores: above it a photo is anomalous."""
    pixel: Threshold
    """The threshold of anomaly maps: above it a pixel is in the predicted mask; its rates count good photos with any
    such pixel."""
    unit: Unit = "photos"
    """What each score, peak and rate is of; of a part, the highest of its photos."""
    check: Threshold | None = None
    """The lower threshold of anomaly scores: above it, but not above `image`, a person should look."""

    @property
    def n(self) -> int:
        """How many good photos (or parts) calibrated."""
        return len(self.scores)

    @property
    def thresholds(self) -> Thresholds:
        """Returns the values alone, which a prediction holds."""
        return Thresholds(
            image=self.image.value,
            pixel=self.pixel.value,
            check=None if self.check is None else self.check.value,
            estimated=self.image.estimated,
        )

    def percentile(self, score: float) -> float:
        """Returns the share of the known good photos that score lower, 0 to 100; NaN where none are known."""
        return 100 * bisect_left(self.scores, score) / self.n if self.n else math.nan

    def statement(self) -> str:
        """Returns in one line what the threshold of scores promises."""
        return self.image.statement(self.n, self.unit)

    def check_values(self) -> None:
        """Raises ValueError for values that no calibration gives."""
        for name, rising in (("scores", self.scores), ("peaks", self.peaks)):
            if not rising or list(rising) != sorted(rising):
                raise ValueError(f"calibration {name} are missing, or do not rise")
        if len(self.peaks) != len(self.scores):
            raise ValueError(f"{len(self.peaks)} calibration peaks for {len(self.scores)} scores")


_NEVER = Threshold(value=math.inf, asked_rate=0.0, promised_rate=0.0, rate_95=0.0)
UNCALIBRATED = Calibration(scores=(), peaks=(), image=_NEVER, pixel=_NEVER)
"""Before any good photo was judged: nothing is anomalous."""


def photos_needed(rate: float) -> int:
    """Returns how many calibration photos promise a false alarm rate."""
    return math.ceil(1 / as_typed(rate)) - 1


def as_typed(rate: float) -> Fraction:
    """Returns the decimal that was typed: in binary, 0.29 of 100 is 28.999999999999996, which would waste a photo."""
    return Fraction(str(rate))


def percent(rate: float) -> str:
    """Returns a share as percent, such as `5 %`."""
    return f"{100 * rate:.3g} %"
