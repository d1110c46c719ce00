"""Whether photos of a station have become others than those that its model was calibrated with, by the history."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select

from blemish.calibration.drift import Drift, DriftWatch
from blemish.history.opening import History
from blemish.history.schema import JUDGES, VERDICTS
from blemish.model.thresholds import ALARM_VERDICTS, Calibration

PHOTOS_LOOKED_AT = 1000
"""The latest of each station: for so many it is stated how often drift is said where there is none."""


@dataclass(frozen=True, kw_only=True)
class StationDrift:
    """What has moved at one station."""

    station: str
    photos: int
    """How many were looked at."""
    found: list[Drift]


def drift_at(
    history: History, station: str, *, model: str, weights_sha256: str, calibration: Calibration
) -> StationDrift:
    """Returns what has moved in the latest photos of a station, judged by the model of these weights.

    They are looked at in order, as `predict` looks at a folder's (see calibration/drift.py). Of a model that was
    calibrated by parts nothing is found: which part a photo shows is not in the history. What bears a time to come,
    since the clock was set back, is left out: else nothing newer would be looked at until then.
    """
    same = select(JUDGES.c.id).where(JUDGES.c.model == model, JUDGES.c.weights_sha256 == weights_sha256)
    columns = (VERDICTS.c.looks, VERDICTS.c.unusualness, VERDICTS.c.anomaly_score, VERDICTS.c.verdict)
    statement = (
        select(*columns)
        .where(VERDICTS.c.model == model, VERDICTS.c.station == station, VERDICTS.c.judge_id.in_(same))
        .where(VERDICTS.c.judged_at <= datetime.now(UTC))
        .order_by(VERDICTS.c.judged_at.desc(), VERDICTS.c.id.desc())
        .limit(PHOTOS_LOOKED_AT)
    )
    with history.reading() as connection:
        rows = connection.execute(statement).all()[::-1]
    watch = DriftWatch(calibration)
    for row in rows:
        score = None if row.verdict in ALARM_VERDICTS else row.anomaly_score
        watch.add_looks(row.looks, unusualness=row.unusualness or 0.0, score=score)
    return StationDrift(station=station, photos=len(rows), found=watch.found)
