"""What an evaluation says, and evaluation.json."""

from dataclasses import dataclass, field
from pathlib import Path

from blemish.data.images import MaskValues
from blemish.errors import DataError
from blemish.metrics.curves import Curve
from blemish.metrics.intervals import METHOD, Interval
from blemish.model.provenance import Provenance
from blemish.model.thresholds import Unit, Verdict, is_alarm
from blemish.records import RecordFormat, read_record, write_record

EVALUATION_FILE = "evaluation.json"
EVALUATION_FORMAT = RecordFormat(
    version=3,
    name="evaluation",
    what="an evaluation",
    error=DataError,
    mend="evaluate anew",
    remake="evaluate anew",
)
MASK_RULE = "masks resized to the map's size with antialiased bilinear, then rounded at 0.5"


@dataclass(frozen=True, kw_only=True)
class PhotoJudgement:
    """A test photo, and what was said of it."""

    image: str
    """Its absolute path."""
    defect_type: str
    """`good`, or the name of the defect's folder."""
    part: str | None
    """Which part it shows, where the data set or the photo's name say it; several photos may show one."""
    masks: list[str]
    """Absolute paths of the ground truth that was used; none for good photos, and where there is none to use."""
    mask_values: MaskValues
    """Which of their grey values stand for the defect, as the data set says."""
    anomaly_score: float
    verdict: Verdict
    photo_size: tuple[int, int] | None = None
    """(height, width) of the photo; None in an evaluation of before it was kept."""
    defect_pixels: int | None = None
    """How many pixels of the map the true defect covers; None of good photos, and where masks miss."""
    unusual_reason: str | None = None
    """What is unusual about the photo, whose verdict may be anomalous as well; None for a usual one."""
    rule_reason: str | None = None
    """Why no rule stops the photo, though it is above the threshold; None where that is not so."""
    digest: str | None = None
    """Of its file, see `file_digest`; None in an evaluation of before it was kept, and of a photo that was no file."""

    @property
    def alarm(self) -> bool:
        """Whether it was stopped, as anomalous or as unusual."""
        return is_alarm(self.verdict)


@dataclass(frozen=True, kw_only=True)
class DefectType:
    """The way the photos of one folder of the test set were judged; metrics are of these photos and the good ones."""

    photos: int
    judged_anomalous: int
    """How many were stopped, those called unusual included."""
    metrics: dict[str, float | None]
    """Those of METRICS that are measured per type; None for the good photos, without any, and where masks miss."""


@dataclass(frozen=True, kw_only=True)
class PartCounts:
    """The good parts of a test set, each of which one or more photos show."""

    parts: int
    alarmed: int
    """Parts of which any photo is above the threshold, or unusual."""
    alarm_interval: Interval | None
    """The 95 % interval of their share, exact binomial."""
    marked: int
    """Parts of which any photo's map is above the threshold of pixels anywhere."""

    def check_values(self) -> None:
        if not (0 <= self.alarmed <= self.parts and 0 <= self.marked <= self.parts and self.parts):
            raise ValueError(f"{self.alarmed} and {self.marked} of {self.parts} parts are counted")


@dataclass(frozen=True, kw_only=True)
class Acceptance:
    """What an evaluation had to keep to be accepted, in photos of this test set, and where it did not."""

    max_misses: int | None
    """How many defective photos may be missed; None: any number."""
    max_false_alarms: int | None
    """How many good photos may be false alarms; None: any number."""
    failures: list[str]
    """A line for each count above its limit, or that the test set cannot give; none where it is accepted."""


@dataclass(frozen=True, kw_only=True)
class SizeCount:
    """The count of synthetic defects of one kind and size that were found."""

    size: int
    """Longest extent, in the photo's own pixels."""
    found: int
    """Of which the photo is above the threshold, or unusual."""
    photos: int
    interval: Interval
    """The 95 % interval of the share that is found, exact binomial."""

    def check_values(self) -> None:
        if not (0 <= self.found <= self.photos and self.photos and self.size >= 1):
            raise ValueError(f"{self.found} of {self.photos} defects of {self.size} pixels are found")


@dataclass(frozen=True, kw_only=True)
class KindSweep:
    """The sizes of one kind of synthetic defect, and what was found of each."""

    sizes: list[SizeCount]
    """Rising."""
    smallest: int | None
    """The size from which on at least `found_share` are found, at this and at all larger sizes; None: not even at the
    largest."""

    def of_size(self, size: int) -> SizeCount | None:
        """Returns the count of this size; None where it was not tried."""
        return next((count for count in self.sizes if count.size == size), None)

    def check_values(self) -> None:
        rising = [count.size for count in self.sizes]
        if not rising or rising != sorted(set(rising)):
            raise ValueError("the sizes do not rise")


