"""Photos in, verdicts out, over HTTP; nothing is lost and nothing counts twice."""

import hashlib
import io
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from httpx import Client, NetworkError
from PIL import Image

import blemish
from blemish.errors import HistoryError, HistoryUnavailableError
from blemish.history.opening import History
from blemish.history.reading import Sought, latest
from blemish.history.verdict import VerdictRecord
from blemish.history.writing import WrittenRow, write_verdicts
from blemish.server import judging_queue
from blemish.server.faults import FaultError
from server.conftest import OpenServer, Served

SAME = ("verdict", "anomaly_score", "percentile", "mask_pixels", "unusualness", "stopped_by", "regions")


def as_json(told: dict[str, Any]) -> dict[str, Any]:
    """What HTTP leaves of a prediction's JSON: tuples are lists."""
    return told | {"regions": [{**r, "box": list(r["box"]), "centroid": list(r["centroid"])} for r in told["regions"]]}


def test_a_photo_gets_the_verdict_that_predict_gives_it(served: Served, photo: bytes, stpm_exported: Path) -> None:
    answer = served.judge(photo, station="line 3", name="../../etc/x.png")
    assert answer.status_code == 200, answer.text
    told = answer.json()
    expected = as_json(blemish.open(stpm_exported, runtime="onnx").predict(photo).to_json())
    assert {name: told[name] for name in SAME} == {name: expected[name] for name in SAME}
    assert told["judge"]["threshold"] == expected["threshold"]
    assert told["photo"]["name"] == "../../etc/x.png"
    assert told["photo"]["sha256"] == hashlib.sha256(photo).hexdigest()
    assert served.get(told["links"]["verdict"]) == told
    assert served.get("/api/verdicts", verdict=told["verdict"], station="line 3")["verdicts"] == [told]
    assert [path for path in served.station.photos.folder.rglob("*") if "x.png" in path.name] == []  # type: ignore[union-attr]


def test_photos_of_many_requests_are_judged_together_and_each_as_if_alone(
    open_server: OpenServer, photo_files: list[bytes], stpm_exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    judge = judging_queue.JudgingQueue._judge

    def counted(queue: judging_queue.JudgingQueue, batch: list[judging_queue.PhotoToJudge]) -> None:
        sizes.append(len(batch))
        if len(sizes) == 1:
            time.sleep(0.3)  # so that others wait
        judge(queue, batch)

    monkeypatch.setattr(judging_queue.JudgingQueue, "_judge", counted)
    server, photos = open_server(), photo_files[:12]
    with ThreadPoolExecutor(len(photos)) as pool:
        told = list(pool.map(lambda photo: server.judge(photo).json(), photos))
    alone = blemish.open(stpm_exported, runtime="onnx")
    for photo, answer in zip(photos, told, strict=True):
        expected = as_json(alone.predict(photo).to_json())
        assert {name: answer[name] for name in SAME} == {name: expected[name] for name in SAME}
    assert max(sizes) > 1
    assert len({answer["id"] for answer in told}) == 12 == sum(sizes)


def test_a_form_of_several_photos_in_which_one_is_broken(served: Served, photo_files: list[bytes]) -> None:
    files = [
        ("photo", ("a.png", photo_files[0])),
        ("photo", ("broken.png", b"\x89PNG no")),
        ("x", ("b", photo_files[1])),
    ]
    answer = served.client.post("/api/models/part/judge-many", files=files)
    assert answer.status_code == 200, answer.text
    told = answer.json()["verdicts"]
    assert [each["photo"]["name"] for each in told] == ["a.png", "broken.png", "b"]
    assert [each["verdict"] == "unreadable" for each in told] == [False, True, False]
    assert "is not a PNG" in told[1]["error"]
    assert told[2]["anomaly_score"] == served.judge(photo_files[1]).json()["anomaly_score"]


@pytest.mark.parametrize("data", [b"", b"no photo", b"\x89PNG\r\n\x1a\n" + bytes(50)], ids=["empty", "text", "damaged"])
def test_what_is_no_photo_is_an_error_and_in_the_history(served: Served, data: bytes) -> None:
    answer = served.judge(data, station="broken")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "unusable_photo")
    (stored,) = latest(served.history, Sought(station="broken"), most=1).verdicts
    assert stored.verdict == "unreadable"
    assert stored.error == answer.json()["error"]["message"]


