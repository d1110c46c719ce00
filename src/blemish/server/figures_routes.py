"""Figures over the history of the line: yield, scores, what another threshold would do, drift, and labels' truth."""

import math
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from blemish.data.digest import DIGEST_DIGITS
from blemish.history.feedback import drawn_photos, truth_by_week
from blemish.history.figures import MOST_SCORES, hourly, scores_over_time, what_if
from blemish.history.reading import Sought
from blemish.model.thresholds import Calibration
from blemish.server.access import AskedBy, StationOf
from blemish.server.faults import FAULTS
from blemish.server.figures_replies import (
    DriftReply,
    DriftsReply,
    FeedbackReply,
    HourReply,
    HoursReply,
    MovedReply,
    ScoreReply,
    ScoresReply,
    TruthReply,
    WhatIfReply,
)
from blemish.server.station import Station
from blemish.server.verdict_routes import NAME_SOUGHT, TimeSought

FIGURES_ROUTES = APIRouter(prefix="/api", tags=["figures"], responses=FAULTS)


class Span(BaseModel):
    """What time and which station figures are of."""

    model_config = {"extra": "forbid"}

    station: str | None = Field(default=None, pattern=NAME_SOUGHT)
    since: TimeSought | None = None
    until: TimeSought | None = Field(default=None, description="Before this time.")


class ModelSpan(Span):
    """Says besides of which model they are."""

    model: str | None = Field(default=None, pattern=NAME_SOUGHT)


class HourSpan(ModelSpan):
    """Says besides how counts are told."""

    apart: bool = Field(default=True, description="Whether by model and station; else these are added up, and null.")


class Supposition(Span):
    """Says besides what threshold is supposed."""

    threshold: float = Field(allow_inf_nan=False)


class Points(Span):
    """Says besides how many points are wanted."""

    most: int = Field(default=1000, ge=1, le=MOST_SCORES)


@FIGURES_ROUTES.get("/figures/hours")
def hours(at: StationOf, _asker: AskedBy, span: Annotated[HourSpan, Query()]) -> HoursReply:
    """Returns how many photos had each verdict, per hour: also of hours whose verdicts were deleted."""
    return HoursReply(hours=[HourReply(**vars(row)) for row in hourly(at.history, **span.model_dump())])


@FIGURES_ROUTES.get("/models/{model}/scores")
def scores(model: str, at: StationOf, _asker: AskedBy, points: Annotated[Points, Query()]) -> ScoresReply:
    """Returns the latest scores of a model, oldest first."""
    at.model(model)
    sought = Sought(model=model, **points.model_dump(exclude={"most"}))
    return ScoresReply(
        scores=[ScoreReply(**vars(row)) for row in scores_over_time(at.history, sought, most=points.most)]
    )


@FIGURES_ROUTES.get("/models/{model}/what-if")
def suppose(model: str, at: StationOf, _asker: AskedBy, what: Annotated[Supposition, Query()]) -> WhatIfReply:
    """Returns how many photos of the history would be an alarm at another threshold, and which rate to ask for."""
    opened = at.model(model).now
    sought = Sought(model=model, **what.model_dump(exclude={"threshold"}))
    found = what_if(at.history, sought, what.threshold, weights_sha256=opened.artifact.weights_sha256)
    calibration = opened.predictor.calibration
    return WhatIfReply(
        **vars(found),
        false_alarms=rate_to_ask(calibration, what.threshold),
        rules_apply=opened.artifact.rules is not None,
    )


@FIGURES_ROUTES.get("/models/{model}/drift")
def drift(model: str, at: StationOf, _asker: AskedBy) -> DriftsReply:
    """Returns what has moved at each station, against the photos that the model was calibrated with."""
    return DriftsReply(stations=drift_replies(at, model), watched=is_watched(at, model))


@FIGURES_ROUTES.get("/models/{model}/feedback")
def feedback(model: str, at: StationOf, _asker: AskedBy) -> FeedbackReply:
    """Returns what labels say: misses and false alarms per week, and which photos can be calibrated with."""
    known = {photo.digest for photo in at.model(model).now.artifact.training.photos}
    drawn = drawn_photos(at.history, model)
    return FeedbackReply(
        weeks=[TruthReply(**vars(row)) for row in truth_by_week(at.history, model)],
        joined=sum(path.stem[:DIGEST_DIGITS] in known for path in drawn.good),  # which are called by their checksum
        **vars(drawn) | {"good": len(drawn.good)},
    )


def rate_to_ask(calibration: Calibration, threshold: float) -> float:
    """Returns the false alarm rate to be asked for, to get the threshold of a model next below `threshold`: it is what
    that one promises."""
    unusual = (
        0 if calibration.unusual is None else sum(value > calibration.unusual for value in calibration.unusualness)
    )
    above = 1 + unusual + sum(score > threshold for score in calibration.scores)
    return min(0.999999, math.ceil(1e6 * above / (calibration.n + 1)) / 1e6)


def is_watched(at: Station, model: str) -> bool:
    """Returns whether anything is kept that photos can be compared with."""
    calibration = at.model(model).now.predictor.calibration
    return calibration.unit == "photos" and bool(calibration.watched)


def drift_replies(at: Station, model: str) -> list[DriftReply]:
    """Returns the drift at each station, as it is answered."""
    at.model(model)
    return [
        DriftReply(station=each.station, photos=each.photos, moved=[MovedReply(**vars(drift)) for drift in each.found])
        for each in at.drift.of(model)
    ]
