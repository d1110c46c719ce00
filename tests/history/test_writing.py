"""Nothing is lost, and nothing counts twice."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from blemish.errors import DataError, HistoryError, HistoryUnavailableError, MissingExtraError, SettingsError
from blemish.history.figures import hourly
from blemish.history.opening import History, open_history
from blemish.history.reading import latest, one
from blemish.history.schema import JUDGES, VERDICTS
from blemish.history.verdict import verdict_of
from blemish.history.writing import WrittenRow, add_verdicts, write_verdicts
from history.conftest import JUDGE, MakeVerdict


def test_a_verdict_comes_back_as_it_went_in(history: History, verdict: MakeVerdict) -> None:
    given = verdict(
        1.5,
        regions=[{"box": [1, 2, 3, 4], "area": 9, "peak": 1.5}],
        looks={"brightness": 12.5},
        stopped_by=["length > 2 mm"],
        photo_name="Bauteil ä/0001.png",
        photo_sha256="a" * 64,
        photo_bytes=1 << 40,
        height=3,
        width=4,
        drawn=True,
    )
    (number,) = add_verdicts(history, [given])
    stored = one(history, number)
    assert stored is not None
    assert {name: getattr(stored, name) for name in vars(given)} == vars(given)
    assert (stored.id, stored.label) == (number, None)
    assert one(history, number + 1) is None


def test_a_verdict_that_is_written_again_is_there_once_and_counts_once(history: History, verdict: MakeVerdict) -> None:
    batch = [verdict() for _ in range(3)]
    first = add_verdicts(history, batch)
    again = add_verdicts(history, [batch[2], verdict(), batch[2], batch[0]])
    assert (again[0], again[2], again[3]) == (first[2], first[2], first[0])
    assert len(latest(history).verdicts) == 4
    assert [row.photos for row in hourly(history)] == [4]


def test_of_two_that_write_under_one_key_at_once_one_is_told_that_it_was_not_the_first(
    history: History, place: str, verdict: MakeVerdict
) -> None:
    both = threading.Barrier(2)

    def write(into: History, station: str) -> WrittenRow:
        both.wait(10)
        return write_verdicts(into, [verdict(key="part 9", station=station)])[0]

    with open_history(place) as other, ThreadPoolExecutor(2) as pool:
        for _ in range(5):
            rows = list(pool.map(write, (history, other), ("line 1", "line 2")))
            assert len({row.id for row in rows}) == 1
    assert sum(row.is_new for row in rows) == 0
    (stored,) = latest(history).verdicts
    assert [row.station for row in hourly(history)] == [stored.station]


def test_a_history_whose_file_was_moved_away_takes_nothing_until_it_is_back(
    tmp_path: Path, verdict: MakeVerdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("blemish.history.writing._WAITS", ())
    place, away = tmp_path / "history.db", tmp_path / "archive.db"
    with open_history(place) as history:
        add_verdicts(history, [verdict()])
        place.rename(away)
        with pytest.raises(HistoryUnavailableError, match=r"history\.db has gone"):
            add_verdicts(history, [verdict()])
        history.engine.dispose()  # as where a connection more is needed
        with pytest.raises(HistoryUnavailableError, match="has gone"):
            latest(history)
        assert not place.exists()
        place.write_bytes(b"")
        with pytest.raises(HistoryUnavailableError, match="another file"):
            add_verdicts(history, [verdict()])
        away.rename(place)
        add_verdicts(history, [verdict()])
        assert len(latest(history).verdicts) == 2


def test_a_batch_is_written_whole_or_not_at_all(
    history: History, verdict: MakeVerdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("blemish.history.writing._WAITS", ())
    with pytest.raises(HistoryError):
        add_verdicts(history, [verdict(), verdict(station=None), verdict()])
    assert latest(history).verdicts == []
    assert hourly(history) == []
    assert len(add_verdicts(history, [verdict()])) == 1  # by a judge whose row was taken back with the batch


def test_thresholds_are_those_of_then(history: History, verdict: MakeVerdict) -> None:
    changed = replace(JUDGE, threshold=2.0)
    batch = [verdict(), verdict(), verdict(judge=changed), verdict(judge=JUDGE)]
    stored = [one(history, number) for number in add_verdicts(history, batch)]
    assert [each and each.judge for each in stored] == [JUDGE, JUDGE, changed, JUDGE]
    with history.reading() as connection:
        assert connection.execute(select(func.count()).select_from(JUDGES)).scalar_one() == 2


def test_a_photo_that_cannot_be_read_is_in_the_history(history: History) -> None:
    record = verdict_of(
        DataError("x.png: is empty"), model="screw", station="1", photo=b"", photo_name="\0" + "x" * 254
    )
    (number,) = add_verdicts(history, [record])
    stored = one(history, number)
    assert stored is not None
    assert (stored.verdict, stored.error, stored.judge) == ("unreadable", "x.png: is empty", None)
    assert (stored.photo_bytes, stored.photo_name) == (0, "0" + "x" * 254)


def test_writers_in_many_threads_lose_nothing(history: History, verdict: MakeVerdict) -> None:
    batches = [[verdict(station=f"line {n % 3}") for _ in range(5)] for n in range(12)]
    threads = [threading.Thread(target=add_verdicts, args=(history, batch)) for batch in batches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(latest(history, most=100).verdicts) == 60
    assert sum(row.photos for row in hourly(history)) == 60


WRITER = """
import sys
from datetime import UTC, datetime
from blemish.history.opening import open_history
from blemish.history.verdict import VerdictRecord
from blemish.history.writing import WrittenRow, add_verdicts, write_verdicts
history = open_history(sys.argv[1])
for n in range(100000):
    record = VerdictRecord(model="screw", station="1", verdict="normal", judged_at=datetime.now(UTC), key=str(n))
    print(add_verdicts(history, [record])[0], flush=True)
"""


def test_what_was_acknowledged_is_there_when_the_writer_is_killed(tmp_path: Path) -> None:
    place = tmp_path / "history.db"
    with subprocess.Popen([sys.executable, "-c", WRITER, place], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        for _ in range(20):
            acknowledged = int(writer.stdout.readline())
        writer.kill()
    with open_history(place) as history, history.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2  # FULL: on the disk, not on its way
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
        found = connection.execute(select(func.count()).where(VERDICTS.c.id <= acknowledged)).scalar_one()
        assert found == acknowledged
        counted = sum(row.photos for row in hourly(history))
        assert counted == connection.execute(select(func.count()).select_from(VERDICTS)).scalar_one()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_history_in_a_folder_that_may_not_be_written_is_one_line(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(HistoryError):
        open_history(tmp_path / "history.db")


@pytest.mark.parametrize(
    ("place", "error", "said"),
    [
        ("mysql://x/y", (SettingsError, MissingExtraError), "in a file or in PostgreSQL"),
        ("sqlite://", SettingsError, "in a file or in PostgreSQL"),
        ("http://", SettingsError, "in a file or in PostgreSQL"),
        ("postgresql://nobody:secret@127.0.0.1:1/none", HistoryError, "cannot be used"),
    ],
)
def test_a_place_that_is_none_is_one_line(place: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said) as raised:
        open_history(place)
    assert "secret" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_no_database_is_one_line_and_stays(tmp_path: Path) -> None:
    file = tmp_path / "photo.png"
    file.write_bytes(b"no database at all" * 100)
    with pytest.raises(HistoryError, match="cannot be used"):
        open_history(file)
    assert file.read_bytes() == b"no database at all" * 100
