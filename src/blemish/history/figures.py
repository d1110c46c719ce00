"""Figures over the history: counts per hour, scores over time, and how many would alarm at another threshold."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import and_, case, func, or_, select

from blemish.history.opening import History
from blemish.history.reading import Sought, conditions
from blemish.history.schema import HOURS, JUDGES, VERDICTS
from blemish.history.verdict import BAD_LABEL, GOOD_LABEL
from blemish.model.thresholds import ALARM_VERDICTS

MOST_SCORES = 5000


@dataclass(frozen=True, kw_only=True)
class HourCount:
    """How many photos of a model and a station had one verdict in one hour."""

    hour: datetime
    """Its beginning, UTC."""
    model: str
    station: str
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
) -> list[HourCount]:
    """Returns counts per hour, oldest first; of hours whose verdicts have been deleted, too."""
    wanted = [
        *([] if model is None else [HOURS.c.model == model]),
        *([] if station is None else [HOURS.c.station == station]),
        *([] if since is None else [HOURS.c.hour >= since.replace(minute=0, second=0, microsecond=0)]),
        *([] if until is None else [HOURS.c.hour < until]),
    ]
    statement = select(HOURS).where(*wanted).order_by(HOURS.c.hour, HOURS.c.model, HOURS.c.station, HOURS.c.verdict)
    with history.reading() as connection:
        return [HourCount(**row._mapping) for row in connection.execute(statement)]


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
    would = or_(VERDICTS.c.anomaly_score > threshold, VERDICTS.c.verdict == "unusual")
    with history.reading() as connection:
        same = and_(JUDGES.c.weights_sha256 == weights_sha256, JUDGES.c.model == sought.model)
        judges = list(connection.execute(select(JUDGES.c.id).where(same)).scalars())
        rows = connection.execute(
            select(
                VERDICTS.c.verdict,
                VERDICTS.c.label,
                func.count().label("photos"),
                func.sum(case((would, 1), else_=0)).label("alarms"),
            )
            # The model is known by who judged: asked by name as well, the rows themselves would have to be read.
            .where(VERDICTS.c.judge_id.in_(judges), *conditions(replace(sought, model=None)))
            .group_by(VERDICTS.c.verdict, VERDICTS.c.label)
        ).all()

    def total(values: Iterable[int]) -> int:
        return int(sum(values))

    return WhatIf(
        threshold=threshold,
        photos=total(row.photos for row in rows),
        alarms_then=total(row.photos for row in rows if row.verdict in ALARM_VERDICTS),
        alarms=total(row.alarms for row in rows),
        labelled_good=total(row.photos for row in rows if row.label == GOOD_LABEL),
        good_stopped=total(row.alarms for row in rows if row.label == GOOD_LABEL),
        labelled_bad=total(row.photos for row in rows if row.label == BAD_LABEL),
        bad_missed=total(row.photos - row.alarms for row in rows if row.label == BAD_LABEL),
    )
