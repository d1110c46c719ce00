"""A first model is learned through the server: of folders that it has, with regions drawn on their photos."""

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from blemish.data.dataset import Dataset
from blemish.model.artifact import read_artifact
from blemish.server import learning
from blemish.server.served_model import open_models
from server.conftest import OpenServer, Served
from server.test_troubles import failing

TRIANGLE = {"name": "middle", "polygon": [[8, 8], [56, 8], [32, 56]]}
SMALL = {"teacher": "efficientnet_lite0", "image_size": 64, "steps": 1}


@pytest.fixture
def workshop(tmp_path: Path, parts: Dataset) -> Path:
    folder = tmp_path / "workshop"
    (folder / "lids").mkdir(parents=True)
    (folder / "empty").mkdir()
    for sample in parts.train[:6]:
        shutil.copy(sample.image, folder / "lids")
    return folder


@pytest.fixture
def opened(open_server: OpenServer, workshop: Path, tmp_path: Path) -> Served:
    return open_server(workshop=workshop, keep_photos=tmp_path / "kept", draw=1.0)


def ended(opened: Served) -> dict[str, Any]:
    """What is told of a training when it has ended."""
    assert opened.station.workshop is not None and opened.station.workshop.learning is not None
    opened.station.workshop.learning.wait()
    return dict(opened.get("/api/workshop")["learning"])


def test_folders_are_told_with_their_photos_or_why_none_can_be_learned_of(opened: Served) -> None:
    told = opened.get("/api/workshop")
    assert [(folder["name"], folder["photos"]) for folder in told["folders"]] == [("empty", 0), ("lids", 6)]
    assert "no photos" in told["folders"][0]["error"]
    assert told["learning"] is None


@pytest.mark.parametrize("name", ["..", "models", "lids%2F..", "nothing"])
def test_what_is_no_folder_of_the_workshop_is_not_found(opened: Served, name: str) -> None:
    assert opened.client.get(f"/api/workshop/{name}/regions").status_code == 404


def test_regions_are_kept_for_training_and_forgotten_when_none_is_left(opened: Served, workshop: Path) -> None:
    drawn = {"photo_size": [64, 64], "regions": [TRIANGLE], "ignore": []}
    assert opened.client.put("/api/workshop/lids/regions", json=drawn).json() == drawn
    flat = {"name": "flat", "polygon": [[0, 0], [1, 1]]}
    assert opened.client.put("/api/workshop/lids/regions", json=drawn | {"regions": [flat]}).status_code == 422
    endless = '{"photo_size": [64, 64], "regions": [{"name": "a", "box": [1, 2, Infinity, 4]}]}'
    assert opened.client.put("/api/workshop/lids/regions", content=endless).status_code == 422
    assert opened.get("/api/workshop/learning") is None
    assert opened.get("/api/workshop/lids/regions") == drawn
    assert opened.get("/api/audit")["changes"][0]["action"] == "region of interest"
    opened.client.put("/api/workshop/lids/regions", json=drawn | {"regions": []})
    assert not list(workshop.glob("*.json"))


def test_the_photo_to_draw_on_is_the_first_good_one(opened: Served) -> None:
    assert opened.client.get("/api/workshop/lids/photo").headers["Content-Type"] == "image/png"


def test_a_model_is_learned_with_the_regions_and_served(
    open_server: OpenServer, own_run: Path, workshop: Path, tmp_path: Path, photo: bytes
) -> None:
    opened = open_server(own_run, runtime="torch", workshop=workshop, keep_photos=tmp_path / "kept", draw=1.0)
    opened.client.put("/api/workshop/lids/regions", json={"photo_size": [64, 64], "regions": [TRIANGLE]})
    answer = opened.client.post("/api/workshop/lids/learn", json={"model": "lid", **SMALL})
    assert (answer.status_code, answer.json()["state"]) == (202, "running")
    again = opened.client.post("/api/workshop/lids/learn", json={"model": "other", **SMALL})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "learning_already")
    told = ended(opened)
    assert (told["state"], told["total"] > 0) == ("done", True), told
    interest = read_artifact(workshop / "models" / "lid").interest
    assert interest is not None and interest.names == ("middle",)
    verdict = opened.client.post("/api/models/lid/judge", content=photo).json()
    assert verdict["model"] == "lid"
    assert open_models([workshop / "models" / "lid"], opened.station.settings)["lid"].now.export is None
    opened.client.put(f"/api/verdicts/{verdict['id']}/label", json={"label": "good"})
    calibrated = opened.client.post("/api/models/lid/calibrate-with-drawn")
    assert calibrated.status_code == 200, calibrated.text
    taken = opened.client.post("/api/workshop/lids/learn", json={"model": "lid", **SMALL})
    assert taken.json()["error"]["code"] == "name_taken"


