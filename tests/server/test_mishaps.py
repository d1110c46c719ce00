"""What goes wrong at a line harms nothing else, and is answered as what it is."""

import json
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from blemish.errors import HistoryError, MissingExtraError, SettingsError
from blemish.exporting.make import check_packages
from blemish.history.opening import History
from blemish.history.reading import by_key
from blemish.history.users import give_token, revoke_token
from blemish.history.verdict import StoredVerdict
from blemish.results.overlays import picture
from blemish.server import history_check, judge_routes, judging_queue, learning, live_routes, pictures, serving
from blemish.server.live_news import LiveNews
from blemish.server.measures import Measures
from blemish.server.replies import verdict_reply
from blemish.server.settings import ServerSettings
from blemish.server.workshop import Workshop
from server.conftest import OpenServer, settings_of
from server.test_access import bearer

Slow = tuple[threading.Event, list[int]]


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slow]:
    """Lets judging wait for an event, and notes how many photos were judged at a time."""
    go, judge, sizes = threading.Event(), judging_queue.JudgingQueue._judge, list[int]()

    def judge_late(queue: judging_queue.JudgingQueue, batch: list[judging_queue.PhotoToJudge]) -> None:
        sizes.append(len(batch))
        go.wait(20)
        judge(queue, batch)

    monkeypatch.setattr(judging_queue.JudgingQueue, "_judge", judge_late)
    yield go, sizes
    go.set()


def test_photos_whose_requests_were_given_up_take_no_room(open_server: OpenServer, photo: bytes, slow: Slow) -> None:
    server = open_server(timeout=0.3, batch_size=1)
    with ThreadPoolExecutor(3) as pool:
        codes = [each.status_code for each in pool.map(server.judge, [photo] * 3)]
    assert codes == [504] * 3
    assert len(server.station.queue("part")._waiting) == 0  # one is at work, two were let go of
    slow[0].set()


def test_two_that_send_a_photo_with_one_key_at_once_have_it_judged_once(
    open_server: OpenServer,
    photo: bytes,
    slow: Slow,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    go, sizes = slow
    server, answered, looks = open_server(), threading.Event(), list[str]()

    def look(history: History, key: str) -> Any:
        found = by_key(history, key)
        looks.append(key)
        if len(looks) == 2:
            answered.wait(20)  # a slow look, which saw the history as it was before the first was written
        return found

    def ask() -> Any:
        headers = {"Idempotency-Key": "part 9"}
        return server.client.post("/api/models/part/judge", content=photo, headers=headers).json()

    monkeypatch.setattr(judge_routes, "by_key", look)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(ask)
        while not sizes:
            time.sleep(0.01)
        second = pool.submit(ask)
        while server.station.in_flight < 2:
            time.sleep(0.01)
        go.set()
        told = first.result()
        answered.set()
        assert second.result() == told
    assert sizes == [1]


def test_few_overlays_are_drawn_at_a_time(
    open_server: OpenServer, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_work, most = [0], [0]

    def counted(*given: Any) -> Any:
        at_work[0] += 1
        most[0] = max(most[0], at_work[0])
        time.sleep(0.05)
        at_work[0] -= 1
        return picture(*given)

    monkeypatch.setattr(pictures, "picture", counted)
    server = open_server()
    overlay = server.judge(photo).json()["links"]["overlay"]
    with ThreadPoolExecutor(6) as pool:
        assert {answer.status_code for answer in pool.map(server.client.get, [overlay] * 6)} == {200}
    assert most[0] == pictures.MOST_DRAWN


def test_a_body_that_is_too_large_is_that_for_whatever_reads_it(open_server: OpenServer) -> None:
    def endless() -> Iterator[bytes]:
        yield from (b" " * 100_000 for _ in range(30))

    answer = open_server().client.put("/api/users/eva", content=endless())
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


def test_a_mistake_of_ours_is_answered_with_the_headers_of_every_answer(
    open_server: OpenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_history: History) -> None:
        raise RuntimeError("a mistake")

    server = open_server()
    monkeypatch.setattr(history_check, "check_writing", fail)
    answer = server.client.get("/ready")
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "failed")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_without_its_history_a_server_is_not_ready_and_tells_its_figures(
    open_server: OpenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_given: object) -> int:
        raise HistoryError("the database has gone away")

    server = open_server()
    monkeypatch.setattr(history_check, "check_writing", fail)
    monkeypatch.setattr(server.station.drift, "of", fail)
    ready = server.client.get("/ready")
    assert (ready.status_code, ready.json()["error"]["code"]) == (503, "history_unavailable")
    assert "blemish_waiting_photos" in server.client.get("/metrics").text


def test_a_token_that_is_revoked_ends_the_news_that_it_was_given(
    open_server: OpenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_routes, "_SILENCE", 1)
    monkeypatch.setattr(live_routes, "_SECONDS", 0.05)
    server = open_server()
    token = give_token(server.history, "tom", "operator", who="test")
    with server.client.stream("GET", "/api/live", headers=bearer(token)) as news:
        lines = news.iter_lines()
        assert next(lines) == ": live"
        revoke_token(server.history, "tom", who="test")
        assert {*lines} <= {"", ": still here"}  # and then there are no more


def test_news_can_be_stopped_by_a_signal_in_the_thread_that_waits_for_them() -> None:
    news = LiveNews()

    def stop() -> None:
        with news._changing:  # where a signal may come
            news.stop()

    stopping = threading.Thread(target=stop, daemon=True)
    stopping.start()
    stopping.join(5)
    assert not stopping.is_alive()


def test_stations_beyond_many_share_a_figure_and_what_moved_back_is_not_told() -> None:
    measures = Measures()
    measures.drifted([("part", f"line {number}", "score") for number in range(300)])
    assert measures.text().count(b"blemish_drift{") == 257
    measures.drifted([("part", "line 1", "score")])
    assert measures.text().count(b"blemish_drift{") == 1


def test_a_training_ends_as_failed_whatever_is_wrong_with_what_it_learned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "python"
    program.write_text('#!/bin/sh\necho a library says hello\necho \'{"activity": "a", "done": 1, "total": 2}\'\n')
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))

    def fail(_name: str, _run: Path) -> None:
        raise RuntimeError("a mistake")

    (tmp_path / "lids").mkdir()
    ran = learning.Learning(
        "lid", photos=tmp_path / "lids", run=tmp_path / "run", regions=(), settings={}, on_done=fail
    )
    ran.wait()
    assert (ran.state, ran.told) == ("failed", ["a library says hello", "a mistake"])
    assert ran.progress is not None and ran.progress.total == 2


