"""What a model does when photos change, and stress.json."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from blemish.errors import DataError
from blemish.metrics.intervals import Interval
from blemish.model.provenance import Provenance
from blemish.model.thresholds import Unit
from blemish.records import RecordFormat, read_record, write_record

STRESS_FILE = "stress.json"
STRESS_FORMAT = RecordFormat(
    version=1,
    name="stress",
    what="a record of changed photos",
    error=DataError,
    mend="measure anew",
    remake="measure anew",
)
UNCHANGED = "unchanged"
"""What the photos are called as they were taken."""

Holding = Literal["holds", "doubtful", "breaks"]
"""What figures say of a strength, see stress_verdict.py."""


@dataclass(frozen=True, kw_only=True)
class WrongCount:
    """How many photos were judged wrongly: good ones that were stopped, or defective ones that passed."""

    wrong: int
    photos: int
    interval: Interval
    """The 95 % interval of their share, exact binomial."""
    newly: int = 0
    """How many of the wrong ones were judged rightly as they were taken."""
    unusual: int = 0
    """How many of all photos were called unusual: not above the threshold, but none of those it learned from."""

    @property
    def rate(self) -> float:
        """The share of the photos that were judged wrongly."""
        return self.wrong / self.photos

    def check_values(self) -> None:
        if not 0 <= self.newly <= self.wrong <= self.photos or not 0 <= self.unusual <= self.photos or not self.photos:
            raise ValueError(f"{self.wrong} of {self.photos} photos are counted as wrong")


@dataclass(frozen=True, kw_only=True)
class StrengthCounts:
    """The photos at one strength of a condition, and how many were judged wrongly."""

    key: str
    """The strength as it is typed, such as `1.1`, or the name of a kernel."""
    value: float
    """The strength as a number; of strengths without order their place."""
    said: str
    """The strength in words, such as `+10 %`."""
    good: WrongCount
    defective: WrongCount | None
    """None where no defective photo was given."""
    holding: Holding


@dataclass(frozen=True, kw_only=True)
class StressedCondition:
    """One condition, at all strengths that were tried."""

    name: str
    meaning: str
    unchanged: float | None
    """The strength that changes nothing, which may lie between others; None where there is none."""
    strengths: list[StrengthCounts]
    """Rising, mildest first on the upper side of `unchanged`; in any order where strengths have none."""
    ordered: bool
    """Whether strengths are more or less of one thing."""
    milder_is_higher: bool
    says: str
    """The verdict, as a sentence without its stop: how far the model holds, and where it breaks."""


@dataclass(frozen=True, kw_only=True)
class StressTest:
    """The record of how a model judges photos that were changed; stress.json holds it."""

    good_root: str
    """Absolute path of the folder of good photos."""
    defective_root: str | None
    provenance: Provenance | None
    judged_at: str
    """When: UTC, ISO 8601."""
    seed: int
    threshold: float
    asked_rate: float
    promised_rate: float | None
    """The promised rate of false alarms; None where the threshold is an estimate."""
    unit: Unit
    """What these rates are shares of."""
    calibration_n: int
    """How many good photos, or good parts, the threshold follows from."""
    allowed_rate: float
    """The rate of false alarms up to which a strength holds: the promised one (that asked for, of an estimate), or that
    of the unchanged photos where it is higher."""
    allowed_miss_rate: float | None
    """The rate of misses up to which a strength holds; None where no defective photo was given."""
    good: WrongCount
    """Of the unchanged good photos."""
    defective: WrongCount | None
    conditions: list[StressedCondition]
    left_out: dict[str, str] = field(default_factory=dict)
    """The conditions that no photo could have, and why."""
    photos: list[str] = field(default_factory=list)
    """Absolute paths of those that were drawn and judged, good ones first."""
    found: tuple[int, int] = (0, 0)
    """How many good and defective photos there were to draw from."""
    known: int = 0
    """Good photos that were passed over, for the model was trained on them."""
    calibrating: int = 0
    """How many of the good photos gave the threshold, so that it fits them unchanged."""
    unreadable: list[str] = field(default_factory=list)
    """A line for each photo that was left out."""
    limits: dict[str, dict[str, float]] | None = None
    """The limits it was held to, see stress_limits.py; None where there are none."""
    failures: list[str] = field(default_factory=list)
    """A line for each limit that was broken."""

    @property
    def within_limits(self) -> bool:
        """Whether no limit was broken; so it is where there are none."""
        return not self.failures


def write_stress(test: StressTest, path: Path) -> None:
    """Writes stress.json; raises OutputError."""
    write_record(test, path, form=STRESS_FORMAT)


def read_stress(path: Path) -> StressTest:
    """Reads stress.json; raises DataError, with the file's name, where there is none or it is damaged."""
    return read_record(
        StressTest, path, form=STRESS_FORMAT, missing=f"{path}: no such file; `blemish stress` writes it"
    )
