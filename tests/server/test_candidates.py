"""Another trained model in the place of one that is served, out of a folder that the server was told of."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from blemish.errors import HistoryError
from blemish.model.artifact import read_artifact
from blemish.server import replacing, tuning
from server.conftest import OpenServer, Served
from server.test_successor import with_threshold


@pytest.fixture
def models(own_run: Path, tmp_path: Path) -> Path:
    """A folder of two models, one of them damaged, and what is none."""
    folder = tmp_path / "trained"
    folder.mkdir()
    with_threshold(own_run, folder / "new", 2.0)
    shutil.copytree(own_run, folder / "damaged")
    (folder / "damaged" / "model.json").write_text("{}")
    (folder / "link").symlink_to(own_run)
    (folder / "notes").mkdir()
    return folder


@pytest.fixture
def opened(open_server: OpenServer, own_run: Path, models: Path) -> Served:
    return open_server(own_run, runtime="torch", models_from=models)


def replaced_by(opened: Served, name: str) -> Any:
    return opened.client.post("/api/models/part/replace", json={"candidate": name})


def test_a_model_of_another_folder_is_served_and_stays_when_the_server_is_started_again(
    opened: Served, own_run: Path, models: Path, photo: bytes
) -> None:
    found = opened.get("/api/candidates")["candidates"]
    assert [(each["name"], each["error"] is None) for each in found] == [("damaged", False), ("new", True)]
    before = read_artifact(own_run).calibration.image.value
    told = replaced_by(opened, "new")
    assert told.status_code == 200, told.text
    assert told.json()["threshold"]["value"] == pytest.approx(2 * before)
    assert opened.judge(photo).json()["judge"]["threshold"] == pytest.approx(2 * before)
    assert read_artifact(own_run).calibration.image.value == pytest.approx(2 * before)
    assert (models / "new" / "model.json").exists()
    (change,) = opened.get("/api/audit")["changes"]
    assert (change["action"], change["after"]["taken_from"]) == ("model", "new")
    kept = own_run.with_name(change["after"]["before_is_kept_as"])
    assert read_artifact(kept).calibration.image.value == before


@pytest.mark.parametrize("name", ["..", ".", "", "notes", "link", "/etc", "new/../new", "nothing"])
def test_what_is_no_model_of_that_folder_is_not_taken(opened: Served, name: str) -> None:
    answer = replaced_by(opened, name)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "no_such_candidate")


def test_whatever_fails_leaves_disk_and_server_as_they_were(
    opened: Served, own_run: Path, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_given: Any, **_more: Any) -> None:
        raise HistoryError("the disk is full")

    before = opened.station.model("part").now
    damaged = replaced_by(opened, "damaged")
    assert (damaged.status_code, damaged.json()["error"]["code"]) == (409, "candidate_unusable")
    monkeypatch.setattr(tuning, "note_change", fail)
    assert replaced_by(opened, "new").json()["error"]["code"] == "history_refused"
    assert opened.client.post("/api/models/part/reload").status_code == 500
    assert opened.station.model("part").now is before
    assert read_artifact(own_run).calibration == before.artifact.calibration
    assert [path.name for path in own_run.parent.iterdir() if path.name.startswith((".run", "run."))] == []
    assert opened.judge(photo).status_code == 200


def test_candidates_that_vanish_are_said_and_the_server_goes_on(
    opened: Served, own_run: Path, models: Path, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened.judge(photo)

    def vanish(run: Path, beside: Path) -> None:
        shutil.rmtree(run)
        shutil.copytree(run, beside)

    with monkeypatch.context() as patched:
        patched.setattr(replacing, "_copied", vanish)
        gone = replaced_by(opened, "new")
    assert (gone.status_code, gone.json()["error"]["code"]) == (409, "candidate_unusable")
    assert "has gone while it was copied" in gone.json()["error"]["message"]
    shutil.rmtree(models)
    for answer in (opened.client.get("/api/candidates"), replaced_by(opened, "new")):
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "folder_gone")
    assert opened.judge(photo).status_code == 200 and read_artifact(own_run)


def test_without_such_a_folder_it_is_said(open_server: OpenServer) -> None:
    server = open_server()
    assert server.get("/api/candidates")["candidates"] == []
    assert replaced_by(server, "new").json()["error"]["code"] == "no_candidates"