def test_a_photo_of_too_many_pixels_is_not_decoded(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.BytesIO()
    Image.fromarray(np.zeros((300, 300), np.uint8)).save(file, format="PNG")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)
    monkeypatch.setattr("blemish.data.pixel_limit._allowed", 0)
    answer = served.judge(file.getvalue())
    assert answer.status_code == 422
    assert "million pixels" in answer.json()["error"]["message"]


def test_a_request_that_is_sent_again_is_judged_and_recorded_once(served: Served, photo_files: list[bytes]) -> None:
    def ask(photo: bytes) -> Any:
        address, headers = "/api/models/part/judge", {"Idempotency-Key": "shift 1, part 7"}
        return served.client.post(address, content=photo, headers=headers, params={"station": "again"})

    first, second = ask(photo_files[0]), ask(photo_files[0])
    assert first.json() == second.json()
    assert len(latest(served.history, Sought(station="again")).verdicts) == 1
    other = ask(photo_files[1])
    assert (other.status_code, other.json()["error"]["code"]) == (409, "key_of_another")


def test_a_request_that_is_sent_again_while_it_is_judged_gets_the_same_verdict(
    open_server: OpenServer, photo_files: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    go, judge, sizes = threading.Event(), judging_queue.JudgingQueue._judge, []

    def slow(queue: judging_queue.JudgingQueue, batch: list[judging_queue.PhotoToJudge]) -> None:
        sizes.append(len(batch))
        go.wait(20)
        judge(queue, batch)

    monkeypatch.setattr(judging_queue.JudgingQueue, "_judge", slow)
    server, headers = open_server(), {"Idempotency-Key": "part 8"}

    def ask(photo: bytes) -> Any:
        return server.client.post("/api/models/part/judge", content=photo, headers=headers)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(ask, photo_files[0])
        while not sizes:
            time.sleep(0.01)
        assert ask(photo_files[1]).json()["error"]["code"] == "key_of_another"
        second = pool.submit(ask, photo_files[0])
        while server.station.in_flight < 2:
            time.sleep(0.01)
        go.set()
        assert first.result().json() == second.result().json()
    assert sizes == [1]
    assert server.station.under_way == {}


def test_no_verdict_is_answered_that_is_not_in_the_history(
    open_server: OpenServer, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_given: object) -> None:
        raise HistoryUnavailableError("the disk is full")

    server = open_server()
    monkeypatch.setattr(judging_queue, "write_verdicts", fail)
    answer = server.judge(photo)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "history_unavailable")
    assert int(answer.headers["Retry-After"]) >= 1
    monkeypatch.undo()
    assert server.judge(photo).status_code == 200


