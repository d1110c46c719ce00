"""A server whose history or disk fails says so, loses nothing, and comes back by itself."""

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from blemish.files import make_folder
from blemish.history import writing
from blemish.history.opening import History
from blemish.history.reading import latest
from blemish.server import history_check, kept_photos
from server.conftest import OpenServer


@contextmanager
def failing(history: History, *, reads: bool = False) -> Iterator[None]:
    """A database that takes nothing, in here, as one on a full disk does; nor gives anything, where `reads` fail."""

    fails = threading.Event()

    def fail(connection: Any, *_: object) -> None:
        if not fails.is_set():
            return
        connection.execute("PRAGMA query_only = ON")
        if reads:
            connection.set_progress_handler(lambda: 1, 1)  # which interrupts whatever is asked

    event.listen(history.engine, "checkout", fail)  # for good: to take it away harms who asks at that moment
    fails.set()
    try:
        yield
    finally:
        fails.clear()
        history.engine.dispose()


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is waited for."""
    monkeypatch.setattr(writing, "_WAITS", (0.0, 0.0))
    monkeypatch.setattr(history_check, "_SECONDS", 0.0)


def code(answer: Any) -> tuple[int, str, bool]:
    return answer.status_code, answer.json()["error"]["code"], "Retry-After" in answer.headers


@pytest.mark.usefixtures("at_once")
def test_a_history_that_takes_nothing_is_said_once_and_comes_back(
    open_server: OpenServer, photo: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    server, headers = open_server(), {"Idempotency-Key": "part 9"}

    def ask() -> Any:
        return server.client.post("/api/models/part/judge", content=photo, headers=headers)

    with failing(server.history):
        away = (503, "history_unavailable", True)
        assert [code(ask()), code(ask()), code(server.client.get("/ready"))] == [away] * 3
        assert server.client.get("/health").status_code == 200
    assert caplog.text.count("cannot be used") == 1
    assert server.client.get("/ready").json()["troubles"] == []
    assert "takes verdicts again" in caplog.text
    assert ask().status_code == 200
    assert len(latest(server.history).verdicts) == 1
    assert "never retrieved" not in caplog.text


@pytest.mark.usefixtures("at_once")
def test_photos_that_wait_together_are_judged_once_while_the_history_is_away(
    open_server: OpenServer, photo_files: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = open_server()
    tries: list[int] = []
    added = writing._added

    def counted(history: History, verdicts: Any) -> list[writing.WrittenRow]:
        tries.append(len(verdicts))
        return added(history, verdicts)

    monkeypatch.setattr(writing, "_added", counted)
    files = [("photo", (f"{number}.png", photo_files[number])) for number in range(4)]
    with failing(server.history):
        assert code(server.client.post("/api/models/part/judge-many", files=files))[0] == 503
    assert sum(tries) == 4 * 3  # in one batch or several, none of them anew by itself


@pytest.mark.usefixtures("at_once")
def test_what_was_kept_for_a_verdict_that_is_not_in_the_history_is_deleted(
    open_server: OpenServer, photo_files: list[bytes], tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    server = open_server(keep_photos=kept, keep="all")
    server.judge(photo_files[0])
    before = {path for path in kept.rglob("*") if path.is_file()}
    with failing(server.history):
        assert [server.judge(photo_files[n]).status_code for n in (0, 1)] == [503, 503]
    until = time.monotonic() + 10
    while {path for path in kept.rglob("*") if path.is_file()} != before:  # which is after the answer
        assert time.monotonic() < until
        time.sleep(0.01)
    assert server.judge(photo_files[1]).json()["photo"]["kept"] is True


@pytest.mark.usefixtures("at_once")
def test_a_mistake_while_an_error_is_handled_stops_no_line(
    open_server: OpenServer, photo: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_given: Any, **_more: Any) -> None:
        raise RuntimeError("a mistake")

    server = open_server(keep_photos=tmp_path / "kept", keep="all")
    monkeypatch.setattr(kept_photos.KeptPhotos, "discard", fail)
    with failing(server.history):
        assert server.judge(photo).status_code == 503
    assert server.judge(photo).status_code == 200


def test_photos_that_cannot_be_kept_are_said_where_readiness_is(
    open_server: OpenServer, photo: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = open_server(keep_photos=tmp_path / "kept", keep="all")
    shutil.rmtree(tmp_path / "kept")
    (tmp_path / "kept").write_text("a full disk refuses likewise")
    assert [server.judge(photo + bytes(n)).json()["photo"]["kept"] for n in range(2)] == [False, False]
    ready = server.client.get("/ready")
    assert (ready.status_code, [line[:20] for line in ready.json()["troubles"]]) == (200, ["photos are not kept:"])
    assert caplog.text.count("photos are not kept") == 1
    (tmp_path / "kept").unlink()
    make_folder(tmp_path / "kept")
    assert server.judge(photo).json()["photo"]["kept"] is True
    assert server.client.get("/ready").json()["troubles"] == []


def test_a_photo_whose_map_cannot_be_kept_is_not_left_behind(
    open_server: OpenServer, photo: bytes, tmp_path: Path
) -> None:
    server = open_server(keep_photos=tmp_path / "kept", keep="all")
    (tmp_path / "kept" / "maps").write_text("a full disk refuses likewise")
    assert server.judge(photo).json()["photo"]["kept"] is False
    assert [path for path in (tmp_path / "kept" / "photos").rglob("*") if path.is_file()] == []


def test_live_news_go_on_when_the_history_is_back(open_server: OpenServer, photo: bytes) -> None:
    server = open_server()
    with server.client.stream("GET", "/api/live", headers={"Last-Event-ID": "0"}) as news:
        lines = news.iter_lines()
        assert next(lines) == ": live"
        with failing(server.history, reads=True):
            while not server.station.troubles.lines:
                server.station.news.wake()
        assert server.judge(photo).status_code == 200
        assert next(line for line in lines if line.startswith("id: ")) == "id: 1"
