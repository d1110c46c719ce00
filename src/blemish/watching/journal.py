"""What was judged, kept so that a process may be killed at any moment: one SQLite file, which one process holds.

A photo's row is written before anybody is told of its verdict, in one transaction: from then on it is judged, and what
is left to be done (its file is to be moved, receivers are to be told) is read from here after the next start.
"""

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from blemish.errors import ArtifactError, OutputError, SettingsError
from blemish.results.delivery import Delivery
from blemish.results.earlier import JOURNAL_FILE
from blemish.watching.file_state import FileState

_FORMAT = 1
KEPT = 10_000
"""Records that can still be asked for when every receiver has taken them, and that wait for one that is no longer asked
for."""
_BUSY = ("locked", "busy")
_TABLES = """
CREATE TABLE IF NOT EXISTS photos (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, name BLOB NOT NULL, size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL, stamp TEXT NOT NULL, digest TEXT NOT NULL, verdict TEXT NOT NULL, home BLOB NOT NULL,
    stays INTEGER NOT NULL, filed INTEGER NOT NULL, record TEXT, besides TEXT);
CREATE INDEX IF NOT EXISTS photos_by_name ON photos (name, number);
CREATE INDEX IF NOT EXISTS photos_unfiled ON photos (number) WHERE NOT filed;
CREATE INDEX IF NOT EXISTS photos_with_record ON photos (number) WHERE record IS NOT NULL;
CREATE TABLE IF NOT EXISTS receivers (name TEXT PRIMARY KEY, number INTEGER NOT NULL, state TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS refused (receiver TEXT NOT NULL, number INTEGER NOT NULL, reason TEXT NOT NULL);
"""
_SENT = "SELECT number, id, record, besides FROM photos"
_TAKEN = "SELECT number FROM receivers WHERE name = ?"
_FORGET = """
UPDATE photos SET record = NULL, besides = NULL WHERE record IS NOT NULL AND number <= ?
    AND number <= (SELECT min(number) FROM receivers) AND number NOT IN (SELECT number FROM refused)
"""
_PASS_BY = "UPDATE receivers SET number = ? WHERE number < ? AND name NOT IN (SELECT value FROM json_each(?))"
_ENTRY = "number, id, name, size, mtime_ns, digest, verdict, home, stays"


@dataclass(frozen=True, kw_only=True)
class JournalEntry:
    """A photo that was judged, and where its file goes."""

    number: int = 0
    """Counts photos in the order they were judged, from 1; 0 until it is kept."""
    id: str
    name: str
    """The path in the folder watched, with slashes."""
    size: int
    mtime_ns: int
    digest: str
    """Checksum of the file's bytes, see `digest_of`; empty where they could not be read."""
    verdict: str
    home: str
    """Where the file goes, from the folder of results, with slashes; empty where it is left alone."""
    stays: bool
    """Whether the file stays where it is, too."""