@dataclass(frozen=True, kw_only=True)
class SizeSweep:
    """The sizes of synthetic defects that a model finds; of real defects they say nothing."""

    contrasts: list[float]
    """By how much the defects' pixels were changed, as a share of white."""
    found_share: float
    kinds: dict[str, KindSweep]
    photos: int
    """Photos with a synthetic defect that were judged."""
    left_out: int
    """How many of them do not count, for the good photo that the defect was painted into is an alarm by itself."""
    sources: int
    """Good photos that the defects were painted into."""
    sources_trained_on: int | None
    """How many of these the model was trained on; None where that is not known."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The record of how well an artifact judges a test set; evaluation.json holds it."""

    dataset: str
    """Name of the layout that the photos were found by."""
    root: str
    """Absolute path of the folder they were found in."""
    category: str | None
    train_photos: int
    """Photos to train on that lie beside the test photos; 0 where these were given alone."""
    provenance: Provenance | None
    """What judged; None where it was no artifact."""
    judged_at: str
    """When: UTC, ISO 8601."""
    metrics: dict[str, float | None]
    """The figures by the names of METRICS, 0 to 1; None where `undefined` says why."""
    undefined: dict[str, str]
    intervals: dict[str, Interval | None]
    """The 95 % interval of each metric; None where it has none, as a perfect figure has."""
    threshold: float
    """Scores above it are alarms."""
    threshold_estimated: bool
    asked_rate: float
    promised_rate: float | None
    """The promised rate of false alarms; None where the threshold is an estimate."""
    unit: Unit
    """What `asked_rate` and `promised_rate` are shares of: good photos, or good parts with a photo above it."""
    calibration_n: int
    """How many good photos, or good parts, the threshold follows from."""
    false_alarms: int
    """Good photos above the threshold (and stopped by a rule, where there are any), or unusual."""
    good_photos: int
    false_alarm_interval: Interval | None
    """The 95 % interval of their rate, exact binomial (Clopper-Pearson)."""
    good_parts: PartCounts | None
    """None where it is not known of every good photo which part it shows."""
    misses: int
    """Defective photos neither above the threshold (and stopped by a rule, where there are any) nor unusual."""
    defective_photos: int
    miss_interval: Interval | None
    marked_good_photos: int
    """Good photos whose map is above the threshold of pixels anywhere."""
    without_mask: int
    """Defective photos without ground truth; with any of them, no metric of pixels is given."""
    lost_masks: int
    """Defects so small that nothing of their mask is left at the map's size: their pixels count as normal."""
    defect_types: dict[str, DefectType]
    photos: list[PhotoJudgement]
    """All that were judged, in the order of the test set."""
    unreadable: list[str]
    """A line for each photo that was left out, and for each mask that could not be used."""
    duplicates: list[str]
    """Test photos whose file, byte for byte, the artifact was trained or calibrated with."""
    curves: dict[str, Curve]
    """`image_roc`, `image_pr`, `pixel_roc`, `pixel_pr`, `pro`, where they are defined."""
    map_size: tuple[int, int] | None
    """(height, width) of maps and masks; None where they differ from photo to photo."""
    of_known_parts: list[str] = field(default_factory=list)
    """Good test photos of parts that the artifact was trained or calibrated with; copies of its photos among them."""
    calibration_photos_per_part: float | None = None
    """How many photos of a part gave the threshold, on average, where it is of parts."""
    unusual_good: int = 0
    """How many of `false_alarms` are unusual and not above the threshold."""
    unusual_defective: int = 0
    """How many defective photos are no misses for being unusual alone."""
    regions_of_interest: list[str] = field(default_factory=list)
    """Names of the regions outside of which no pixel counts; none where all of a photo counts."""
    rules: list[str] = field(default_factory=list)
    """The rules that were asked of marks, in words; none: any mark stops a photo above the threshold."""
    outside_masks: int = 0
    """Defective photos whose defects lie wholly outside these: they count as misses, or as found, like any other."""
    size_sweep: SizeSweep | None = None
    """Of a test folder of synthetic defects alone, see `blemish synthesize`."""
    mask_rule: str = MASK_RULE
    bootstrap: str = METHOD
    """How `intervals` were made."""
    acceptance: Acceptance | None = None
    """Limits of misses and false alarms, where there are any."""
    draws: dict[str, list[float | None]] = field(default_factory=dict)
    """The figures of the bootstrap's draws, those of `intervals`, by metric: two models' may be compared draw by draw
    where `photos` are the same in the same order. None where a draw has no figure."""

    @property
    def passed_by_rules(self) -> list[PhotoJudgement]:
        """The photos above the threshold that are no alarms, for no rule stops them; an unusual one is one all the
        same."""
        return [photo for photo in self.photos if photo.rule_reason is not None and not photo.alarm]

    @property
    def accepted(self) -> bool:
        """Whether misses and false alarms are within the limits; so they are where there are none."""
        return self.acceptance is None or not self.acceptance.failures


def write_evaluation(evaluation: Evaluation, path: Path) -> None:
    """Writes evaluation.json; raises OutputError."""
    write_record(evaluation, path, form=EVALUATION_FORMAT)


def read_evaluation(path: Path) -> Evaluation:
    """Reads evaluation.json; raises DataError, with the file's name, where there is none or it is damaged."""
    missing = f"{path}: no such file; `blemish evaluate` writes it"
    return read_record(Evaluation, path, form=EVALUATION_FORMAT, missing=missing)
