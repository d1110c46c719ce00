"""What was judged, looked up: page by page from the latest on, filtered, one by one."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Select, and_, func, select, tuple_

from blemish.errors import SettingsError
from blemish.history.opening import History
from blemish.history.schema import HOURS, JUDGES, LARGEST_ID, VERDICTS
from blemish.history.verdict import JudgeRecord, StoredVerdict

MOST_AT_ONCE = 500
"""Verdicts of one page."""

LabelSought = Literal["good", "bad", "any", "none"]


@dataclass(frozen=True, kw_only=True)
class Sought:
    """What verdicts must be to be found; None asks for nothing."""

    model: str | None = None
    station: str | None = None
    verdicts: tuple[str, ...] = ()
    """Any of these; none: whatever it is."""
    label: LabelSought | None = None
    """`any`: labelled at all; `none`: not labelled."""
    drawn: bool | None = None
    since: datetime | None = None
    until: datetime | None = None
    """Before this time."""
    photo_sha256: str | None = None


@dataclass(frozen=True, kw_only=True)
class VerdictPage:
    """Verdicts, latest first, and where the next page goes on."""

    verdicts: list[StoredVerdict]
    after: str | None
    """To be given to `latest`; None: there are no more."""


def latest(history: History, sought: Sought | None = None, *, most: int = 50, after: str | None = None) -> VerdictPage:
    """Returns the latest verdicts that are sought, those that follow the page that gave `after` where it is given.

    A page is found by where the one before it ended, so that verdicts that come meanwhile shift nothing. Raises
    SettingsError for an `after` that no page gave.
    """
    most = max(1, min(most, MOST_AT_ONCE))
    # The rows are found first, in the index alone, and read when it is known which they are.
    found = select(VERDICTS.c.id).where(*conditions(sought or Sought()))
    if after is not None:
        found = found.where(tuple_(VERDICTS.c.judged_at, VERDICTS.c.id) < _place(after))
    found = found.order_by(VERDICTS.c.judged_at.desc(), VERDICTS.c.id.desc()).limit(most + 1)
    with history.reading() as connection:
        ids = list(connection.execute(found).scalars())
        rows = rows_by_id(connection, ids[:most])
    rows.sort(key=lambda row: (row.judged_at, row.id), reverse=True)
    last = rows[-1] if len(ids) > most else None
    return VerdictPage(verdicts=rows, after=None if last is None else f"{last.judged_at.isoformat()}~{last.id}")


def rows_by_id(connection: Connection, ids: Sequence[int]) -> list[StoredVerdict]:
    """Returns the verdicts of these ids, in the order in which they were written."""
    statement = _joined().where(VERDICTS.c.id.in_(ids)).order_by(VERDICTS.c.id)
    return [_stored(row) for row in connection.execute(statement)]


def one(history: History, number: int) -> StoredVerdict | None:
    """Returns the verdict of this id; None where there is none."""
    with history.reading() as connection:
        row = connection.execute(_joined().where(VERDICTS.c.id == number)).first()
    return None if row is None else _stored(row)


def by_key(history: History, key: str) -> StoredVerdict | None:
    """Returns the verdict that was written under this key; None where there is none."""
    with history.reading() as connection:
        row = connection.execute(_joined().where(VERDICTS.c.key == key)).first()
    return None if row is None else _stored(row)


def paths_of_photos(history: History, checksums: Sequence[str]) -> set[str]:
    """Returns where the photos of these checksums lie that are kept for a verdict."""
    kept = VERDICTS.c.photo_sha256.in_(checksums), VERDICTS.c.photo_path.is_not(None)
    with history.reading() as connection:
        return set(connection.execute(select(VERDICTS.c.photo_path).where(*kept).distinct()).scalars())


def keys_with_map(history: History, keys: Sequence[str]) -> set[str]:
    """Returns which of these are the keys of verdicts whose map is kept."""
    kept = VERDICTS.c.key.in_(keys), VERDICTS.c.map_path.is_not(None)
    with history.reading() as connection:
        return set(connection.execute(select(VERDICTS.c.key).where(*kept)).scalars())


def ids_since(history: History, number: int, *, most: int = MOST_AT_ONCE) -> list[int]:
    """Returns the ids of the verdicts that were written after the one of this id, oldest first: what a live page asks
    for."""
    with history.reading() as connection:
        statement = select(VERDICTS.c.id).where(VERDICTS.c.id > number).order_by(VERDICTS.c.id).limit(most)
        return list(connection.execute(statement).scalars())


def of_ids(history: History, ids: Sequence[int]) -> list[StoredVerdict]:
    """Returns the verdicts of these ids, in the order in which they were written."""
    if not ids:
        return []
    with history.reading() as connection:
        return rows_by_id(connection, ids)


def newest_id(history: History) -> int:
    """Returns the id of the verdict that was written last, 0 where there is none."""
    with history.reading() as connection:
        return int(connection.execute(select(func.coalesce(func.max(VERDICTS.c.id), 0))).scalar_one())


def conditions(sought: Sought) -> list[ColumnElement[bool]]:
    """Returns what a statement over `verdicts` asks for, to be found what is sought."""
    table, found = VERDICTS.c, []
    for column, value in (
        (table.model, sought.model),
        (table.station, sought.station),
        (table.photo_sha256, sought.photo_sha256),
    ):
        if value is not None:
            found.append(column == value)
    if sought.drawn is not None:
        found.append(table.drawn.is_(sought.drawn))  # as the index of those that were drawn says it
    if sought.verdicts:
        found.append(table.verdict.in_(sought.verdicts))
    if sought.label is not None:
        by_label = {"any": table.label.is_not(None), "none": table.label.is_(None)}
        found.append(by_label.get(sought.label, table.label == sought.label))
    if sought.since is not None:
        found.append(table.judged_at >= sought.since)
    if sought.until is not None:
        found.append(table.judged_at < sought.until)
    return found


def _place(after: str) -> Any:
    words, _, digits = after.rpartition("~")
    try:
        moment, number = datetime.fromisoformat(words), int(digits)
        if moment.tzinfo is None or not 0 <= number <= LARGEST_ID:
            raise ValueError
        values = moment.astimezone(UTC), number
    except (ValueError, OverflowError):
        raise SettingsError(f"no page ended at {after[:40]!r}: give what the page before gave") from None
    return tuple_(*values, types=[VERDICTS.c.judged_at.type, VERDICTS.c.id.type])


_JUDGE = tuple(each.name for each in fields(JudgeRecord))
_OWN = tuple(each.name for each in fields(StoredVerdict) if each.name != "judge")


def _joined() -> Select[Any]:
    judge = [JUDGES.c[name].label(f"judge_{name}") for name in _JUDGE]
    own = [VERDICTS.c[name] for name in _OWN]
    return select(*own, *judge).join_from(VERDICTS, JUDGES, and_(VERDICTS.c.judge_id == JUDGES.c.id), isouter=True)


def _stored(row: Any) -> StoredVerdict:
    values = row._mapping
    judge = None
    if values["judge_model"] is not None:
        judge = JudgeRecord(**{name: values[f"judge_{name}"] for name in _JUDGE})
    own = {name: values[name] for name in _OWN}
    for name in ("stopped_by", "regions", "regions_of_interest"):
        own[name] = own[name] or []
    return StoredVerdict(judge=judge, **own)


def names_seen(history: History) -> tuple[Sequence[str], Sequence[str]]:
    """Returns the names of all models and of all stations that ever judged."""
    with history.reading() as connection:
        models, stations = (_names_in(connection, column) for column in (HOURS.c.model, HOURS.c.station))
    return models, stations


def _names_in(connection: Connection, column: ColumnElement[str]) -> Sequence[str]:
    """Returns the different values of an indexed column, sorted: each is looked up as the first behind the one before,
    for a DISTINCT would read every row."""
    first = select(func.min(column).label("name"))
    names = first.cte("names", recursive=True)
    behind = select(func.min(column)).where(column > names.c.name).scalar_subquery()
    names = names.union_all(select(behind).where(names.c.name.is_not(None)))
    return list(connection.execute(select(names.c.name).where(names.c.name.is_not(None))).scalars())
