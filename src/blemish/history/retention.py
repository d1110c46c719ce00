"""What is forgotten: verdicts that are old, photos where they take too much room; never what people have labelled,
unless that is asked for."""

import logging
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, delete, func, or_, select, update

from blemish.errors import OutputError, SettingsError
from blemish.files import remove
from blemish.history.audit import note_change
from blemish.history.opening import History
from blemish.history.schema import VERDICTS
from blemish.inference.prediction import UNREADABLE

_log = logging.getLogger("blemish")

_AT_ONCE = 500
"""Verdicts of one transaction: others write in between."""
_MOST_DAYS = 365_000  # of more, no calendar knows the day
_MOST_MEGABYTES = 1e12
_FRESH = 120.0
"""Seconds after which the verdict that a photo was kept for is in the history, or never comes."""


@dataclass(frozen=True, kw_only=True)
class Retention:
    """How much is kept; None is all."""

    days: float | None = None
    """Verdicts that are older are deleted, with their photos; counts per hour stay. One that was written after a
    younger one, as when a clock was set back, stays as long as that; one that was drawn by lot and has no label stays
    without its photo."""
    megabytes: float | None = None
    """Photos and their maps beyond so much room are deleted, oldest first; their verdicts stay."""
    labelled_too: bool = False
    """Whether what people have labelled may be deleted, and drawn verdicts that wait for a label."""

    def __post_init__(self) -> None:
        """Raises SettingsError for amounts that are none."""
        days_are_none = self.days is not None and not 0 < self.days <= _MOST_DAYS
        if days_are_none or (self.megabytes is not None and not 0 <= self.megabytes <= _MOST_MEGABYTES):
            raise SettingsError(
                f"days to keep are above 0, {_MOST_DAYS} at most, megabytes to keep 0 or more; to keep all, name none"
            )


@dataclass(frozen=True, kw_only=True)
class Forgotten:
    """Says how much was deleted."""

    verdicts: int
    photos: int
    """Files of photos; those outside the folder of kept photos are never touched."""


def forget(history: History, retention: Retention, *, photos: Path | None, who: str) -> Forgotten:
    """Deletes what is not to be kept, a few verdicts at a time; `photos` is the folder of kept photos.

    A photo's file goes before its row, so that no file is left that no row knows of. Raises HistoryError; a file that
    cannot be deleted is said, and its row stays.
    """
    verdicts = files = 0
    if retention.days is not None:
        old = _old(history, retention.days)
        while found := _first(history, [*old, *_spared(retention)], order=VERDICTS.c.judged_at):
            gone, count, _ = _delete_files(history, found, photos)
            if not gone:
                break
            verdicts, files = verdicts + _delete_rows(history, gone, retention), files + count
    if retention.megabytes is not None:
        files += _make_room(history, retention, photos)
    if verdicts or files:
        with history.writing() as connection:
            kept = {"days": retention.days, "megabytes": retention.megabytes, "labelled_too": retention.labelled_too}
            done = {"verdicts": verdicts, "photos": files}
            note_change(connection, who=who, action="retention", subject="history", before=kept, after=done)
    return Forgotten(verdicts=verdicts, photos=files)


def _delete_rows(history: History, ids: Sequence[int], retention: Retention) -> int:
    """Deletes verdicts whose files are gone, and returns how many: but for what was labelled meanwhile, and for drawn
    ones that wait for a label, which stay without their photo."""
    these = VERDICTS.c.id.in_(ids)
    with history.writing() as connection:
        connection.execute(update(VERDICTS).where(these).values(photo_path=None, map_path=None))
        return connection.execute(delete(VERDICTS).where(these, *_spared(retention))).rowcount


def _old(history: History, days: float) -> list[ColumnElement[bool]]:
    """Returns what holds of verdicts that are older, and were written before any that is not.

    Times are those of the machine's clock, which may have been set back when a verdict was judged: it is then younger
    than it says. One from the future, of a clock that was ahead, says nothing about others.
    """
    now = datetime.now(UTC)
    until = now - timedelta(days=days)
    young = VERDICTS.c.judged_at.between(until, now)
    with history.reading() as connection:
        first = connection.execute(select(func.min(VERDICTS.c.id)).where(young)).scalar_one()
    return [VERDICTS.c.judged_at < until, *([] if first is None else [VERDICTS.c.id < first])]


