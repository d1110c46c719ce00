"""The history over HTTP: lists, one verdict, its pictures, its labels."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import AfterValidator, AwareDatetime, BaseModel, Field

from blemish.history.labels import labels_of, set_label
from blemish.history.reading import MOST_AT_ONCE, LabelSought, Sought, latest, one
from blemish.history.schema import LARGEST_ID
from blemish.history.verdict import StoredVerdict
from blemish.server.access import AskedBy, StationOf
from blemish.server.faults import FAULTS, FaultError
from blemish.server.pictures import drawn_overlay, map_file, photo_file
from blemish.server.replies import VerdictPageReply, VerdictReply, verdict_reply
from blemish.server.station import Station

VERDICT_ROUTES = APIRouter(prefix="/api/verdicts", tags=["history"], responses=FAULTS)

NAME_SOUGHT = r"^[^\x00]{1,255}$"
"""What can be the name of a model or a station: PostgreSQL takes no zero byte."""


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("a time of the years 1 to 9999 in UTC is needed") from None


TimeSought = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A time with its zone, which all zones can say."""
VerdictName = Literal["normal", "check", "anomalous", "unusual", "unreadable"]


class Filter(BaseModel):
    """What verdicts must be to be found."""

    model_config = {"extra": "forbid"}

    model: str | None = Field(default=None, pattern=NAME_SOUGHT)
    station: str | None = Field(default=None, pattern=NAME_SOUGHT)
    verdict: list[VerdictName] = Field(default=[], description="May be given again: any of these.")
    label: LabelSought | None = Field(default=None, description="any: labelled at all; none: not labelled.")
    drawn: bool | None = None
    since: TimeSought | None = None
    until: TimeSought | None = Field(default=None, description="Before this time.")
    photo_sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")

    @property
    def sought(self) -> Sought:
        """The same as the history takes it."""
        values = self.model_dump(include=set(Filter.model_fields) - {"verdict"})
        return Sought(verdicts=tuple(self.verdict), **values)


class PageFilter(Filter):
    """Says besides which page of them is meant."""

    most: int = Field(default=50, ge=1, le=MOST_AT_ONCE)
    after: str | None = Field(default=None, max_length=100, description="The `after` of the page before.")


class LabelBody(BaseModel):
    """What a person says of a photo."""

    label: Literal["good", "bad"] | None = Field(description="What the part is in truth; null takes it back.")
    defect_type: str | None = Field(default=None, max_length=255, description="With bad alone, such as scratch.")
    note: str | None = Field(default=None, max_length=2000)


class LabelReply(LabelBody):
    """What a person has said of a photo, and when."""

    labelled_by: str
    labelled_at: datetime


class LabelsReply(BaseModel):
    """All that was said of a photo, the latest first, which holds."""

    labels: list[LabelReply]


@VERDICT_ROUTES.get("")
def list_verdicts(at: StationOf, _asker: AskedBy, page: Annotated[PageFilter, Query()]) -> VerdictPageReply:
    """Returns the latest verdicts that are sought, a page at a time."""
    found = latest(at.history, page.sought, most=page.most, after=page.after)
    return VerdictPageReply(verdicts=[verdict_reply(each) for each in found.verdicts], after=found.after)


@VERDICT_ROUTES.get("/{number}")
def get_verdict(number: int, at: StationOf, _asker: AskedBy) -> VerdictReply:
    """Returns one verdict."""
    return verdict_reply(stored_verdict(at, number))


@VERDICT_ROUTES.get("/{number}/photo", response_class=Response)
def get_photo(number: int, at: StationOf, _asker: AskedBy) -> Response:
    """Returns the photo; as PNG where it is of a kind that browsers do not show."""
    return photo_file(at, stored_verdict(at, number))


@VERDICT_ROUTES.get("/{number}/map", response_class=Response)
def get_map(number: int, at: StationOf, _asker: AskedBy) -> Response:
    """Returns the anomaly map as a float32 TIFF."""
    return map_file(at, stored_verdict(at, number))


@VERDICT_ROUTES.get("/{number}/overlay", response_class=Response)
def get_overlay(number: int, at: StationOf, _asker: AskedBy) -> Response:
    """Returns the photo under its map, with what is marked outlined."""
    return drawn_overlay(at, stored_verdict(at, number))


@VERDICT_ROUTES.get("/{number}/labels")
def get_labels(number: int, at: StationOf, _asker: AskedBy) -> LabelsReply:
    """Returns all that was said of a photo."""
    stored_verdict(at, number)
    return LabelsReply(labels=[LabelReply.model_validate(vars(each)) for each in labels_of(at.history, number)])


@VERDICT_ROUTES.put("/{number}/label")
def put_label(number: int, body: LabelBody, at: StationOf, asker: AskedBy) -> VerdictReply:
    """Says what the part is in truth; what was said before stays in its labels."""
    stored_verdict(at, number)
    set_label(at.history, number, body.label, who=asker.name, defect_type=body.defect_type, note=body.note)
    return verdict_reply(stored_verdict(at, number))


def stored_verdict(at: Station, number: int) -> StoredVerdict:
    """Returns a verdict; raises FaultError where there is none."""
    found = one(at.history, number) if abs(number) <= LARGEST_ID else None
    if found is None:
        raise FaultError(404, "no_such_verdict", f"the history holds no verdict {number}")
    return found
