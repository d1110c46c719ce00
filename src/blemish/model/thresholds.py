"""Thresholds of an artifact, and what they promise; calibration/promise.py computes them."""

import math
from bisect import bisect_left
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from blemish.wording import counted

Verdict = Literal["normal", "check", "anomalous", "unusual"]
"""`unusual` is a photo that is none of the part at all, or of another state of camera and light, whose score says
nothing; one whose score is above the threshold is `anomalous` all the same, so that no defect hides behind it."""
ALARM_VERDICTS: tuple[Verdict, ...] = ("anomalous", "unusual")
"""The verdicts that stop a photo."""
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
        above += ", or unusual" if unit == "photos" else ", or an unusual one"
        promise = f"at most {percent(self.promised_rate)} of good {unit} are expected {above}"
        if self.is_promised:
            return f"{promise} ({counted(n, *known)})"
        # Two of all may be stopped, rather than one, where some calibration photos are unusual.
        needed = photos_needed(self.asked_rate, places=round(self.promised_rate * (n + 1)))
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
    unusual: float | None = None
    """A photo whose unusualness is above it is unusual, whatever its score; None: nobody asks."""

    def verdict(self, score: float, unusualness: float = 0.0) -> Verdict:
        """Returns what a score, and the photo's unusualness (see model/usual.py), mean."""
        if score > self.image:
            return "anomalous"
        if self.is_unusual(unusualness):
            return "unusual"
        return "check" if self.check is not None and score > self.check else "normal"

    def is_unusual(self, unusualness: float) -> bool:
        """Returns whether a photo is no photo as those learned from."""
        return self.unusual is not None and unusualness > self.unusual


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """The scores of good photos that were never trained on, and the thresholds that follow from them."""

    scores: tuple[float, ...]
    """Their raw anomaly scores, rising."""
    peaks: tuple[float, ...]
    """The highest value of each one's anomaly map, rising."""
    image: Threshold
    """The threshold of anomaly scores: above it a photo is anomalous. Its rates are of all alarms: a good photo that is
    called unusual is one as well."""
    pixel: Threshold
    """The threshold of anomaly maps: above it a pixel is in the predicted mask; its rates count good photos with any
    such pixel."""
    unit: Unit = "photos"
    """What each score, peak and rate is of; of a part, the highest of its photos."""
    check: Threshold | None = None
    """The lower threshold of anomaly scores: above it, but not above `image`, a person should look. Its rates are of
    all photos that are not called normal."""
    unusual: float | None = None
    """The threshold of unusualness; None where nobody asks whether photos are usual."""
    unusualness: tuple[float, ...] = ()
    """How unusual the calibration photos are, in the order of `scores`; none as above. Of a part, the highest."""
    watched: dict[str, tuple[float, ...]] = field(default_factory=dict)
    """What new photos are compared with to see drift, each rising: `score` and `unusualness` of the photos that were
    last given to calibrate, and their looks (`brightness`, ...), after training those of photos trained on as well.
    Of a part the highest score and unusualness, and the mean of its photos' looks."""

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
            unusual=self.unusual,
        )

    @property
    def unusual_rate(self) -> float:
        """The promised share of good photos that are unusual: it is a part of what `image` promises."""
        if self.unusual is None:
            return 0.0
        return (1 + sum(value > self.unusual for value in self.unusualness)) / (self.n + 1)

    def percentile(self, score: float) -> float:
        """Returns the share of the known good photos that score lower, 0 to 100; NaN where none are known."""
        return 100 * bisect_left(self.scores, score) / self.n if self.n else math.nan

    def statement(self) -> str:
        """Returns in one line what the threshold of scores promises, and what comes on top of an estimate."""
        said = self.image.statement(self.n, self.unit)
        if self.image.estimated and self.unusual is not None:
            said += f"; besides, at most {percent(self.unusual_rate)} are expected to be called unusual"
        return said

    def check_values(self) -> None:
        """Raises ValueError for values that no calibration gives."""
        for name, rising in (("scores", self.scores), ("peaks", self.peaks)):
            if not rising or list(rising) != sorted(rising):
                raise ValueError(f"calibration {name} are missing, or do not rise")
        if len(self.peaks) != len(self.scores):
            raise ValueError(f"{len(self.peaks)} calibration peaks for {len(self.scores)} scores")
        if self.unusualness and len(self.unusualness) != len(self.scores):
            raise ValueError(f"{len(self.unusualness)} calibration values of unusualness for {len(self.scores)} scores")
        if any(list(values) != sorted(values) for values in self.watched.values()):
            raise ValueError("what is watched does not rise")
        if self.unusual is not None and not (self.unusualness and self.unusual > 0):
            raise ValueError(f"photos are unusual above {self.unusual}, which no calibration photos say")


_NEVER = Threshold(value=math.inf, asked_rate=0.0, promised_rate=0.0, rate_95=0.0)
UNCALIBRATED = Calibration(scores=(), peaks=(), image=_NEVER, pixel=_NEVER)
"""Before any good photo was judged: nothing is anomalous."""


def is_alarm(verdict: Verdict) -> bool:
    """Returns whether a verdict stops a photo: it is anomalous or unusual."""
    return verdict in ALARM_VERDICTS


def photos_needed(rate: float, *, places: int = 1) -> int:
    """Returns how many calibration photos promise a false alarm rate, where as many as `places` of these and the next
    one are stopped."""
    return math.ceil(places / as_typed(rate)) - 1


def as_typed(rate: float) -> Fraction:
    """Returns the decimal that was typed: in binary, 0.29 of 100 is 28.999999999999996, which would waste a photo."""
    return Fraction(str(rate))


def percent(rate: float) -> str:
    """Returns a share as percent, such as `5 %`."""
    return f"{100 * rate:.3g} %"
