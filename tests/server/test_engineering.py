"""What engineers change over HTTP, and what labels give back."""

import json
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

import blemish
from blemish.data.dataset import Dataset
from blemish.history.audit import changes
from blemish.model.artifact import read_artifact
from server.conftest import OpenServer


def test_thresholds_are_set_as_calibrate_sets_them(open_server: OpenServer, own_run: Path, photo: bytes) -> None:
    server = open_server(own_run, runtime="torch")
    before = server.get("/api/models/part")
    put = server.client.put("/api/models/part/thresholds", json={"false_alarms": 0.4, "check": 0.6})
    assert put.status_code == 200, put.text
    told, written = put.json(), read_artifact(own_run).calibration
    assert told["threshold"]["value"] == written.image.value != before["threshold"]["value"]
    assert (told["threshold"]["asked_rate"], told["check"]["value"]) == (0.4, written.check and written.check.value)
    assert server.judge(photo).json()["judge"]["threshold"] == written.image.value
    (change,) = changes(server.history)
    assert (change.who, change.action, change.subject) == ("local", "threshold", "model part")
    assert change.before is not None
    assert change.after is not None
    assert (change.before["threshold"], change.after["threshold"]) == (
        before["threshold"]["value"],
        written.image.value,
    )
    assert server.client.post("/api/models/part/thresholds/undo").json()["threshold"] == before["threshold"]
    assert server.client.post("/api/models/part/thresholds/undo").json()["error"]["code"] == "cannot_undo"
    refused = server.client.put("/api/models/part/thresholds", json={"false_alarms": 0.4, "check": 0.3})
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "bad_setting")
    assert len(changes(server.history)) == 2
    scores = written.scores  # the rate that what-if names gives the threshold next below
    wanted = (scores[-3] + scores[-2]) / 2
    named = server.get("/api/models/part/what-if", threshold=wanted)
    assert named["false_alarms"] == pytest.approx(3 / (len(scores) + 1), abs=1e-5)
    put = server.client.put("/api/models/part/thresholds", json={"false_alarms": named["false_alarms"], "check": 0})
    assert scores[-3] <= put.json()["threshold"]["value"] <= wanted


def test_a_model_is_replaced_while_photos_come_and_none_is_lost(
    open_server: OpenServer, own_export: Path, photo: bytes
) -> None:
    server = open_server(own_export)
    blemish.calibrate(own_export, false_alarms=0.5)  # by another program
    codes: list[int] = []
    done = threading.Event()

    def judge() -> None:
        while not done.is_set():
            codes.append(server.judge(photo).status_code)

    threads = [threading.Thread(target=judge) for _ in range(2)]
    for thread in threads:
        thread.start()
    reloaded = server.client.post("/api/models/part/reload")
    done.set()
    for thread in threads:
        thread.join()
    assert reloaded.status_code == 200, reloaded.text
    assert reloaded.json()["verified"].startswith("proof repeated")
    assert reloaded.json()["threshold"]["value"] == read_artifact(own_export).calibration.image.value
    assert {*codes} == {200}
    assert server.judge(photo).json()["judge"]["threshold"] == reloaded.json()["threshold"]["value"]
    assert changes(server.history)[0].action == "model"


def test_a_model_that_fails_its_proof_is_not_put_in_place(
    open_server: OpenServer, own_export: Path, photo: bytes
) -> None:
    server = open_server(own_export)
    before = server.judge(photo).json()["anomaly_score"]
    answers = own_export / "exports" / "onnx-fp32" / "proof" / "answers.safetensors"
    answers.write_bytes(answers.read_bytes()[:-4] + b"\0\0\0\0")
    failed = server.client.post("/api/models/part/reload")
    assert (failed.status_code, failed.json()["error"]["code"]) == (500, "model_unusable")
    (own_export / "model.json").write_text("{}")
    assert server.client.post("/api/models/part/reload").status_code == 500
    assert server.judge(photo).json()["anomaly_score"] == before
    assert changes(server.history) == []
    shutil.rmtree(own_export)
    assert server.judge(photo).json()["anomaly_score"] == before


def label(server: Any, number: int, label: str | None) -> None:
    answer = server.client.put(f"/api/verdicts/{number}/label", json={"label": label})
    assert answer.status_code == 200, answer.text


