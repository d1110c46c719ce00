"""Figures over the history: counts per hour, scores over time, and how many would alarm at another threshold."""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, func, not_, null, or_, select

from blemish.history.opening import History
from blemish.history.reading import Sought, conditions
from blemish.history.schema import HOURS, JUDGES, VERDICTS, hour_of
from blemish.history.verdict import BAD_LABEL, GOOD_LABEL
from blemish.model.thresholds import ALARM_VERDICTS

MOST_SCORES = 5000


@dataclass(frozen=True, kw_only=True)
class HourCount:
    """How many photos of a model and a station had one verdict in one hour."""

    hour: datetime
    """Its beginning, UTC."""
    model: str | None
    """None: all of them together, as for stations."""
    station: str | None
    verdict: str
    photos: int


@dataclass(frozen=True, kw_only=True)
class ScorePoint:
    """A point is one photo in a chart of scores over time."""

    id: int
    judged_at: datetime
    station: str
    anomaly_score: float
    verdict: str
    label: str | None


@dataclass(frozen=True, kw_only=True)
class WhatIf:
    """Says what the history would be at another threshold.

    Rules and "check" are left out of it: a photo above the threshold counts as an alarm.
    """

    threshold: float
    photos: int
    """Judged by a model of the same weights: scores of others cannot be compared."""
    alarms_then: int
    """Photos that were stopped by the thresholds of their time, and rules."""
    alarms: int
    """Photos with a score above `threshold`, or unusual."""
    labelled_good: int
    good_stopped: int
    """Photos labelled good that would be an alarm."""
    labelled_bad: int
    bad_missed: int
    """Photos labelled bad that would be none."""


def hourly(
    history: History,
    *,
    model: str | None = None,
    station: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    apart: bool = True,
) -> list[HourCount]:
    """Returns counts per hour, oldest first; of hours whose verdicts have been deleted, too. Unless `apart`, models and
    stations are added up."""
    wanted = [
        *([] if model is None else [HOURS.c.model == model]),
        *([] if station is None else [HOURS.c.station == station]),
        *([] if since is None else [HOURS.c.hour >= hour_of(since)]),
        *([] if until is None else [HOURS.c.hour < until]),
    ]
    if apart:
        keys = [HOURS.c.hour, HOURS.c.model, HOURS.c.station, HOURS.c.verdict]
        statement = select(*keys, HOURS.c.photos).where(*wanted).order_by(*keys)
    else:
        keys = [HOURS.c.hour, HOURS.c.verdict]
        added = func.sum(HOURS.c.photos)
        statement = select(HOURS.c.hour, null(), null(), HOURS.c.verdict, added).where(*wanted)
        statement = statement.group_by(*keys).order_by(*keys)
    with history.reading() as connection:
        rows = connection.execute(statement).all()
    return [
        HourCount(hour=hour, model=name, station=place, verdict=verdict, photos=int(photos))
        for hour, name, place, verdict, photos in map(tuple, rows)
    ]


def scores_over_time(history: History, sought: Sought, *, most: int = 1000) -> list[ScorePoint]:
    """Returns the latest scores that are sought, oldest first."""
    names = ("id", "judged_at", "station", "anomaly_score", "verdict", "label")
    statement = (
        select(*(VERDICTS.c[name] for name in names))
        .where(*conditions(sought), VERDICTS.c.anomaly_score.is_not(None))
        .order_by(VERDICTS.c.judged_at.desc(), VERDICTS.c.id.desc())
        .limit(max(1, min(most, MOST_SCORES)))
    )
    with history.reading() as connection:
        return [ScorePoint(**row._mapping) for row in connection.execute(statement)][::-1]


def what_if(history: History, sought: Sought, threshold: float, *, weights_sha256: str) -> WhatIf:
    """Returns what the photos that are sought, of the model of these weights, would be at another threshold."""
    above = VERDICTS.c.anomaly_score > threshold
    unusual = VERDICTS.c.verdict == "unusual"
    below = and_(unusual, or_(VERDICTS.c.anomaly_score.is_(None), not_(above)))
    with history.reading() as connection:
        same = and_(JUDGES.c.weights_sha256 == weights_sha256, JUDGES.c.model == sought.model)
        judges = list(connection.execute(select(JUDGES.c.id).where(same)).scalars())
        # The model is known by who judged: asked by name as well, the rows themselves would have to be read.
        wanted = [VERDICTS.c.judge_id.in_(judges), *conditions(replace(sought, model=None))]
        photos, then, unusual_below = connection.execute(
            select(func.count(), _number(VERDICTS.c.verdict.in_(ALARM_VERDICTS)), _number(below)).where(*wanted)
        ).one()
        # Those above it lie together in the index, so that they are counted without looking at all the others.
        stopped = connection.execute(select(func.count()).select_from(VERDICTS).where(*wanted, above)).scalar_one()
        would = case((or_(above, unusual), 1), else_=0).label("would")
        by_label = (VERDICTS.c.judge_id, VERDICTS.c.label, would)
        labelled = select(*by_label, func.count().label("photos"))
        labelled = labelled.where(*conditions(sought), VERDICTS.c.label.is_not(None)).group_by(*by_label)
        told = [row for row in connection.execute(labelled) if row.judge_id in judges]

    def total(label: str, *alarm: bool) -> int:
        return sum(row.photos for row in told if row.label == label and bool(row.would) in alarm)

    return WhatIf(
        threshold=threshold,
        photos=photos,
        alarms_then=int(then or 0),
        alarms=stopped + int(unusual_below or 0),
        labelled_good=total(GOOD_LABEL, True, False),
        good_stopped=total(GOOD_LABEL, True),
        labelled_bad=total(BAD_LABEL, True, False),
        bad_missed=total(BAD_LABEL, False),
    )


def _number(condition: ColumnElement[bool]) -> ColumnElement[int]:
    """Returns how many rows meet a condition, in a statement over others as well."""
    return func.sum(case((condition, 1), else_=0))