def test_a_photo_that_fails_harms_none_that_was_judged_with_it(
    open_server: OpenServer, photo_files: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    def fail_with_one(history: History, verdicts: list[VerdictRecord]) -> list[WrittenRow]:
        sizes.append(len(verdicts))
        if any(verdict.photo_name == "poison" for verdict in verdicts):
            raise HistoryError("the database refuses it")
        return write_verdicts(history, verdicts)

    monkeypatch.setattr(judging_queue, "write_verdicts", fail_with_one)
    names = ("a", "b", "c", "poison", "d", "e", "f", "g")
    server = open_server()
    files = [("photo", (name, data)) for name, data in zip(names, photo_files, strict=False)]
    together = server.client.post("/api/models/part/judge-many", files=files)
    assert together.status_code == 500
    assert max(sizes) > 1
    assert {each.photo_name for each in latest(server.history).verdicts} == {*names} - {"poison"}


def test_a_photo_is_judged_while_the_verdict_of_another_is_written(
    open_server: OpenServer, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go = threading.Event(), threading.Event()

    def slow_with_one(history: History, verdicts: list[VerdictRecord]) -> list[WrittenRow]:
        if verdicts[0].photo_name == "slow":
            begun.set()
            assert go.wait(20)
        return write_verdicts(history, verdicts)

    monkeypatch.setattr(judging_queue, "write_verdicts", slow_with_one)
    server = open_server()
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(server.judge, photo, name="slow")
        assert begun.wait(20)
        assert server.judge(photo).status_code == 200
        assert not slow.done()
        go.set()
        assert slow.result().status_code == 200


def test_more_photos_than_may_wait_are_told_to_come_again(
    open_server: OpenServer, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, judge = threading.Event(), judging_queue.JudgingQueue._judge

    def slow(queue: judging_queue.JudgingQueue, batch: list[judging_queue.PhotoToJudge]) -> None:
        go.wait(20)
        judge(queue, batch)

    monkeypatch.setattr(judging_queue.JudgingQueue, "_judge", slow)
    server = open_server(waiting=2)
    with ThreadPoolExecutor(2) as pool:
        taken = [pool.submit(server.judge, photo) for _ in range(2)]
        while server.station.in_flight < 2:
            time.sleep(0.01)
        refused = server.judge(photo)
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "too_many_photos")
        assert int(refused.headers["Retry-After"]) >= 1
        assert server.client.get("/health").status_code == 200  # the loop is free
        go.set()
        assert [each.result().status_code for each in taken] == [200, 200]
    assert server.judge(photo).status_code == 200
    assert "blemish_refused_photos_total 1.0" in server.client.get("/metrics").text


def test_a_verdict_that_takes_too_long_is_said_and_recorded_all_the_same(
    open_server: OpenServer, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, judge = threading.Event(), judging_queue.JudgingQueue._judge

    def slow(queue: judging_queue.JudgingQueue, batch: list[judging_queue.PhotoToJudge]) -> None:
        go.wait(20)
        judge(queue, batch)

    monkeypatch.setattr(judging_queue.JudgingQueue, "_judge", slow)
    server = open_server(timeout=0.2)
    answer = server.judge(photo)
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "too_late")
    go.set()
    while not latest(server.history).verdicts:
        time.sleep(0.01)


def test_what_is_under_way_when_the_server_is_told_to_stop_is_answered(
    open_server: OpenServer, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    import signal

    go, judge = threading.Event(), judging_queue.JudgingQueue._judge

    def slow(queue: judging_queue.JudgingQueue, batch: list[judging_queue.PhotoToJudge]) -> None:
        go.wait(20)
        judge(queue, batch)

    monkeypatch.setattr(judging_queue.JudgingQueue, "_judge", slow)
    server = open_server()
    with ThreadPoolExecutor(3) as pool:
        taken = [pool.submit(server.judge, photo) for _ in range(3)]
        while server.station.in_flight < 3:
            time.sleep(0.01)
        server.server.handle_exit(signal.SIGTERM, None)
        time.sleep(0.2)
        go.set()
        assert [each.result().status_code for each in taken] == [200, 200, 200]


def test_a_body_that_is_too_large_is_refused_before_it_has_arrived(open_server: OpenServer) -> None:
    server = open_server(max_megabytes=0.1)
    answer = server.judge(bytes(100_001))
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
    sent = 0

    def endless() -> Any:
        nonlocal sent
        while sent < 1 << 28:
            sent += 100_000
            yield bytes(100_000)

    with Client(base_url=str(server.server.address)) as client:
        try:
            answer = client.post("/api/models/part/judge", content=endless())
            assert answer.status_code == 413
        except NetworkError:
            pass  # the server has hung up
    assert sent < 1 << 26
    assert server.client.put("/api/users/eva", content=bytes(100_001)).status_code == 413


def test_a_verdict_is_given_though_its_photo_cannot_be_kept(
    open_server: OpenServer, photo: bytes, tmp_path: Path
) -> None:
    server = open_server(keep_photos=tmp_path / "kept", keep="all")
    shutil.rmtree(tmp_path / "kept")
    (tmp_path / "kept").write_text("a full disk refuses likewise")
    told = server.judge(photo).json()
    assert told["photo"]["kept"] is False
    assert [each.id for each in latest(server.history).verdicts] == [told["id"]]
    assert "blemish_unkept_photos_total 1.0" in server.client.get("/metrics").text


def test_photos_that_would_take_too_much_memory_together_are_told_to_come_again(served: Served) -> None:
    with served.station.room_for(1, size=1 << 29):
        with pytest.raises(FaultError, match="photos are waiting"), served.station.room_for(1, size=1):
            pass
        with served.station.room_for(1):
            assert served.station.in_flight == 2
    assert served.station.in_flight == 0


def test_a_photo_that_would_be_judged_too_late_is_told_to_come_again(open_server: OpenServer) -> None:
    station = open_server(timeout=4).station
    station._seconds = 3.0 * judging_queue.THREADS
    with station.room_for(1), station.room_for(1):
        with pytest.raises(FaultError, match="photos are waiting") as refused, station.room_for(1):
            pass
        assert refused.value.retry_after == 6
    assert station.in_flight == 0
