"""Whether photos of a station have become others than those that its model was calibrated with, by the history."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from blemish.calibration.drift import Drift, DriftWatch
from blemish.history.opening import History
from blemish.history.schema import HOURS, JUDGES, VERDICTS
from blemish.model.thresholds import ALARM_VERDICTS, Calibration

PHOTOS_LOOKED_AT = 1000
"""The latest of each station: for so many it is stated how often drift is said where there is none."""


MOST_STATIONS = 256
"""Those that judged last: a station's name comes from whoever sends photos, and may be another with each."""


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
    """Returns what has moved in those of the latest photos of a station that the model of these weights judged.

    They are looked at in order, as `predict` looks at a folder's (see calibration/drift.py). Of a model that was
    calibrated by parts nothing is found: which part a photo shows is not in the history. What bears a time to come,
    since the clock was set back, is left out: else nothing newer would be looked at until then.
    """
    with history.reading() as connection:
        rows = _latest_looks(connection, model, station, weights_sha256)
    watch = DriftWatch(calibration)
    for row in rows:
        score = None if row.verdict in ALARM_VERDICTS else row.anomaly_score
        watch.add_looks(row.looks, unusualness=row.unusualness or 0.0, score=score)
    return StationDrift(station=station, photos=len(rows), found=watch.found)


def stations_of(history: History, model: str) -> list[str]:
    """Returns the stations at which a model judged last, sorted, as many as are looked at for drift."""
    last = select(HOURS.c.station).where(HOURS.c.model == model).group_by(HOURS.c.station)
    last = last.order_by(func.max(HOURS.c.hour).desc(), HOURS.c.station).limit(MOST_STATIONS)
    with history.reading() as connection:
        return sorted(connection.execute(last).scalars())


def _latest_looks(connection: Connection, model: str, station: str, weights_sha256: str) -> Sequence[Any]:
    """Returns what the latest photos of a station look like, oldest first; none of a time to come.

    Which they are is found in an index alone, from the last hour on in which the station had any: asked for weights as
    well, a database would read all that this model ever judged, and sort it.
    """
    now = datetime.now(UTC)
    of_station = (HOURS.c.model == model, HOURS.c.station == station, HOURS.c.hour <= now)
    last = connection.execute(select(func.max(HOURS.c.hour)).where(*of_station)).scalar_one()
    if last is None:
        return []
    found = (
        select(VERDICTS.c.id)
        .where(VERDICTS.c.judged_at < min(last + timedelta(hours=1), now))
        .where(VERDICTS.c.model == model, VERDICTS.c.station == station)
        .order_by(VERDICTS.c.judged_at.desc(), VERDICTS.c.id.desc())
        .limit(PHOTOS_LOOKED_AT)
    )
    ids = list(connection.execute(found).scalars())
    columns = (VERDICTS.c.looks, VERDICTS.c.unusualness, VERDICTS.c.anomaly_score, VERDICTS.c.verdict)
    looks = select(*columns).join_from(VERDICTS, JUDGES, VERDICTS.c.judge_id == JUDGES.c.id)
    looks = looks.where(VERDICTS.c.id.in_(ids), JUDGES.c.model == model, JUDGES.c.weights_sha256 == weights_sha256)
    return connection.execute(looks.order_by(VERDICTS.c.judged_at, VERDICTS.c.id)).all()
