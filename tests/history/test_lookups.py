"""What a page asks is found in an index, however much the history holds."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from blemish.history.drifting import drift_at
from blemish.history.feedback import drawn_photos, truth_by_week
from blemish.history.figures import what_if
from blemish.history.labels import set_label
from blemish.history.opening import History, open_history
from blemish.history.reading import Sought, latest, names_seen
from blemish.history.writing import add_verdicts
from history.conftest import MakeVerdict
from history.test_drifting import CALIBRATION

WEIGHTS = "5" * 64


@pytest.fixture
def filled(tmp_path: Path, verdict: MakeVerdict) -> Iterator[History]:
    with open_history(tmp_path / "history.db") as history:
        set_label(history, add_verdicts(history, [verdict(), verdict(2.0)])[0], "good", who="eva")
        yield history


@pytest.mark.parametrize(
    ("ask", "index"),
    [
        (latest, "ix_verdicts_time"),
        (lambda h: latest(h, Sought(label="any", model="screw")), "ix_verdicts_labelled"),
        (lambda h: latest(h, Sought(label="bad", model="screw")), "ix_verdicts_labelled"),
        (lambda h: latest(h, Sought(drawn=True, model="screw")), "ix_verdicts_drawn"),
        (lambda h: drift_at(h, "line 1", model="screw", weights_sha256=WEIGHTS, calibration=CALIBRATION), "time"),
        (lambda h: drawn_photos(h, "screw"), "ix_verdicts_drawn"),
        (lambda h: truth_by_week(h, "screw"), "ix_verdicts_labelled"),
        (lambda h: what_if(h, Sought(model="screw"), 1.0, weights_sha256=WEIGHTS), "COVERING INDEX ix_verdicts_score"),
        (names_seen, "COVERING INDEX ix_hours_station"),
    ],
)
def test_no_question_sorts_or_reads_more_than_it_needs(
    filled: History, ask: Callable[[History], Any], index: str
) -> None:
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_more: Any) -> None:
        asked.append((statement, values))

    event.listen(filled.engine, "before_cursor_execute", note)
    ask(filled)
    event.remove(filled.engine, "before_cursor_execute", note)
    with filled.reading() as connection:
        plans = [
            str(row[-1])
            for statement, values in asked
            if statement.startswith(("SELECT", "WITH"))
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        ]
    assert any(index in plan for plan in plans), plans
    rows_read = [plan for plan in plans if "SCAN" in plan and "hours" in plan and "INDEX" not in plan]
    assert not rows_read, plans
    sorted_all = [plan for plan in plans if "TEMP B-TREE" in plan]
    assert len(sorted_all) <= (1 if ask is not names_seen else 0), plans  # of a page of rows, or of labelled ones