def test_a_model_is_exported_as_the_station_judges(
    opened: Served, workshop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the next start, which is told the same runtime, would find no export and serve no model at all."""
    asked: list[dict[str, Any]] = []

    class Begun(learning.Learning):
        def __init__(self, model: str, *, photos: Path, **given: Any) -> None:
            asked.append({"photos": str(photos), **given})
            super().__init__(model, photos=photos, **given | {"settings": {"teacher": "nobody"}})

    monkeypatch.setattr("blemish.server.workshop.Learning", Begun)
    opened.client.post("/api/workshop/lids/learn", json={"model": "lid", **SMALL})
    assert asked[0]["export"] == opened.station.model("part").now.export == ("onnx", "fp32")

    done: list[tuple[Path, str, str]] = []
    monkeypatch.setattr("blemish.training.request.train_as_asked", lambda *_given, **_named: None)
    monkeypatch.setattr("blemish.model.artifact.read_artifact", lambda run: run)
    monkeypatch.setattr(
        "blemish.exporting.make.make_export",
        lambda run, to, *, precision, **_how: done.append((run, to, precision)),
    )
    learning._learn({**asked[0], "run": str(asked[0]["run"])})
    assert done == [(workshop / "models" / "lid", "onnx", "fp32")]


@pytest.mark.parametrize("name", ["x=/../../precious", "../precious", "x=", "=x", ".x", "a/b", "ä"])
def test_a_model_cannot_be_called_by_a_path(opened: Served, tmp_path: Path, name: str) -> None:
    """It was, behind an equals sign, and what a training had left at such a place was removed."""
    precious = tmp_path / "precious"
    (precious / "x=").mkdir(parents=True)
    (precious / "a.txt").write_text("dear")
    for _ in range(2):
        answer = opened.client.post("/api/workshop/lids/learn", json={"model": name, **SMALL})
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "bad_setting"), name
    assert (precious / "a.txt").exists() and opened.get("/api/workshop/learning") is None


def test_a_training_that_cannot_be_says_why_and_leaves_nothing(opened: Served, workshop: Path) -> None:
    opened.client.post("/api/workshop/lids/learn", json={"model": "lid", "teacher": "nobody"})
    told = ended(opened)
    assert told["state"] == "failed" and "nobody" in told["told"][-1]
    assert not (workshop / "models" / "lid").exists()


def test_a_training_is_stopped_with_what_it_has_learned(opened: Served, workshop: Path) -> None:
    opened.client.post("/api/workshop/lids/learn", json={"model": "lid", **SMALL, "steps": 100_000})
    assert opened.client.delete("/api/workshop/learning").json()["state"] == "stopped"
    assert not (workshop / "models" / "lid").exists()
    assert list(opened.station.models) == ["part"]


def test_without_a_workshop_it_is_said(open_server: OpenServer) -> None:
    answer = open_server().client.get("/api/workshop")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "no_workshop")


def test_a_training_that_the_audit_trail_does_not_know_of_is_stopped(
    open_server: OpenServer, photo: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nexec sleep 30\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    (tmp_path / "workshop" / "lids").mkdir(parents=True)
    (tmp_path / "workshop" / "lids" / "0.png").write_bytes(photo)
    server = open_server(workshop=tmp_path / "workshop")
    with failing(server.history):
        assert server.client.post("/api/workshop/lids/learn", json={"model": "lid"}).status_code == 503
    assert server.get("/api/workshop/learning")["state"] == "stopped"
    shutil.rmtree(tmp_path / "workshop")  # as where its disk has gone
    gone = server.client.get("/api/workshop")
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "folder_gone")
