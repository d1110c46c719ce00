"""The history as a table in a file."""

import csv
import json
from pathlib import Path

import pytest
from pyarrow import parquet

from blemish.errors import SettingsError
from blemish.history import tables
from blemish.history.labels import set_label
from blemish.history.opening import History
from blemish.history.reading import Sought
from blemish.history.tables import TABLE_COLUMNS, write_history_table
from blemish.history.writing import add_verdicts
from history.conftest import MakeVerdict


def test_csv_and_parquet_hold_every_verdict(
    history: History, verdict: MakeVerdict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "_AT_ONCE", 2)
    batch = [verdict(0.1 + n, photo_name="=1+1", regions=[{"area": n}]) for n in range(5)]
    ids = add_verdicts(history, batch)
    set_label(history, ids[3], "bad", who="eva", defect_type="dent")
    assert write_history_table(history, tmp_path / "h.csv") == 5
    with (tmp_path / "h.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["id"]) for row in rows] == ids
    assert (rows[3]["label"], rows[3]["defect_type"], rows[3]["method"]) == ("bad", "dent", "mend")
    assert json.loads(rows[4]["regions"]) == [{"area": 4}]
    assert rows[0]["photo_name"] == "'=1+1"  # no spreadsheet computes what a client calls its photo
    assert write_history_table(history, tmp_path / "h.parquet", Sought(label="none")) == 4
    table = parquet.read_table(tmp_path / "h.parquet")
    assert table.column_names == list(TABLE_COLUMNS)
    assert table["anomaly_score"].to_pylist() == [0.1, 1.1, 2.1, 4.1]
    assert table["judged_at"].to_pylist()[0] == batch[0].judged_at
    assert table["threshold"].to_pylist() == [1.0] * 4


def test_a_table_of_another_kind_is_refused(history: History, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"written as \.csv or \.parquet"):
        write_history_table(history, tmp_path / "h.xlsx")