def test_what_was_learned_is_kept_where_its_export_cannot_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, run = tmp_path / "python", tmp_path / "run"
    program.write_text(f"#!/bin/sh\nmkdir {run}\ntouch {run}/model.json\necho no room >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    (tmp_path / "lids").mkdir()
    ran = learning.Learning(
        "lid",
        photos=tmp_path / "lids",
        run=run,
        regions=(),
        settings={},
        export=("onnx", "int8"),
        on_done=lambda _name, _run: pytest.fail(),
    )
    ran.wait()
    assert (ran.state, ran.told) == ("failed", ["no room", f"what was learned is kept in {run}, and not served"])
    assert (run / "model.json").exists()


def test_what_an_export_takes_is_asked_for_before_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    check_packages("openvino")
    monkeypatch.setattr("blemish.exporting.make.find_spec", lambda name: None if name == "openvino" else name)
    check_packages("onnx")
    with pytest.raises(MissingExtraError, match="openvino"):
        learning._learn({"photos": "none", "run": "none", "export": ["openvino", "fp32"]})


def test_a_training_begins_where_the_system_knows_no_priorities(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delattr("os.nice", raising=False)
    asked: dict[str, Any] = {
        "photos": str(tmp_path / "none"),
        "run": str(tmp_path / "run"),
        "regions": [],
        "settings": {},
        "export": None,
    }
    monkeypatch.setattr(sys, "argv", ["learning", json.dumps(asked)])
    assert learning.run_learning() == 1
    assert "none" in capsys.readouterr().err


def test_what_a_training_left_that_was_cut_off_takes_no_name(
    tmp_path: Path, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    workshop = Workshop(tmp_path)
    (tmp_path / "lids").mkdir()
    (tmp_path / "lids" / "0.png").write_bytes(photo)
    (tmp_path / "models" / "lid").mkdir(parents=True)
    workshop.learn("lids", model="lid", settings={}, taken=(), on_done=lambda _name, _run: None).wait()
    assert workshop.learning is not None and workshop.learning.state == "failed"


def test_a_model_that_was_learned_in_the_page_is_told_when_the_next_start_does_not_serve_it(
    stpm_exported: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "workshop" / "models" / "lid").mkdir(parents=True)
    (tmp_path / "workshop" / "models" / "lid" / "model.json").write_text("{}")
    settings = settings_of(history=str(tmp_path / "history.db"), workshop=tmp_path / "workshop")
    serving.open_station([f"part={stpm_exported}"], settings).close()
    assert "model lid was learned here and is not served: name it, lid=" in caplog.text


def test_pictures_of_another_history_have_other_addresses() -> None:
    given: dict[str, Any] = {"model": "part", "station": "1", "verdict": "normal", "judged_at": datetime.now(UTC)}
    stored = StoredVerdict(id=1, key="a" * 64, label=None, defect_type=None, **given)
    assert verdict_reply(stored).links.photo != verdict_reply(replace(stored, key="b" * 64)).links.photo


@pytest.mark.parametrize("station", ["", "a" * 65, "line\n1"])
def test_a_station_of_no_name_is_refused_before_any_photo_comes(station: str) -> None:
    with pytest.raises(SettingsError, match="is no name"):
        ServerSettings(station=station)


def test_the_line_that_asks_for_a_token_tells_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    place = "postgresql+psycopg://blemish:secret@127.0.0.1/history"
    monkeypatch.setattr(serving, "open_history", lambda _place: History(create_engine(place)))
    monkeypatch.setattr(serving, "any_token", lambda _history: False)
    with pytest.raises(SettingsError, match="nobody has a token") as raised:
        serving.open_station(["run"], ServerSettings(host="0.0.0.0", history=place))
    assert "secret" not in str(raised.value)
