"""Without a method's name, the default is trained, by command and in Python alike; whoever meant something else hears
so."""

import logging
from pathlib import Path
from typing import Any

import pytest

import blemish
from blemish.data.dataset import Dataset
from blemish.detectors import DEFAULT_METHOD, DETECTORS
from blemish.errors import DataError, SettingsError
from blemish.training.run_file import read_run_file
from commands import QUICK, one_line
from commands import blemish as command


def test_a_command_without_a_method_trains_the_default_and_says_which(parts: Dataset, tmp_path: Path) -> None:
    run = tmp_path / "run"
    done = command("train", parts.train[0].image.parent, run, *QUICK, "--seed", "3", "--judges", "decoder")
    assert done.code == 0, done.err
    assert done.err[0].startswith(f"method: {DEFAULT_METHOD}, as none is named (there are also ")
    told = read_run_file(run / "run.json")
    assert (told.method, told.settings.steps, told.training.seed) == (DEFAULT_METHOD, 2, 3)
    assert told.settings.to_json()["judges"] == "decoder"
    one_line(command("train", "--from", run / "run.json", tmp_path / "new", "--seed", "4"), "leave them out")
    assert command("train", "--from", run / "run.json", tmp_path / "new", "--steps", "3").code == 0
    longer = read_run_file(tmp_path / "new" / "run.json")
    assert (longer.settings.steps, longer.settings.to_json()["judges"], longer.training.seed) == (3, "decoder", 3)


def test_python_takes_photos_and_a_folder_and_the_methods_own_batch_and_light(
    parts: Dataset, tmp_path: Path, seeded_resnet18: Path, caplog: pytest.LogCaptureFixture
) -> None:
    photos, quick = Dataset(name="x", root=parts.root, train=parts.train[:6]), {"image_size": 32, "steps": 1}
    settings: Any = {**quick, "judges": "decoder", "teacher_weights": seeded_resnet18}
    with caplog.at_level(logging.INFO, logger="blemish"):
        artifact = blemish.train(photos, tmp_path / "run", **settings)
    assert artifact.method == DEFAULT_METHOD
    decided = {**DETECTORS[DEFAULT_METHOD].training_defaults, "align": False}  # so few photos are left as they lie
    assert artifact.training.settings.items() >= decided.items()
    assert (artifact.training.settings["light"], artifact.training.settings["pose"]) == ("mild", "off")
    assert (
        "photos vary in training: brightness x0.90 to x1.12 (light mild); the teacher looks at 8 views" in caplog.text
    )
    with pytest.raises(SettingsError, match=r"setting light cannot be 1\.0: it must be .*mild"):
        blemish.train(photos, tmp_path / "other", light=1.0, **settings)
    assert f"method: {DEFAULT_METHOD}" in caplog.text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("stmp", "photos", "run"), "method 'stmp' is unknown: give one of mend, stpm, rstpm, destseg, or none"),
        (("photos",), "give PHOTOS RUN"),
        (("a", "b", "c", "d"), "give PHOTOS RUN"),
    ],
)
def test_other_numbers_of_folders_get_a_line(words: tuple[str, ...], said: str) -> None:
    one_line(command("train", *words), said)


def test_a_methods_name_is_no_folder_of_photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match=r"method, photos and a folder .* may be \./stpm"):
        blemish.train("stpm", "photos")
    with pytest.raises(DataError, match="stpm: no such folder"):
        blemish.train("./stpm", "run")
    with pytest.raises(SettingsError, match="photos of good parts and a folder"):
        blemish.train("photos")