def test_only_photos_drawn_by_lot_join_the_calibration_and_only_up_to_the_first_that_waits(
    open_server: OpenServer, own_run: Path, parts: Dataset, tmp_path: Path
) -> None:
    good = [Path(sample.image).read_bytes() for sample in parts.test if not sample.anomalous][:5]
    server = open_server(own_run, runtime="torch", keep_photos=tmp_path / "kept", draw=1.0)
    drawn = [server.judge(photo).json() for photo in good]
    assert all(each["drawn"] and each["photo"]["kept"] for each in drawn)
    refused = server.client.post("/api/models/part/calibrate-with-drawn")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "nothing_to_calibrate_with")
    for place in (0, 1, 3):  # the third waits, and so does all behind it
        label(server, drawn[place]["id"], "good")
    told = server.get("/api/models/part/feedback")
    assert (told["good"], told["waiting"], told["behind"], told["picked"]) == (2, 2, 1, 0)
    n = read_artifact(own_run).calibration.n
    joined = server.client.post("/api/models/part/calibrate-with-drawn")
    assert joined.status_code == 200, joined.text
    assert joined.json()["calibrated_with"] == read_artifact(own_run).calibration.n == n + 2
    assert changes(server.history)[0].after["photos_added"] == 2  # type: ignore[index]
    told = server.get("/api/models/part/feedback")
    assert (told["good"], told["joined"]) == (2, 2)  # nothing more to be done
    again = server.client.post("/api/models/part/calibrate-with-drawn")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "nothing_new")
    assert read_artifact(own_run).calibration.n == n + 2
    assert len(list((own_run / "calibrations").iterdir())) == 1


def test_labels_of_photos_that_were_picked_say_how_often_verdicts_were_wrong(
    open_server: OpenServer, parts: Dataset, photo: bytes
) -> None:
    good = next(Path(sample.image).read_bytes() for sample in parts.test if not sample.anomalous)
    server = open_server()
    verdicts = [server.judge(each).json() for each in (photo, good, good)]
    label(server, verdicts[0]["id"], "bad")
    label(server, verdicts[1]["id"], "good")
    told = server.get("/api/models/part/feedback")
    (week,) = told["weeks"]
    stopped = [each["verdict"] in ("anomalous", "unusual") for each in verdicts]
    expected = {"drawn": False, "good": 1, "good_stopped": stopped[1], "bad": 1, "bad_missed": not stopped[0]}
    assert {name: week[name] for name in expected} == expected
    assert (told["good"], told["picked"]) == (0, 1)


def test_figures_of_the_line(open_server: OpenServer, photo_files: list[bytes]) -> None:
    server = open_server()
    told = [server.judge(photo, station="line 2").json() for photo in photo_files[:4]]
    hours = server.get("/api/figures/hours", model="part")["hours"]
    assert sum(row["photos"] for row in hours) == 4
    scores = server.get("/api/models/part/scores", station="line 2")["scores"]
    assert [row["anomaly_score"] for row in scores] == [each["anomaly_score"] for each in told]
    drift = server.get("/api/models/part/drift")
    assert [(each["station"], each["photos"]) for each in drift["stations"]] == [("line 2", 4)]
    text = server.client.get("/metrics").text
    assert 'blemish_judging_seconds_count{model="part"} 4.0' in text
    assert 'blemish_anomaly_score{model="part",station="line 2"}' in text
    session = server.get("/api/session")
    assert (session["models"], session["stations"], session["photos_kept"]) == (["part"], ["line 2"], "none")
    assert server.get("/ready")["history"] == "sqlite"


def test_news_come_as_they_happen_and_go_on_where_they_stopped(open_server: OpenServer, photo: bytes) -> None:
    server = open_server()
    first = server.judge(photo).json()
    events: list[Any] = []
    with server.client.stream("GET", "/api/live") as news:
        lines = news.iter_lines()
        assert next(lines) == ": live"
        second = server.judge(photo).json()
        for line in lines:
            if line.startswith("data: "):
                events.append(json.loads(line.removeprefix("data: ")))
                break
    assert events == [second]
    with server.client.stream("GET", "/api/live", headers={"Last-Event-ID": "0"}) as news:
        numbers = (int(line.removeprefix("id: ")) for line in news.iter_lines() if line.startswith("id: "))
        assert [next(numbers), next(numbers)] == [first["id"], second["id"]]


def test_pictures_are_drawn_from_what_was_kept_when_memory_has_forgotten(
    open_server: OpenServer, photo: bytes, tmp_path: Path
) -> None:
    server = open_server(keep_photos=tmp_path / "kept", keep="all")
    told = server.judge(photo).json()
    lately = {name: server.client.get(told["links"][name]).content for name in ("photo", "map", "overlay")}
    server.station._lately.clear()
    later = {name: server.client.get(told["links"][name]).content for name in ("photo", "map", "overlay")}
    assert later["photo"] == lately["photo"] == photo
    (tmp_path / "a.tiff").write_bytes(lately["map"])
    (tmp_path / "b.tiff").write_bytes(later["map"])
    maps = [blemish.read_map(tmp_path / name) for name in ("a.tiff", "b.tiff")]
    assert maps[0] == pytest.approx(maps[1], rel=1e-3, abs=1e-4)
    assert later["overlay"][:3] == b"\xff\xd8\xff"
    shutil.rmtree(tmp_path / "kept")
    gone = server.client.get(told["links"]["photo"])
    assert (gone.status_code, gone.json()["error"]["code"]) == (410, "photo_not_kept")
