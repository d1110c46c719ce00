"""predictions.jsonl and predictions.csv that grow for as long as photos come, each line in them once."""

import csv
import io
import json
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Self

from blemish.errors import OutputError
from blemish.files import cannot_write
from blemish.results.delivery import Delivery
from blemish.results.earlier import PREDICTIONS_FILE
from blemish.results.folder import COLUMNS, TABLE_FILE, table_row

_COLUMNS = (*COLUMNS, "id", "station", "model", "name", "filed")

_log = logging.getLogger("blemish")


class GrowingTables:
    """A receiver that appends records to the tables of a folder, and has each line in them once.

    Its state is where both files end, and which files these are. What a process that was killed had written beyond that
    is cut off before the same lines are written again. A file that was moved away begins anew; one that comes in its
    place, as of a disk that is there again, loses nothing.
    """

    name = "predictions.jsonl"

    def __init__(self, folder: Path) -> None:
        self._files = (folder / PREDICTIONS_FILE, folder / TABLE_FILE)
        self._ends: list[_End] = []

    def resume(self, state: str) -> str:
        """Cuts off what was written and not kept as written, and returns where the files end; raises OutputError."""
        self._ends = [_End.of_text(text) for text in state.split()] or [_end_of(file) for file in self._files]
        self._cut()
        self._put_other_columns_aside()
        return self._state

    def deliver(self, deliveries: Sequence[Delivery]) -> tuple[int, str]:
        """Appends all of them, and returns when they are on the disk; raises OutputError."""
        records = [delivery.record for delivery in deliveries]
        self._cut()  # where the last time ended in the midst of a line, on a full disk
        lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        rows = io.StringIO()
        table = csv.DictWriter(rows, _COLUMNS, extrasaction="ignore", lineterminator="\n")
        if not self._ends[1].length:
            table.writeheader()
        table.writerows(table_row(dict(record)) for record in records)
        self._ends = [_append(file, text) for file, text in zip(self._files, (lines, rows.getvalue()), strict=True)]
        return len(deliveries), self._state

    def close(self) -> None:
        """Has nothing open."""

    @property
    def _state(self) -> str:
        return " ".join(map(str, self._ends))

    def _put_other_columns_aside(self) -> None:
        """Begins the table anew where it has other columns, as of another version or of `predict`: rows of ours would
        stand under headings of others. The lines say themselves what they hold."""
        table = self._files[1]
        try:
            with table.open(encoding="utf-8", errors="replace", newline="") as file:
                if next(csv.reader(file), list(_COLUMNS)) == list(_COLUMNS):
                    return
            numbered = (table.with_name(f"{table.stem}-{number}{table.suffix}") for number in count(1))
            aside = next(place for place in numbered if not os.path.lexists(place))
            table.rename(aside)
        except OSError as error:
            raise cannot_write(table, error) from error
        _log.warning("%s has other columns than those of this version: it is %s from now on", table, aside.name)
        self._ends[1] = _end_of(table)

    def _cut(self) -> None:
        ends = []
        for file, known in zip(self._files, self._ends, strict=True):
            end = _end_of(file)
            if end.file == (known.file or end.file) and end.length > known.length:
                try:
                    os.truncate(file, known.length)
                except OSError as error:
                    raise cannot_write(file, error) from error
                end = _End(length=known.length, file=end.file)
            ends.append(end)
        self._ends = ends  # not before: a disk that is away for a while says nothing of where files on it end


@dataclass(frozen=True, kw_only=True)
class _End:
    """Where a file ends, and which one it is: another may stand in its place."""

    length: int
    """In bytes."""
    file: int
    """Its number on its disk; 0 where that was not noted."""

    def __str__(self) -> str:
        return f"{self.length}:{self.file}"

    @classmethod
    def of_text(cls, text: str) -> Self:
        length, _, file = text.partition(":")
        return cls(length=int(length), file=int(file or 0))


def _end_of(file: Path) -> _End:
    """Returns where a file ends, which is made where there is none; raises OutputError."""
    return _append(file, "")


def _append(file: Path, text: str) -> _End:
    try:
        with file.open("a", encoding="utf-8", errors="backslashreplace", newline="") as end:
            end.write(text)
            end.flush()
            if text:
                os.fsync(end.fileno())
            stands = os.fstat(end.fileno())
            return _End(length=stands.st_size, file=stands.st_ino)
    except OSError as error:
        raise OutputError(f"cannot write into {file}: {error.strerror}; make room or mend the disk") from error
