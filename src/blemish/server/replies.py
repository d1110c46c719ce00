"""What the server answers, as JSON: these classes are the reference that /api/openapi.json is made of."""

from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote

from pydantic import BaseModel, Field

from blemish.history.verdict import StoredVerdict


class FaultDetail(BaseModel):
    """What went wrong, and what to do."""

    code: str = Field(description="For programs, such as too_many_photos.")
    message: str = Field(description="For people, in one line.")


class FaultReply(BaseModel):
    """The one shape that every error has."""

    error: FaultDetail


class LinksReply(BaseModel):
    """The addresses that a verdict and its pictures have."""

    verdict: str
    photo: str = Field(description="The photo; 410 where it was not kept.")
    map: str = Field(description="Its anomaly map, as float32 TIFF; 410 where it was not kept.")
    overlay: str = Field(description="The photo under its map, as JPEG or PNG; 410 likewise.")


class PhotoReply(BaseModel):
    """The photo that was judged."""

    name: str | None = Field(description="What whoever gave it calls it.")
    sha256: str | None
    bytes: int | None
    width: int | None
    height: int | None
    kept: bool


class JudgeReply(BaseModel):
    """The model as it was when it judged, with its thresholds of then."""

    method: str | None
    weights_sha256: str | None
    runtime: str | None
    precision: str | None
    blemish_version: str | None
    threshold: float | None = Field(description="A score above it is anomalous; null: none was set.")
    threshold_estimated: bool
    check_threshold: float | None
    pixel_threshold: float | None
    unusual_threshold: float | None


class VerdictReply(BaseModel):
    """A verdict that was just given, or comes out of the history."""

    id: int
    key: str
    model: str
    station: str
    judged_at: datetime
    verdict: Literal["normal", "check", "anomalous", "unusual", "unreadable"]
    anomaly_score: float | None
    percentile: float | None
    unusualness: float | None
    unusual_reason: str | None
    rule_reason: str | None
    stopped_by: list[str]
    error: str | None = Field(description="Why the photo could not be read, where the verdict is unreadable.")
    mask_pixels: int | None
    regions: list[dict[str, Any]] = Field(description="As in predictions.jsonl: box, area, peak, centroid, ...")
    regions_of_interest: list[dict[str, Any]]
    judge: JudgeReply | None
    photo: PhotoReply
    label: Literal["good", "bad"] | None
    defect_type: str | None
    drawn: bool = Field(description="Whether it was drawn by lot for a person to label.")
    links: LinksReply


class VerdictsReply(BaseModel):
    """The verdicts that were given to several photos, in their order."""

    verdicts: list[VerdictReply]


class VerdictPageReply(BaseModel):
    """Verdicts out of the history, latest first."""

    verdicts: list[VerdictReply]
    after: str | None = Field(description="To be given as `after` for the next page; null: there is none.")


class PromiseReply(BaseModel):
    """A threshold says what it promises."""

    value: float | None
    asked_rate: float
    promised_rate: float | None = Field(description="null: an estimate, which promises nothing.")
    rate_95: float | None


class ModelReply(BaseModel):
    """A model that is served."""

    name: str
    method: str
    title: str
    weights_sha256: str
    runtime: str
    precision: str
    width: int = Field(description="Pixels that the network sees.")
    height: int
    opened_at: datetime
    verified: str = Field(description="How it was proven before it judged.")
    threshold: PromiseReply
    check: PromiseReply | None
    pixel_threshold: float | None
    statement: str = Field(description="The promise of the threshold in one line.")
    calibrated_with: int
    unit: Literal["photos", "parts"]
    rules: list[str]
    regions_of_interest: list[str]
    changed_on_disk: bool = Field(description="Its folder holds another one by now, which .../reload puts in place.")
    waiting: int = Field(description="Photos that wait, of all models.")


class ModelsReply(BaseModel):
    """The models that are served."""

    models: list[ModelReply]


class HealthReply(BaseModel):
    """Whether the server lives, and what it is."""

    status: Literal["ok"]
    blemish_version: str


class ReadyReply(BaseModel):
    """Whether the server takes photos."""

    status: Literal["ready"]
    models: list[str]
    history: str
    troubles: list[str] = Field(description="What does not work though photos are judged, such as keeping them.")


class SessionReply(BaseModel):
    """Who is asking, and what the page needs to know of the server."""

    user: str
    role: Literal["operator", "engineer"]
    tokens_needed: bool
    models: list[str]
    stations: list[str]
    workshop: bool = Field(description="Whether models can be learned in the page.")
    photos_kept: Literal["all", "not-normal", "none"]
    draw: float = Field(description="Share of photos drawn by lot for a person to label.")
    blemish_version: str


def verdict_reply(stored: StoredVerdict) -> VerdictReply:
    """Returns a verdict of the history as it is answered."""
    own = f"/api/verdicts/{stored.id}"
    of = f"?of={quote(stored.key[:8], safe='')}"  # browsers keep pictures, and another history has the same ids
    same = {name: getattr(stored, name) for name in VerdictReply.model_fields if hasattr(stored, name)}
    judge = stored.judge
    return VerdictReply(
        **same
        | {
            "judge": None if judge is None else JudgeReply(**{n: getattr(judge, n) for n in JudgeReply.model_fields}),
            "photo": PhotoReply(
                name=stored.photo_name,
                sha256=stored.photo_sha256,
                bytes=stored.photo_bytes,
                width=stored.width,
                height=stored.height,
                kept=stored.photo_path is not None,
            ),
            "links": LinksReply(verdict=own, **{kind: f"{own}/{kind}{of}" for kind in ("photo", "map", "overlay")}),
        }
    )
