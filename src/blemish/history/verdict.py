"""One row of the history: a verdict with all that it stands on."""

import hashlib
import json
import math
import secrets
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from blemish.errors import DataError
from blemish.history.schema import LONGEST_NAME_STORED
from blemish.inference.prediction import UNREADABLE, Prediction
from blemish.model.usual import looks_of
from blemish.wording import on_one_line

STORED_VERDICTS = ("normal", "check", "anomalous", "unusual", UNREADABLE)
GOOD_LABEL, BAD_LABEL = "good", "bad"


@dataclass(frozen=True, kw_only=True)
class JudgeRecord:
    """A model is kept as it stood when it judged: what computed, and its thresholds of then."""

    model: str
    method: str | None
    weights_sha256: str | None
    runtime: str | None
    precision: str | None
    blemish_version: str | None
    threshold: float | None
    """None: it has none, and nothing is anomalous."""
    threshold_estimated: bool
    check_threshold: float | None
    pixel_threshold: float | None
    unusual_threshold: float | None

    @property
    def digest(self) -> str:
        """The SHA-256 of all values: the same model in the same state has the same."""
        return hashlib.sha256(json.dumps(vars(self), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class VerdictRecord:
    """A verdict that is on its way into the history."""

    model: str
    """The name that the model has here."""
    station: str
    """The name of the place that the photo came from."""
    verdict: str
    """One of STORED_VERDICTS."""
    judged_at: datetime
    """UTC."""
    key: str = field(default_factory=lambda: secrets.token_hex(16))
    """At most 64 characters, unique: a verdict that is written again under its key is written once."""
    judge: JudgeRecord | None = None
    """None where no model judged: the photo could not be read."""
    drawn: bool = False
    """Whether the photo was drawn by lot, before it was judged, for a person to label."""
    anomaly_score: float | None = None
    percentile: float | None = None
    unusualness: float | None = None
    unusual_reason: str | None = None
    rule_reason: str | None = None
    stopped_by: list[str] = field(default_factory=list)
    mask_pixels: int | None = None
    regions: list[dict[str, Any]] = field(default_factory=list)
    """As in predictions.jsonl."""
    regions_of_interest: list[dict[str, Any]] = field(default_factory=list)
    """As in predictions.jsonl."""
    looks: dict[str, float] | None = None
    """What is watched for drift: `brightness`, ... (see model/usual.py)."""
    error: str | None = None
    """Why the photo could not be read."""
    photo_name: str | None = None
    """The name that whoever gave the photo has for it; it is shown, and never opened."""
    photo_sha256: str | None = None
    photo_bytes: int | None = None
    photo_path: str | None = None
    """The file where the photo lies; None where it was not kept."""
    map_path: str | None = None
    """The file of its anomaly map, likewise."""
    height: int | None = None
    width: int | None = None


@dataclass(frozen=True, kw_only=True)
class StoredVerdict(VerdictRecord):
    """A verdict out of the history, with what people say of it."""

    id: int
    label: str | None
    """`good` or `bad`; None: nobody has said."""
    defect_type: str | None


def verdict_of(
    result: Prediction | DataError,
    *,
    model: str,
    station: str,
    key: str | None = None,
    photo: bytes | None = None,
    photo_name: str | None = None,
    photo_path: str | None = None,
    map_path: str | None = None,
    drawn: bool = False,
) -> VerdictRecord:
    """Returns what the history keeps of a prediction, or of a photo that could not be read.

    `photo` are the bytes of its file, of which checksum and size are taken. `key` tells one judgement from others, see
    VerdictRecord; without one it is drawn, and only this very record is not written twice.
    """
    given: dict[str, Any] = {
        "model": model,
        "station": station,
        "photo_name": None if photo_name is None else on_one_line(photo_name)[-LONGEST_NAME_STORED:],
        "photo_path": photo_path,
        "map_path": map_path,
        "drawn": drawn,
        **({} if key is None else {"key": key}),
    }
    if photo is not None:
        given |= {"photo_sha256": hashlib.sha256(photo).hexdigest(), "photo_bytes": len(photo)}
    if isinstance(result, DataError):
        return VerdictRecord(verdict=UNREADABLE, judged_at=datetime.now(UTC), error=str(result), **given)
    told = result.to_json()
    same = {name: told[name] for name in (*_TOLD, "height", "width") if name in told}
    looks = None if result.description is None else dict(looks_of(result.description))
    return VerdictRecord(judged_at=result.judged_at, judge=_judge_of(told, model), looks=looks, **same, **given)


_TOLD = (
    *("verdict", "anomaly_score", "percentile", "unusualness", "unusual_reason", "rule_reason", "stopped_by"),
    *("mask_pixels", "regions", "regions_of_interest"),
)


def _judge_of(told: dict[str, Any], model: str) -> JudgeRecord:
    names = {each.name for each in fields(JudgeRecord)} - {"model"}
    return JudgeRecord(model=model, **{name: _finite(told[name]) for name in names})


def _finite(value: Any) -> Any:
    """Returns a number as JSON and databases take it: the infinite threshold of an uncalibrated model is none."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