class Journal:
    """The photos judged so far, and how far each receiver is; any thread may call it.

    Every call raises OutputError where the disk is full or gone.
    """

    def __init__(self, folder: Path) -> None:
        """Opens or begins the journal in this folder; raises SettingsError where another process holds it."""
        self.path = folder / JOURNAL_FILE
        self._lock = threading.RLock()
        self._asked_for: set[str] = set()  # receivers
        try:
            self._base = sqlite3.connect(self.path, timeout=0.2, isolation_level=None, check_same_thread=False)
            self._begin()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) and any(word in str(error) for word in _BUSY):
                raise SettingsError(
                    f"{self.path} is held by another watch: give each its own folder of results (--into)"
                ) from error
            if isinstance(error, sqlite3.OperationalError):
                raise OutputError(f"cannot write {self.path}: {error}; make room or choose another folder") from error
            raise ArtifactError(
                f"{self.path} is damaged ({error}): move it away, and photos that still lie in the folder watched are "
                "judged anew"
            ) from error

    def _begin(self) -> None:
        # Held exclusively, the write-ahead log needs no shared memory, so that it works on any disk that can lock.
        self._base.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._base.execute("PRAGMA journal_mode = WAL")
        version = self._base.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, _FORMAT):
            raise ArtifactError(f"{self.path} has format {version}, this version reads {_FORMAT}: upgrade blemish")
        self._base.executescript(f"BEGIN IMMEDIATE; {_TABLES} PRAGMA user_version = {_FORMAT}; COMMIT;")

    def close(self) -> None:
        """Lets go of the file; without it nothing is lost either."""
        with self._lock:
            self._base.close()

    @contextmanager
    def _writing(self, *, on_disk: bool = False) -> Iterator[sqlite3.Connection]:
        """Gives the base in a transaction; `on_disk` says that a power cut, too, must find it there afterwards.

        What else is written survives the process. Where a power cut takes it, it is done again and found to be done.
        """
        with self._reading() as base:
            base.execute(f"PRAGMA synchronous = {'FULL' if on_disk else 'NORMAL'}")
            base.execute("BEGIN IMMEDIATE")
            try:
                yield base
                base.execute("COMMIT")
            except BaseException:
                if base.in_transaction:
                    base.execute("ROLLBACK")
                raise

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._base
            except sqlite3.Error as error:
                raise OutputError(f"{self.path}: {error}; make room, or look at the disk") from error

    def knows(self, name: str, state: FileState) -> bool:
        """Returns whether a file is, by name, size, times and place, one that was judged, and stays or is still to be
        moved."""
        rows = "SELECT 1 FROM photos WHERE name = ? AND stamp = ? AND (stays OR NOT filed) LIMIT 1"
        with self._reading() as base:
            return base.execute(rows, (_bytes(name), state.stamp)).fetchone() is not None

    def earlier(self, name: str, state: FileState) -> list[JournalEntry]:
        """Returns the photos judged under this name, of this size and time of change, latest first."""
        rows = f"SELECT {_ENTRY} FROM photos WHERE name = ? AND size = ? AND mtime_ns = ? ORDER BY number DESC"
        with self._reading() as base:
            found = base.execute(rows, (_bytes(name), state.size, state.mtime_ns)).fetchall()
        return [_entry(row) for row in found]

    def keep(
        self,
        entry: JournalEntry,
        state: FileState,
        record: Mapping[str, Any],
        *,
        besides: Mapping[str, Any] | None = None,
    ) -> JournalEntry:
        """Keeps a judged photo, its record, and what is delivered besides; returns it with its number."""
        values = {
            "id": entry.id,
            "name": _bytes(entry.name),
            "size": state.size,
            "mtime_ns": state.mtime_ns,
            "stamp": state.stamp,
            "digest": entry.digest,
            "verdict": entry.verdict,
            "home": _bytes(entry.home),
            "stays": entry.stays,
            "filed": not entry.home,
            "record": json.dumps(record),
            "besides": None if besides is None else json.dumps(besides),
        }
        row = f"INSERT INTO photos ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})"
        with self._writing(on_disk=True) as base:
            number = base.execute(row, tuple(values.values())).lastrowid
        assert number is not None
        return replace(entry, number=number)

    def unfiled(self, *, after: int = 0, most: int = 1000) -> list[JournalEntry]:
        """Returns photos whose files are still to be moved or linked, in order."""
        rows = f"SELECT {_ENTRY} FROM photos WHERE NOT filed AND number > ? ORDER BY number LIMIT ?"
        with self._reading() as base:
            return [_entry(row) for row in base.execute(rows, (after, most)).fetchall()]

    def filed(self, entry: JournalEntry, state: FileState | None) -> None:
        """Keeps that a photo's file is where it goes; `state` is that of the file that stays, if one does."""
        with self._writing() as base:
            base.execute("UPDATE photos SET filed = 1 WHERE number = ?", (entry.number,))
            if state is not None:
                base.execute("UPDATE photos SET stays = 1, stamp = ? WHERE number = ?", (state.stamp, entry.number))

    def file_again(self, entry: JournalEntry, state: FileState, *, home: str) -> JournalEntry:
        """Keeps that a judged photo lies in the folder watched again, and where its file goes now."""
        again = "UPDATE photos SET filed = ?, home = ?, stamp = ? WHERE number = ?"
        with self._writing() as base:
            base.execute(again, (not home, _bytes(home), state.stamp, entry.number))
        return replace(entry, home=home)

    def is_planned(self, home: str) -> bool:
        """Returns whether a file that is still to be moved goes there."""
        with self._reading() as base:
            found = base.execute("SELECT 1 FROM photos WHERE NOT filed AND home = ? LIMIT 1", (_bytes(home),))
            return found.fetchone() is not None

    def latest(self, name: str) -> Delivery | None:
        """Returns the last record of a name, where it is still kept."""
        row = f"{_SENT} WHERE name = ? AND record IS NOT NULL ORDER BY number DESC LIMIT 1"
        with self._reading() as base:
            found = base.execute(row, (_bytes(name),)).fetchone()
        return None if found is None else _delivery(found)

    def state_of(self, receiver: str) -> str:
        """Returns the state that was kept of a receiver; one that was never heard of begins with the next record."""
        new = "INSERT OR IGNORE INTO receivers SELECT ?, coalesce(max(number), 0), '' FROM photos"
        with self._writing() as base:
            base.execute(new, (receiver,))
            self._asked_for.add(receiver)
            return str(base.execute("SELECT state FROM receivers WHERE name = ?", (receiver,)).fetchone()[0])

    def keep_state(self, receiver: str, state: str) -> None:
        """Keeps a receiver's state."""
        with self._writing() as base:
            base.execute("UPDATE receivers SET state = ? WHERE name = ?", (state, receiver))

    def after(self, receiver: str, *, most: int) -> list[Delivery]:
        """Returns the next records that a receiver has not taken, in order."""
        rows = f"{_SENT} WHERE number > ({_TAKEN}) ORDER BY number LIMIT ?"
        with self._reading() as base:
            return [_delivery(row) for row in base.execute(rows, (receiver, most)).fetchall()]

    def taken(self, receiver: str, number: int, *, state: str) -> None:
        """Keeps that a receiver has taken all records up to this number, and forgets what nobody needs any more, and
        what has waited too long for a receiver that nobody asks for."""
        last = number - KEPT
        with self._writing() as base:
            base.execute("UPDATE receivers SET number = ?, state = ? WHERE name = ?", (number, state, receiver))
            base.execute(_PASS_BY, (last, last, json.dumps(sorted(self._asked_for))))
            base.execute(_FORGET, (last,))

    def refused(self, receiver: str, number: int, reason: str) -> None:
        """Keeps that a receiver will never take this record, and goes on behind it."""
        with self._writing() as base:
            base.execute("INSERT INTO refused VALUES (?, ?, ?)", (receiver, number, reason))
            base.execute("UPDATE receivers SET number = ? WHERE name = ?", (number, receiver))

    def waiting(self, receiver: str) -> int:
        """Returns how many records a receiver has not taken yet."""
        with self._reading() as base:
            found = base.execute(f"SELECT count(*) FROM photos WHERE number > ({_TAKEN})", (receiver,))
            return int(found.fetchone()[0])

    def left_behind(self) -> dict[str, int]:
        """Returns how many records wait for receivers whose state nobody has asked for since the journal was opened."""
        rows = "SELECT name, (SELECT count(*) FROM photos WHERE photos.number > receivers.number) FROM receivers"
        with self._reading() as base:
            found = dict(base.execute(rows).fetchall())
        return {name: count for name, count in found.items() if count and name not in self._asked_for}


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")  # names of files need not be text


def _entry(row: tuple[Any, ...]) -> JournalEntry:
    values = dict(zip(_ENTRY.split(", "), row, strict=True))
    for name in ("name", "home"):
        values[name] = values[name].decode("utf-8", "surrogateescape")
    return JournalEntry(**values | {"stays": bool(values["stays"])})


def _delivery(row: tuple[int, str, str, str | None]) -> Delivery:
    number, id_, record, besides = row
    return Delivery(
        number=number, id=id_, record=json.loads(record), besides=None if besides is None else json.loads(besides)
    )
