"""predictions.jsonl and predictions.csv that grow for as long as photos come, each line in them once."""

import csv
import io
import json
import os
from collections.abc import Sequence
from pathlib import Path

from blemish.errors import OutputError
from blemish.files import cannot_write
from blemish.results.delivery import Delivery
from blemish.results.earlier import PREDICTIONS_FILE
from blemish.results.folder import COLUMNS, TABLE_FILE, table_row

_COLUMNS = (*COLUMNS, "id", "station", "model", "name", "filed")


class GrowingTables:
    """A receiver that appends records to the tables of a folder, and has each line in them once.

    Its state is how long both files are. What a process that was killed had written beyond that is cut off before the
    same lines are written again. A file that was moved away begins anew.
    """

    name = "predictions.jsonl"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = (folder / PREDICTIONS_FILE, folder / TABLE_FILE)
        self._lengths = [0, 0]

    def resume(self, state: str) -> str:
        """Cuts off what was written and not kept as written, and returns how long the files are; raises OutputError."""
        self._lengths = [int(length) for length in state.split()] if state else [_length(file) for file in self._files]
        self._cut()
        return self._state

    def deliver(self, deliveries: Sequence[Delivery]) -> tuple[int, str]:
        """Appends all of them, and returns when they are on the disk; raises OutputError."""
        records = [delivery.record for delivery in deliveries]
        self._cut()  # where the last time ended in the midst of a line, on a full disk
        lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        rows = io.StringIO()
        table = csv.DictWriter(rows, _COLUMNS, extrasaction="ignore", lineterminator="\n")
        if not self._lengths[1]:
            table.writeheader()
        table.writerows(table_row(dict(record)) for record in records)
        self._lengths = [_append(file, text) for file, text in zip(self._files, (lines, rows.getvalue()), strict=True)]
        return len(deliveries), self._state

    def close(self) -> None:
        """Has nothing open."""

    @property
    def _state(self) -> str:
        return " ".join(map(str, self._lengths))

    def _cut(self) -> None:
        for place, file in enumerate(self._files):
            length = _length(file)
            if length < self._lengths[place]:
                self._lengths[place] = length
            elif length > self._lengths[place]:
                try:
                    os.truncate(file, self._lengths[place])
                except OSError as error:
                    raise cannot_write(file, error) from error


def _length(file: Path) -> int:
    """Returns a file's length in bytes, 0 where there is none; raises OutputError."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise cannot_write(file, error) from error


def _append(file: Path, text: str) -> int:
    try:
        with file.open("a", encoding="utf-8", errors="backslashreplace", newline="") as end:
            end.write(text)
            end.flush()
            os.fsync(end.fileno())
            return end.tell()
    except OSError as error:
        raise OutputError(f"cannot write into {file}: {error.strerror}; make room or mend the disk") from error
