"""Verdicts go into the history: a batch whole or not at all, and each once however often it is tried."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from blemish.errors import HistoryUnavailableError
from blemish.history.opening import History
from blemish.history.schema import HOURS, JUDGES, VERDICTS, hour_of
from blemish.history.verdict import JudgeRecord, VerdictRecord

_WAITS = (0.2, 1.0)  # seconds before the next try, where a database has gone away or another writer stood in the way
_AT_ONCE = 500  # rows of one statement
_HOUR = ("hour", "model", "station", "verdict")
"""What tells one count from others."""


@dataclass(frozen=True, kw_only=True)
class WrittenRow:
    """The row that a verdict has in the history."""

    id: int
    is_new: bool
    """Whether it was written now: else its key was there, and the row holds what was written then."""


def add_verdicts(history: History, verdicts: Sequence[VerdictRecord]) -> list[int]:
    """Writes verdicts as `write_verdicts` does, and returns their rows' ids in order."""
    return [row.id for row in write_verdicts(history, verdicts)]


def write_verdicts(history: History, verdicts: Sequence[VerdictRecord]) -> list[WrittenRow]:
    """Writes verdicts in one transaction, and returns their rows in order when they are on the disk.

    One whose key is there already is not written again. Raises HistoryUnavailableError when three tries have failed,
    HistoryError for what no other try would change; then none is written, unless the first says that it may be.
    """
    waits, unsure = iter(_WAITS), False
    while True:
        try:
            return _added(history, verdicts)
        except HistoryUnavailableError as error:
            unsure = error.may_be_written = unsure or error.may_be_written
            wait = next(waits, None)
            if wait is None:
                raise
        time.sleep(wait)


def check_writing(history: History) -> None:
    """Writes something and takes it back at once; raises HistoryError where no verdict could be written now."""
    count = {"hour": datetime.fromtimestamp(0, UTC), "model": "", "station": "", "verdict": "", "photos": 0}
    with history.writing() as connection:
        connection.execute(HOURS.insert().values(count))
        connection.execute(delete(HOURS).where(HOURS.c.hour == count["hour"], HOURS.c.model == ""))


def _added(history: History, verdicts: Sequence[VerdictRecord]) -> list[WrittenRow]:
    new_judges: dict[JudgeRecord, int] = {}
    with history.writing() as connection:
        for judge in {verdict.judge for verdict in verdicts if verdict.judge is not None} - history.judges.keys():
            new_judges[judge] = _judge_id(connection, judge)
        ids_of_judges = history.judges | new_judges
        rows = {verdict.key: _row(verdict, ids_of_judges) for verdict in verdicts}
        new = _insert(connection, list(rows.values()))
        _count(connection, [rows[key] for key in new])
        ids = new | _ids(connection, [key for key in rows if key not in new])
    history.judges |= new_judges  # now that they are on the disk
    return [WrittenRow(id=ids[verdict.key], is_new=verdict.key in new) for verdict in verdicts]


def _row(verdict: VerdictRecord, judges: dict[JudgeRecord, int]) -> dict[str, Any]:
    judge = None if verdict.judge is None else judges[verdict.judge]
    return {name: value for name, value in vars(verdict).items() if name != "judge"} | {"judge_id": judge}


def upsert(connection: Connection, table: Any) -> Any:
    """Returns an INSERT of the database's own kind, which knows what to do where a row is there already."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def _insert(connection: Connection, rows: list[dict[str, Any]]) -> dict[str, int]:
    """Returns the ids, by key, of those rows that were not there."""
    statement = upsert(connection, VERDICTS).on_conflict_do_nothing(index_elements=["key"])
    return {row.key: row.id for row in connection.execute(statement.returning(VERDICTS.c.key, VERDICTS.c.id), rows)}


def _ids(connection: Connection, keys: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for start in range(0, len(keys), _AT_ONCE):
        wanted = select(VERDICTS.c.key, VERDICTS.c.id).where(VERDICTS.c.key.in_(keys[start : start + _AT_ONCE]))
        found |= {row.key: row.id for row in connection.execute(wanted)}
    return found


def _judge_id(connection: Connection, judge: JudgeRecord) -> int:
    values = vars(judge) | {"digest": judge.digest}
    connection.execute(upsert(connection, JUDGES).on_conflict_do_nothing(index_elements=["digest"]).values(values))
    return int(connection.execute(select(JUDGES.c.id).where(JUDGES.c.digest == values["digest"])).scalar_one())


def _count(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Adds to the counts per hour, in one order, so that two writers do not wait for each other in a circle."""
    counts = Counter((hour_of(row["judged_at"]), row["model"], row["station"], row["verdict"]) for row in rows)
    if not counts:
        return
    insert = upsert(connection, HOURS)
    added = insert.on_conflict_do_update(index_elements=_HOUR, set_={"photos": HOURS.c.photos + insert.excluded.photos})
    hours = [dict(zip(_HOUR, which, strict=True), photos=photos) for which, photos in sorted(counts.items())]
    connection.execute(added, hours)
