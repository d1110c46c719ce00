"""Verdicts go into the history: a batch whole or not at all, and each once however often it is tried."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from blemish.errors import HistoryError
from blemish.history.opening import History
from blemish.history.schema import HOURS, JUDGES, VERDICTS
from blemish.history.verdict import JudgeRecord, VerdictRecord

_WAITS = (0.2, 1.0)  # seconds before the next try, where a database has gone away or another writer stood in the way
_AT_ONCE = 500  # rows of one statement


def add_verdicts(history: History, verdicts: Sequence[VerdictRecord]) -> list[int]:
    """Writes verdicts in one transaction, and returns their rows' ids in order when they are on the disk.

    One whose key is there already is not written again, and its row's id returned. Raises HistoryError when three tries
    have failed; then none is written.
    """
    for wait in _WAITS:
        try:
            return _added(history, verdicts)
        except HistoryError:
            time.sleep(wait)
    return _added(history, verdicts)


def _added(history: History, verdicts: Sequence[VerdictRecord]) -> list[int]:
    judges: dict[str, int] = {}
    with history.writing() as connection:
        rows = []
        for verdict in verdicts:
            judge = None if verdict.judge is None else _judge_id(connection, verdict.judge, history.judges | judges)
            if verdict.judge is not None and judge is not None:
                judges[verdict.judge.digest] = judge
            rows.append(_row(verdict, judge))
        new = [key for start in range(0, len(rows), _AT_ONCE) for key in _insert(connection, rows[start:][:_AT_ONCE])]
        _count(connection, [row for row in {row["key"]: row for row in rows}.values() if row["key"] in {*new}])
        ids = _ids(connection, [row["key"] for row in rows])
    history.judges |= judges  # now that they are on the disk
    return [ids[verdict.key] for verdict in verdicts]


def _row(verdict: VerdictRecord, judge: int | None) -> dict[str, Any]:
    row = asdict(verdict) | {"judge_id": judge}
    del row["judge"]
    return row


def upsert(connection: Connection, table: Any) -> Any:
    """Returns an INSERT of the database's own kind, which knows what to do where a row is there already."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def _insert(connection: Connection, rows: list[dict[str, Any]]) -> list[str]:
    """Returns the keys of those rows that were not there."""
    statement = upsert(connection, VERDICTS).on_conflict_do_nothing(index_elements=["key"])
    return list(connection.execute(statement.values(rows).returning(VERDICTS.c.key)).scalars())


def _ids(connection: Connection, keys: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for start in range(0, len(keys), _AT_ONCE):
        wanted = select(VERDICTS.c.key, VERDICTS.c.id).where(VERDICTS.c.key.in_(keys[start : start + _AT_ONCE]))
        found |= {row.key: row.id for row in connection.execute(wanted)}
    return found


def _judge_id(connection: Connection, judge: JudgeRecord, known: dict[str, int]) -> int:
    digest = judge.digest
    if digest in known:
        return known[digest]
    values = asdict(judge) | {"digest": digest}
    connection.execute(upsert(connection, JUDGES).on_conflict_do_nothing(index_elements=["digest"]).values(values))
    return int(connection.execute(select(JUDGES.c.id).where(JUDGES.c.digest == digest)).scalar_one())


def _count(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Adds to the counts per hour, in one order, so that two writers do not wait for each other in a circle."""
    counts = Counter((_hour_of(row["judged_at"]), row["model"], row["station"], row["verdict"]) for row in rows)
    for (hour, model, station, verdict), photos in sorted(counts.items()):
        insert = upsert(connection, HOURS).values(
            hour=hour, model=model, station=station, verdict=verdict, photos=photos
        )
        connection.execute(
            insert.on_conflict_do_update(
                index_elements=["hour", "model", "station", "verdict"],
                set_={"photos": HOURS.c.photos + insert.excluded.photos},
            )
        )


def _hour_of(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
