"""The history as a table in a file: CSV for spreadsheets, Parquet for everything that reads columns."""

import csv
import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sqlalchemy import select

from blemish.errors import MissingExtraError, SettingsError
from blemish.files import write_atomically
from blemish.history.opening import History
from blemish.history.reading import Sought, conditions, rows_by_id
from blemish.history.schema import VERDICTS
from blemish.history.verdict import StoredVerdict
from blemish.wording import as_cell

_AT_ONCE = 2000  # rows in memory
_OF_JUDGE = (
    *("method", "weights_sha256", "runtime", "precision", "blemish_version", "threshold", "threshold_estimated"),
    *("check_threshold", "pixel_threshold", "unusual_threshold"),
)
_FLOATS = (
    *("anomaly_score", "percentile", "unusualness", "threshold", "check_threshold", "pixel_threshold"),
    "unusual_threshold",
)
_INTEGERS = ("id", "mask_pixels", "photo_bytes", "height", "width")
_BOOLEANS = ("drawn", "threshold_estimated")
TABLE_COLUMNS = (
    *("id", "key", "judged_at", "model", "station", "verdict", "label", "defect_type", "drawn", "anomaly_score"),
    *("percentile", "unusualness", "unusual_reason", "rule_reason", "stopped_by", "mask_pixels", "regions"),
    *("regions_of_interest", "looks", "error", "photo_name", "photo_sha256", "photo_bytes", "photo_path", "map_path"),
    *("height", "width", *_OF_JUDGE),
)
"""The columns of the table; lists are JSON."""


def write_history_table(history: History, file: Path, sought: Sought | None = None) -> int:
    """Writes the verdicts that are sought, oldest first, to a .csv or .parquet file, and returns how many.

    The file is whole or not there, and the history is never in memory whole. Raises OutputError, HistoryError,
    SettingsError for another suffix, MissingExtraError where Parquet's package is not installed.
    """
    writers = {".csv": _write_csv, ".parquet": _write_parquet}
    if file.suffix.lower() not in writers:
        raise SettingsError(f"{file}: the history is written as .csv or .parquet: give such a name")
    if file.suffix.lower() == ".parquet" and find_spec("pyarrow") is None:
        raise MissingExtraError(package="pyarrow", extra="parquet", purpose="a Parquet file")
    write, written = writers[file.suffix.lower()], [0]

    def counted_rows() -> Iterator[list[dict[str, Any]]]:
        for rows in _chunks(history, sought or Sought()):
            written[0] += len(rows)
            yield rows

    write_atomically(file, lambda beside: write(beside, counted_rows()))
    return written[0]


def _chunks(history: History, sought: Sought) -> Iterator[list[dict[str, Any]]]:
    last = 0
    while True:
        statement = select(VERDICTS.c.id).where(*conditions(sought), VERDICTS.c.id > last)
        with history.reading() as connection:
            ids = list(connection.execute(statement.order_by(VERDICTS.c.id).limit(_AT_ONCE)).scalars())
            rows = [_flat(row) for row in rows_by_id(connection, ids)]
        if not ids:
            return
        yield rows
        last = ids[-1]


def _flat(stored: StoredVerdict) -> dict[str, Any]:
    values = vars(stored) | {name: getattr(stored.judge, name, None) for name in _OF_JUDGE}
    row = {name: values[name] for name in TABLE_COLUMNS}
    for name in ("stopped_by", "regions", "regions_of_interest", "looks"):
        row[name] = None if row[name] is None else json.dumps(row[name])
    return row


def _write_csv(path: Path, chunks: Iterator[list[dict[str, Any]]]) -> None:
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        table = csv.DictWriter(file, TABLE_COLUMNS, lineterminator="\n")
        table.writeheader()
        for rows in chunks:
            for row in rows:
                row["judged_at"] = row["judged_at"].isoformat(timespec="microseconds")
                table.writerow({name: as_cell(value) for name, value in row.items()})


def _write_parquet(path: Path, chunks: Iterator[list[dict[str, Any]]]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    kinds = {
        **dict.fromkeys(TABLE_COLUMNS, pa.string()),
        **dict.fromkeys(_FLOATS, pa.float64()),
        **dict.fromkeys(_INTEGERS, pa.int64()),
        **dict.fromkeys(_BOOLEANS, pa.bool_()),
        "judged_at": pa.timestamp("us", tz="UTC"),
    }
    schema = pa.schema([(name, kinds[name]) for name in TABLE_COLUMNS])
    with parquet.ParquetWriter(path, schema) as writer:
        for rows in chunks:
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))
