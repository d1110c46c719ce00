"""What people's labels give back: good photos to calibrate with, and how often verdicts were wrong.

A threshold's promise holds where calibration photos and those to come are exchangeable: drawn from one line by one lot.
Good photos that somebody picked are not, least of all false alarms: with them the threshold would rise above what a
fair draw gives, and defects pass. So photos are drawn by lot as they arrive, before they are judged, and calibration
takes those drawn and labelled good alone; and only up to the first that waits for its label, for whoever leaves out the
hard ones picks as well. One whose photo was deleted before it had a label waits for ever, unless it was among the first
ones, of which nobody had labelled any: there nobody chose.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select

from blemish.history.opening import History
from blemish.history.schema import VERDICTS, hour_of
from blemish.history.verdict import BAD_LABEL, GOOD_LABEL
from blemish.inference.prediction import UNREADABLE
from blemish.model.thresholds import ALARM_VERDICTS


@dataclass(frozen=True, kw_only=True)
class PhotosDrawnByLot:
    """The photos of a model that were drawn by lot, as far as people have labelled them."""

    good: list[Path]
    """Files of those labelled good, oldest first, up to the first that waits: they can be calibrated with."""
    labelled_bad: int
    """Up to there, labelled bad: no calibration takes them."""
    gone: int
    """Up to there, labelled good, but no longer kept."""
    waiting: int
    """Drawn and not labelled yet."""
    lost: int
    """Drawn and not labelled before their photos were deleted: who looks at no photo cannot label it."""
    behind: int
    """Labelled good, but drawn after the first that waits."""
    picked: int
    """Labelled good, but not drawn: they say how many good parts were stopped, and calibrate nothing."""


@dataclass(frozen=True, kw_only=True)
class TruthCount:
    """How often verdicts of one week were wrong, by people's labels."""

    week: datetime
    """Its Monday, 0:00 UTC."""
    drawn: bool
    """Whether of photos drawn by lot, whose shares are fair; those of photos that people picked are not."""
    good: int
    good_stopped: int
    """False alarms."""
    bad: int
    bad_missed: int
    """Misses: bad parts that were not stopped."""


def drawn_photos(history: History, model: str) -> PhotosDrawnByLot:
    """Returns which photos a model can be calibrated with."""
    mine = (VERDICTS.c.model == model, VERDICTS.c.verdict != UNREADABLE)
    drawn = (*mine, VERDICTS.c.drawn.is_(True))
    rows = select(VERDICTS.c.label, VERDICTS.c.photo_path).where(*drawn).order_by(VERDICTS.c.judged_at, VERDICTS.c.id)
    others = (*mine, VERDICTS.c.drawn.is_(False), VERDICTS.c.label == GOOD_LABEL)
    with history.reading() as connection:
        found = connection.execute(rows).all()
        picked = connection.execute(select(func.count()).select_from(VERDICTS).where(*others)).scalar_one()
    lost = [row.label is None and row.photo_path is None for row in found]
    begin = next((place for place, is_lost in enumerate(lost) if not is_lost), len(found))
    found, lost = found[begin:], lost[begin:]
    whole = next((place for place, row in enumerate(found) if row.label is None), len(found))
    paths = [
        None if row.photo_path is None else Path(row.photo_path) for row in found[:whole] if row.label == GOOD_LABEL
    ]
    bad = {row.photo_path for row in found if row.label == BAD_LABEL}  # of a photo judged twice, labelled either way
    there = {path: None for path in paths if path is not None and path.exists() and str(path) not in bad}
    return PhotosDrawnByLot(
        good=list(there),
        labelled_bad=sum(row.label == BAD_LABEL for row in found[:whole]),
        gone=sum(path not in there for path in paths),
        waiting=sum(row.label is None for row in found) - sum(lost),
        lost=sum(lost),
        behind=sum(row.label == GOOD_LABEL for row in found[whole:]),
        picked=picked,
    )


def truth_by_week(history: History, model: str) -> list[TruthCount]:
    """Returns misses and false alarms per week, oldest first: labelled photos are a test set that grows."""
    columns = (VERDICTS.c.judged_at, VERDICTS.c.drawn, VERDICTS.c.label, VERDICTS.c.verdict)
    labelled = select(*columns).where(VERDICTS.c.model == model, VERDICTS.c.label.is_not(None))
    counts: Counter[tuple[datetime, bool, str, bool]] = Counter()
    with history.reading() as connection:
        for row in connection.execute(labelled):
            counts[(_monday(row.judged_at), row.drawn, row.label, row.verdict in ALARM_VERDICTS)] += 1
    weeks = sorted({key[:2] for key in counts})
    return [
        TruthCount(
            week=week,
            drawn=drawn,
            good=counts[(week, drawn, GOOD_LABEL, True)] + counts[(week, drawn, GOOD_LABEL, False)],
            good_stopped=counts[(week, drawn, GOOD_LABEL, True)],
            bad=counts[(week, drawn, BAD_LABEL, True)] + counts[(week, drawn, BAD_LABEL, False)],
            bad_missed=counts[(week, drawn, BAD_LABEL, False)],
        )
        for week, drawn in weeks
    ]


def _monday(moment: datetime) -> datetime:
    day = hour_of(moment).replace(hour=0)
    return day - timedelta(days=day.weekday())
