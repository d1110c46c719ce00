"""Servers that share a history, and what one of them leaves behind."""

import json
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from blemish.history.opening import History, open_history
from blemish.history.reading import latest
from blemish.history.retention import Retention
from blemish.history.schema import VERDICTS
from blemish.history.verdict import VerdictRecord
from blemish.history.writing import add_verdicts
from blemish.server import judge_routes, upkeep
from blemish.server.served_model import ServedModel
from blemish.server.station import Station
from blemish.server.strays import delete_strays, own_folder
from blemish.server.upkeep import Upkeep
from server.conftest import OpenServer, Served, serving, settings_of


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    with open_history(tmp_path / "history.db") as opened:
        yield opened


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*.*") if path.is_file()]


def test_one_key_that_two_servers_judge_at_once_has_one_verdict_and_both_answer_it(
    open_model: ServedModel, photo_files: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judge_routes, "by_key", lambda *_: None)  # both have looked before either wrote
    with ExitStack() as stack:
        servers: list[Served] = []
        for name in ("a", "b"):
            asked = settings_of(keep_photos=tmp_path / name, keep="all", station=name)
            station = Station({"part": open_model}, open_history(tmp_path / "history.db"), asked)
            servers.append(stack.enter_context(serving(station)))

        def ask(server: Served, photo: bytes) -> Any:
            headers = {"Idempotency-Key": "part 9"}
            return server.client.post("/api/models/part/judge", content=photo, headers=headers)

        told = [ask(server, photo_files[0]).json() for server in servers]
        assert told[0] == told[1] and told[0]["station"] == "a"
        other = ask(servers[1], photo_files[1])
        assert (other.status_code, other.json()["error"]["code"]) == (409, "key_of_another")
        assert len(latest(servers[0].history).verdicts) == 1
        assert (len(files_in(tmp_path / "a")), files_in(tmp_path / "b")) == (2, [])


def test_files_that_no_verdict_has_are_deleted_in_a_folder_of_this_history_alone(
    history: History, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    assert own_folder(history, kept) and own_folder(history, kept)
    digests = [f"{n}" * 64 for n in range(4)]
    stored = VerdictRecord(
        model="part",
        station="1",
        verdict="check",
        judged_at=datetime.now(UTC),
        key="a" * 32,
        photo_sha256=digests[0],
        photo_path=f"/mnt/before/{digests[0]}.png",  # the folder was moved since
        map_path="/mnt/before/m.png",
    )
    add_verdicts(history, [stored])
    for name in (*(f"photos/{digest[:2]}/{digest}.png" for digest in digests), "maps/aa/.writing-1.png"):
        (kept / name).parent.mkdir(parents=True, exist_ok=True)
        (kept / name).write_bytes(b"x")
        if digests[3] not in name:
            os.utime(kept / name, (0, 0))  # else the verdict may be under way
    (kept / "maps/aa" / f"{'a' * 32}.png").write_bytes(b"x")
    os.utime(kept / "maps/aa" / f"{'a' * 32}.png", (0, 0))
    assert delete_strays(history, kept) == 3
    assert sorted(path.stem[:2] for path in files_in(kept)) == ["00", "33", "aa"]
    with open_history(tmp_path / "other.db") as other:
        os.utime(kept / "photos/33" / f"{digests[3]}.png", (0, 0))
        assert not own_folder(other, kept)  # which keeps photos there now, too
        assert (delete_strays(history, kept), delete_strays(other, kept)) == (0, 0)
        (tmp_path / "old/photos").mkdir(parents=True)
        assert not own_folder(other, tmp_path / "old")  # of a version that left no mark
    (kept / "kept-for").write_text(json.dumps({"a": "b"})[:-3])
    assert not own_folder(history, kept)


def test_upkeep_goes_on_whatever_it_met(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(upkeep, "_SECONDS", 0.01)
    old: dict[str, Any] = {
        "model": "part",
        "station": "1",
        "verdict": "check",
        "judged_at": datetime.now(UTC) - timedelta(days=9),
    }
    add_verdicts(history, [VerdictRecord(**old, photo_path="no\0path")])
    working = Upkeep(history, Retention(days=1), photos=tmp_path / "kept")
    try:
        _wait_until(lambda: "nothing is deleted: embedded null byte" in caplog.text)
        with history.writing() as connection:
            connection.execute(update(VERDICTS).values(photo_path=None))
        _wait_until(lambda: not latest(history).verdicts)
    finally:
        working.close()


def test_photos_of_the_line_and_health_wait_for_nobody_who_looks(open_server: OpenServer, photo: bytes) -> None:
    server, model = open_server(), "/api/models/part/thresholds"
    changing = server.station.model("part").changing
    with ThreadPoolExecutor(41) as pool:
        with changing:
            waiting = [pool.submit(server.client.put, model, json={"false_alarms": 2}) for _ in range(1)]
            assert waiting[0].result().status_code == 422
            waiting = [pool.submit(server.client.post, f"{model}/undo") for _ in range(41)]
            _wait_until(lambda: _threads_of_pages() >= 40)
            assert server.client.get("/health", timeout=10).status_code == 200
            assert server.client.post("/api/models/part/judge", content=photo, timeout=10).status_code == 200
        assert {each.result().status_code for each in waiting} == {409}


def _threads_of_pages() -> int:
    return sum("AnyIO worker thread" in thread.name for thread in threading.enumerate())


def _wait_until(done: Any, seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < until
        time.sleep(0.005)