def _spared(retention: Retention) -> list[ColumnElement[bool]]:
    """Returns what holds of verdicts that may be deleted whole.

    A drawn one that nobody labelled is not: without it, calibration would take those drawn behind it, as if they were
    all that the lot gave (see feedback.py). Its photo goes.
    """
    if retention.labelled_too:
        return []
    kept = or_(VERDICTS.c.photo_path.is_not(None), VERDICTS.c.map_path.is_not(None))
    return [VERDICTS.c.label.is_(None), or_(VERDICTS.c.drawn.is_(False), VERDICTS.c.verdict == UNREADABLE, kept)]


def _first(history: History, wanted: Sequence[ColumnElement[bool]], *, order: ColumnElement[Any]) -> Sequence[Any]:
    columns = (VERDICTS.c.id, VERDICTS.c.photo_path, VERDICTS.c.map_path, VERDICTS.c.photo_bytes)
    statement = select(*columns).where(*wanted).order_by(order).limit(_AT_ONCE)
    with history.reading() as connection:
        return connection.execute(statement).all()


def _make_room(history: History, retention: Retention, photos: Path | None) -> int:
    """Deletes the oldest photos beyond the room that there is; returns how many files."""
    if photos is None:
        return 0
    inside = f"{photos.resolve()}{os.sep}"  # people's own photos take no room there, and keep their verdicts' links
    kept = func.substr(VERDICTS.c.photo_path, 1, len(inside)) == inside
    with history.reading() as connection:
        each = select(func.max(VERDICTS.c.photo_bytes).label("bytes")).where(kept).group_by(VERDICTS.c.photo_path)
        taken = int(connection.execute(select(func.coalesce(func.sum(each.subquery().c.bytes), 0))).scalar_one())
        maps = select(VERDICTS.c.map_path).where(kept, VERDICTS.c.map_path.is_not(None))
        taken += sum(_size_of(path, photos) for path in connection.execute(maps).scalars())
    too_much, files, after = taken - round((retention.megabytes or 0) * 1e6), 0, 0
    while too_much > 0 and (
        found := _first(history, [kept, VERDICTS.c.id > after, *_spared(retention)], order=VERDICTS.c.id)
    ):
        some, room = [], 0
        for row in found:
            some.append(row)
            room += (row.photo_bytes or 0) + _size_of(row.map_path, photos)
            if room >= too_much:
                break
        gone, count, freed = _delete_files(history, some, photos)
        with history.writing() as connection:
            forgotten = update(VERDICTS).where(VERDICTS.c.id.in_(gone))
            connection.execute(forgotten.values(photo_path=None, map_path=None))
        files, too_much, after = files + count, too_much - freed, some[-1].id
    return files


def _delete_files(history: History, rows: Sequence[Any], photos: Path | None) -> tuple[list[int], int, int]:
    """Deletes the photos and maps of rows where they lie in the folder of kept photos, and no other row has the same
    photo; returns the ids of the rows whose files are gone, how many photos that were, and the bytes of all files."""
    ids = [row.id for row in rows]
    paths = {row.photo_path for row in rows if row.photo_path is not None}
    shared: set[str] = set()
    if paths:
        others = select(VERDICTS.c.photo_path).where(VERDICTS.c.photo_path.in_(paths), VERDICTS.c.id.not_in(ids))
        with history.reading() as connection:
            shared = {*connection.execute(others.distinct()).scalars()}
    gone, count, freed, deleted = [], 0, 0, set[str]()
    for row in rows:
        try:
            if row.photo_path is not None and row.photo_path not in shared | deleted and _is_in(row.photo_path, photos):
                if _is_fresh(row.photo_path):
                    continue
                remove(Path(row.photo_path))
                deleted.add(row.photo_path)
                count, freed = count + 1, freed + (row.photo_bytes or 0)
            if row.map_path is not None and _is_in(row.map_path, photos):
                size = _size_of(row.map_path, photos)
                remove(Path(row.map_path))
                freed += size
        except OutputError as error:
            _log.warning("%s", error)
        else:
            gone.append(row.id)
    return gone, count, freed


def _size_of(map_path: str | None, photos: Path | None) -> int:
    """Returns the bytes of a map in the folder of kept photos, for the history holds none; 0 where it is gone."""
    try:
        return Path(map_path).stat().st_size if map_path is not None and _is_in(map_path, photos) else 0
    except OSError:
        return 0


def _is_fresh(path: str) -> bool:
    """Returns whether a file was kept again just now, by a verdict that may not be in the history yet."""
    try:
        return time.time() - Path(path).stat().st_mtime < _FRESH
    except OSError:
        return False


def _is_in(path: str, folder: Path | None) -> bool:
    """Returns whether a file lies in the folder of kept photos: others are people's own, and stay."""
    return folder is not None and Path(path).resolve().is_relative_to(folder.resolve())
