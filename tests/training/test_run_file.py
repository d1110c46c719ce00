"""run.json trains the same again."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import blemish
from blemish.data.dataset import Dataset
from blemish.detectors.mend import MendSettings
from blemish.detectors.stpm import STPMSettings
from blemish.errors import ArtifactError
from blemish.model.artifact import read_artifact
from blemish.training.run_file import RunFile, read_run_file, write_run_file
from blemish.training.settings import TrainingSettings
from commands import QUICK, one_line
from commands import blemish as command


def test_a_training_is_repeated_from_its_run_json(parts: Dataset, tmp_path: Path) -> None:
    good, first, again = parts.train[0].image.parent, tmp_path / "first", tmp_path / "again"
    varied = ("--light", "mild", "--pose", "strong")
    done = command("train", "stpm", good, first, *QUICK, *varied, "--seed", "5", "--recipe", "paper")
    assert done.code == 0
    assert any("(light mild), moved by up to 6.2% of their sides" in line for line in done.err)
    assert command("train", "--from", first / "run.json", again).code == 0
    assert read_artifact(again).weights_sha256 == read_artifact(first).weights_sha256
    records = [json.loads((run / "run.json").read_text()) for run in (first, again)]
    assert records[0] == records[1]
    for settings in (records[0]["training"], read_artifact(again).training.settings):
        assert (settings["light"], settings["pose"]) == ("mild", "strong")
    assert (records[0]["method"], records[0]["training"]["seed"]) == ("stpm", 5)
    told = {"recipe": "paper", "learning_rate": 0.4, "weight_decay": 1e-4, "patience": None, "keep": "best"}
    assert told.items() <= records[0]["settings"].items(), "what the recipe decided is a part of what was told"
    assert records[0]["settings"] == read_artifact(first).settings
    one_line(command("train", "--from", first / "run.json"), "already holds a trained model", "--overwrite")


def test_python_writes_the_same(parts: Dataset, tmp_path: Path) -> None:
    quick: Any = {"teacher": "efficientnet_lite0", "image_size": 32, "steps": 1, "batch_size": 4}
    blemish.train("stpm", parts.train[0].image.parent, tmp_path / "run", **quick)
    found = read_run_file(tmp_path / "run" / "run.json")
    assert found.settings == STPMSettings.from_json(read_artifact(tmp_path / "run").settings)
    assert found.origin is not None
    assert found.origin.root == parts.train[0].image.parent
    photos = Dataset(name="folder", root=tmp_path, train=parts.train[:4])
    blemish.train("stpm", photos, tmp_path / "other", **quick)
    assert read_run_file(tmp_path / "other" / "run.json").origin is None
    one_line(
        command("train", "--from", tmp_path / "other" / "run.json", tmp_path / "new"), "which a program handed over"
    )


def test_a_folder_of_textures_means_the_same_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = RunFile(
        method="mend",
        settings=MendSettings(textures="tex"),
        training=TrainingSettings(),
        teacher_weights=(),
        origin=None,
    )
    monkeypatch.chdir(tmp_path)
    write_run_file(told, tmp_path)
    assert read_run_file(tmp_path / "run.json").settings == MendSettings(textures=str(tmp_path / "tex"))
    write_run_file(replace(told, settings=MendSettings()), tmp_path)
    assert read_run_file(tmp_path / "run.json").settings == MendSettings()


@pytest.mark.parametrize(("before", "now"), [(0.0, "off"), (1.0, "strong"), (None, "off")])
def test_a_factor_of_light_among_a_methods_settings_means_what_it_meant(
    tmp_path: Path, before: float | None, now: str
) -> None:
    """As run.json had it while light was a setting of Mend's alone."""
    settings = {"steps": 7} if before is None else {"steps": 7, "light": before}
    told = {"format_version": 1, "method": "mend", "photos": None, "training": {"seed": 3}, "teacher_weights": []}
    (tmp_path / "run.json").write_text(json.dumps(told | {"settings": settings}))
    found = read_run_file(tmp_path / "run.json")
    assert (found.training.light, found.training.seed, found.settings.steps) == (now, 3, 7)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no JSON"),
        ("[]", r"is not the run\.json of a training"),
        ('{"format_version": 1}', r"run\.method is missing"),
        ('{"format_version": 1, "method": "no", "photos": null, "settings": {}}', r"run\.training is missing"),
        (
            '{"format_version": 1, "method": "no", "photos": {"root": 7}, "settings": {}, "training": {}, '
            '"teacher_weights": []}',
            r"run\.photos\.root",
        ),
    ],
)
def test_what_is_no_run_json_is_refused_in_a_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(ArtifactError, match=said):
        read_run_file(tmp_path / "run.json")
    with pytest.raises(ArtifactError, match="cannot be read"):
        read_run_file(tmp_path / "nowhere.json")


def test_a_folder_in_place_of_its_run_json_is_refused_with_the_file_to_name(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"is a folder: give the file that training left in it, .*run\.json$"):
        read_run_file(tmp_path)


def test_a_method_that_is_not_there_is_named(tmp_path: Path) -> None:
    one_line(command("train", "stpn", tmp_path, tmp_path / "run"), "method 'stpn' is unknown", "stpm")
    one_line(command("train"), "METHOD PHOTOS RUN", "--from")
