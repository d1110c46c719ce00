"""What an evaluation says, and evaluation.json."""

import json
import math
import types
import typing
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

from blemish.errors import DataError
from blemish.files import write_text
from blemish.metrics.curves import Curve
from blemish.metrics.intervals import METHOD, Interval
from blemish.model.provenance import Provenance
from blemish.model.thresholds import Verdict

EVALUATION_FILE = "evaluation.json"
FORMAT_VERSION = 1
MASK_RULE = "masks resized to the image size with antialiased bilinear, then rounded at 0.5"


@dataclass(frozen=True, kw_only=True)
class PhotoJudgement:
    """A test photo and what was said of it."""

    image: str
    """Its absolute path."""
    defect_type: str
    """`good`, or the name of the defect's folder."""
    mask: str | None
    """Absolute path of the ground truth that was used; None for good photos, and where there is none to use."""
    anomaly_score: float
    verdict: Verdict


@dataclass(frozen=True, kw_only=True)
class DefectType:
    """How the photos of one folder of the test set were judged; metrics are of these photos and the good ones."""

    photos: int
    judged_anomalous: int
    image_auroc: float | None
    """None, as the others, for the good photos, and where there are none or masks are missing."""
    pixel_auroc: float | None
    pixel_ap: float | None
    pro: float | None


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """How well an artifact judges a test set; what evaluation.json holds."""

    dataset: str
    """Name of the layout that the photos were found by."""
    root: str
    """Absolute path of the folder they were found in."""
    category: str | None
    model: Provenance | None
    """What judged; None where it was no artifact."""
    metrics: dict[str, float | None]
    """By the names of METRICS, 0 to 1; None where `undefined` says why."""
    undefined: dict[str, str]
    intervals: dict[str, Interval | None]
    """Of each metric, see `bootstrap`."""
    threshold: float
    """Scores above it are alarms."""
    threshold_estimated: bool
    asked_rate: float
    promised_rate: float | None
    """Of false alarms; None where the threshold is an estimate."""
    false_alarms: int
    """Good photos above the threshold."""
    good_photos: int
    false_alarm_interval: Interval | None
    """Of their rate, 95 %, exact binomial (Clopper-Pearson)."""
    misses: int
    """Defective photos not above the threshold."""
    defective_photos: int
    miss_interval: Interval | None
    marked_good_photos: int
    """Good photos whose map is above the threshold of pixels anywhere."""
    without_mask: int
    """Defective photos without ground truth; with any of them, no metric of pixels is given."""
    lost_masks: int
    """Defects so small that nothing of their mask is left at the image size: their pixels count as normal."""
    defect_types: dict[str, DefectType]
    photos: list[PhotoJudgement]
    """All that were judged, in the order of the test set."""
    unreadable: list[str]
    """A line for each photo that was left out, and for each mask that could not be used."""
    duplicates: list[str]
    """Test photos whose file, byte for byte, the artifact was trained or calibrated with."""
    curves: dict[str, Curve]
    """`image_roc`, `image_pr`, `pixel_roc`, `pixel_pr`, where they are defined."""
    image_size: tuple[int, int]
    """(height, width) of maps and masks."""
    mask_rule: str = MASK_RULE
    bootstrap: str = METHOD
    """How `intervals` were made."""

    def to_json(self) -> dict[str, Any]:
        return {"format_version": FORMAT_VERSION} | asdict(self)

    @classmethod
    def from_json(cls, values: Any) -> "Evaluation":
        """Back from `to_json` by way of JSON; raises DataError, naming the field, where anything is not as written."""
        version = values.get("format_version") if isinstance(values, dict) else None
        if type(version) is not int:
            raise DataError("is no evaluation of this version: it has no format_version; evaluate anew")
        if version > FORMAT_VERSION:
            raise DataError(f"has format {version}, this version reads up to {FORMAT_VERSION}: upgrade blemish")
        evaluation: Evaluation = _typed(cls, values, name="evaluation")
        return evaluation


def write_evaluation(evaluation: Evaluation, path: Path) -> None:
    """Raises OutputError."""
    write_text(path, json.dumps(evaluation.to_json(), indent=2, allow_nan=False) + "\n")


def read_evaluation(path: Path) -> Evaluation:
    """Raises DataError, with the file's name, where there is none or it is damaged."""
    try:
        return Evaluation.from_json(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file; `blemish evaluate` writes it") from error
    except DataError as error:
        raise DataError(f"{path} {error}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read ({error}): evaluate anew") from error


def _typed(kind: Any, value: Any, *, name: str) -> Any:
    """The value, where it is of the type that a field is annotated with; `name` says which field in errors."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin is types.UnionType:  # with None: there are no others here
        return None if value is None else _typed(parts[0], value, name=name)
    if isinstance(kind, type) and is_dataclass(kind) and isinstance(value, dict):
        hints = typing.get_type_hints(kind)
        return kind(**{f.name: _typed(hints[f.name], value.get(f.name), name=f"{name}.{f.name}") for f in fields(kind)})
    if origin is dict and isinstance(value, dict):
        return {key: _typed(parts[1], item, name=f"{name}.{key}") for key, item in value.items()}
    if origin is list and isinstance(value, list):
        return [_typed(parts[0], item, name=f"{name}[{at}]") for at, item in enumerate(value)]
    if origin is tuple and isinstance(value, list) and len(value) == len(parts):
        return tuple(_typed(part, item, name=name) for part, item in zip(parts, value, strict=True))
    if origin is typing.Literal and value in parts:
        return value
    if kind is float and type(value) in (int, float) and math.isfinite(value):
        return float(value)
    if kind in (str, int, bool) and type(value) is kind:
        return value
    shown = json.dumps(value)
    raise DataError(
        f"is damaged or edited ({name} is {shown if len(shown) < 40 else shown[:37] + '...'}): evaluate anew"
    )
