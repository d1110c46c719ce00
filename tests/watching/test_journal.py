"""What the journal keeps, and for how long."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from blemish.watching import journal as journals
from blemish.watching.file_state import FileState
from blemish.watching.journal import Journal, JournalEntry
from watching.line import Line
from watching.receiving import free_port

STATE = FileState(size=1, mtime_ns=1, ctime_ns=1, inode=1)


def keep(journal: Journal, number: int) -> None:
    photo: dict[str, Any] = {"size": 1, "mtime_ns": 1, "digest": "", "verdict": "normal", "home": "", "stays": True}
    journal.keep(JournalEntry(id=str(number), name=f"{number}.png", **photo), STATE, {"name": f"{number}.png"})


def records_in(folder: Path) -> int:
    with sqlite3.connect(folder / "watch.sqlite") as base:
        count = base.execute("SELECT count(*) FROM photos WHERE record IS NOT NULL").fetchone()[0]
    base.close()
    return int(count)


def test_records_for_a_receiver_that_nobody_asks_for_any_more_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "KEPT", 3)
    journal = Journal(tmp_path)
    journal.state_of("tables")
    journal.state_of("webhook")
    for number in range(1, 5):
        keep(journal, number)
        journal.taken("tables", number, state="")
    assert len(journal.after("webhook", most=99)) == 4, "one that is asked for is sent all of them"
    journal.close()
    journal = Journal(tmp_path)
    journal.state_of("tables")
    assert journal.left_behind() == {"webhook": 4}
    for number in range(5, 10):
        keep(journal, number)
        journal.taken("tables", number, state="")
    journal.close()
    assert records_in(tmp_path) == 3
    journal = Journal(tmp_path)
    journal.state_of("webhook")
    assert [delivery.number for delivery in journal.after("webhook", most=99)] == [7, 8, 9]
    assert journal.left_behind() == {}
    journal.close()


def test_a_watch_says_what_waits_for_a_receiver_that_is_not_asked_for_any_more(
    line: Line, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("blemish.watching.places._TO_END", 0.2)
    line.put("a.png")
    line.watch(webhook=f"http://127.0.0.1:{free_port()}/")
    caplog.clear()
    line.watch()
    assert "webhook is not asked for any more: 1 verdict waits for it; the last 10000 stay" in caplog.text
