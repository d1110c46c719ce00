"""What would harm a user without a word gets one, in this process."""

import json
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import blemish
from blemish.cli.predict import predict
from blemish.cli.prune_history import prune_history
from blemish.cli.token import token
from blemish.data.dataset import Dataset
from blemish.data.images import read_image
from blemish.data.survey import survey
from blemish.errors import HistoryError, SettingsError
from blemish.model.artifact import read_artifact
from copies import copied


@pytest.fixture
def good(parts: Dataset, tmp_path: Path) -> Path:
    folder = tmp_path / "good"
    folder.mkdir()
    for sample in parts.train[:4]:
        shutil.copy(sample.image, folder)
    return folder


def test_photos_of_other_kinds_are_said_and_are_no_success(
    stpm_run: Path, good: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.heic", "b.gif", "c.jp2", "d.mp4"):
        (good / name).write_bytes(b"x")
    assert predict(stpm_run, good) in (1, 2)
    said = capsys.readouterr().err + caplog.text
    assert "4 files of other kinds: .gif (1), .heic (1), .jp2 (1), .mp4 (1)" in said


def test_an_unreadable_photo_hides_no_defect_from_the_exit_code(
    stpm_run: Path, good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (64, 64), "white").save(tmp_path / "white.png")
    (tmp_path / "broken.png").write_text("no picture")
    assert predict(stpm_run, tmp_path / "broken.png", tmp_path / "white.png") == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("blemish: some photos are not normal, which exit code 1")
    assert predict(stpm_run, tmp_path / "white.png") == 1
    judged = zip(sorted(good.iterdir()), blemish.predict(stpm_run, sorted(good.iterdir())), strict=True)
    normal = [photo for photo, found in judged if isinstance(found, blemish.Prediction) and found.verdict == "normal"]
    assert normal
    assert predict(stpm_run, tmp_path / "broken.png", normal[0]) == 2
    assert "exit code" not in capsys.readouterr().err


def test_what_was_predicted_first_into_a_folder_is_not_mixed_with_what_came_later(
    stpm_run: Path, good: Path, tmp_path: Path
) -> None:
    out, photos = tmp_path / "out", sorted(good.iterdir())
    save = "all-overlays,maps"
    predict(stpm_run, *photos[:3], output=out, save=save)
    assert len(list((out / "overlays").iterdir())) == 3
    predict(stpm_run, photos[3], output=out, save=save)
    lines = [json.loads(line) for line in (out / "predictions.jsonl").read_text().splitlines()]
    pictures = sorted(str(file.relative_to(out)) for kind in ("maps", "overlays") for file in (out / kind).iterdir())
    assert pictures == sorted(line[kind] for line in lines for kind in ("map", "overlay"))
    assert [line["image"] for line in lines] == [str(photos[3])]


def test_two_predictions_at_once_do_not_write_into_one_folder(stpm_run: Path, good: Path, tmp_path: Path) -> None:
    for number in range(36):
        shutil.copy(sorted(good.iterdir())[0], good / f"copy-{number}.png")
    photos = sorted(good.iterdir())
    first = blemish.predict(stpm_run, photos, output=tmp_path / "out")
    for _ in range(30):
        next(first)
    with pytest.raises(SettingsError, match="another prediction writes into"):
        list(blemish.predict(stpm_run, photos[:2], output=tmp_path / "out"))
    assert len(list(first)) == 10
    lines = [json.loads(line) for line in (tmp_path / "out" / "predictions.jsonl").read_text().splitlines()]
    assert [line["image"] for line in lines] == [str(photo) for photo in photos]
    assert len((tmp_path / "out" / "predictions.csv").read_text().splitlines()) == 41
    assert len(list(blemish.predict(stpm_run, photos[:2], output=tmp_path / "out"))) == 2


def test_what_is_not_asked_anew_stays_an_estimate(stpm_run: Path, tmp_path: Path) -> None:
    run = copied(stpm_run, tmp_path / "run")
    blemish.calibrate(run, estimate=True)
    blemish.calibrate(run, false_alarms=0.3)
    assert read_artifact(run).calibration.image.promised_rate is None
    blemish.calibrate(run, estimate=False)
    assert read_artifact(run).calibration.image.promised_rate is not None


def test_a_photo_much_larger_than_the_network_sees_is_said(
    stpm_run: Path, good: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    photo = Image.open(sorted(good.iterdir())[0]).resize((700, 700))
    photo.save(tmp_path / "large.png")
    with caplog.at_level(logging.WARNING, "blemish"):
        list(blemish.predict(stpm_run, [tmp_path / "large.png", *sorted(good.iterdir())]))
    (line,) = [record.getMessage() for record in caplog.records if "shrunk" in record.getMessage()]
    assert line.startswith("shrunk: 1 of 5, such as 700x700, to 64x64")
    assert "a defect smaller than about 11 pixels of the photo is less than one pixel there, and not seen" in line


def test_dark_photos_are_said_before_anything_is_learned_from_them(good: Path) -> None:
    photos = sorted(good.iterdir())
    for number, path in enumerate(photos[:2]):
        pixels = (read_image(path).astype(float) * 0.1).astype(np.uint8)
        pixels[0, 0] = 255  # one bright spot makes no photo bright
        Image.fromarray(pixels).save(good / f"dark{number}.png")
    lines = survey([*photos, good / "dark0.png", good / "dark1.png"], decode=True).lines()
    assert [
        line for line in lines if line.startswith(f"dark: 2 of 6, such as {good / 'dark0.png'}, are below an eighth")
    ]
    assert not any(line.startswith("dark") for line in survey(photos, decode=True).lines())


def test_a_model_is_refused_in_a_folder_above_its_photos(good: Path) -> None:
    with pytest.raises(SettingsError, match=r"holds the folder of photos .*good: give the model a folder of its own"):
        blemish.train("stpm", good, good.parent, steps=1)
    assert {path.name for path in good.parent.iterdir()} == {"good"}


def test_a_folder_or_history_that_is_not_there_is_no_success_and_is_not_made(tmp_path: Path) -> None:
    typo = tmp_path / "typo.db"
    with pytest.raises(HistoryError, match="there is no history in"):
        token("eva", revoke=True, history=str(typo))
    assert not typo.exists()
    token("eva", history=str(typo))
    with pytest.raises(SettingsError, match=r"keep_photos: .* is no folder"):
        prune_history(history=str(typo), keep_photos=tmp_path / "nowhere", megabytes=1)


def test_a_history_that_fails_is_not_called_a_table_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> list[object]:
        raise HistoryError("the history cannot be used")

    token("eva", history=str(tmp_path / "history.db"))
    monkeypatch.setattr("blemish.history.tables._chunks", fail)
    with pytest.raises(HistoryError, match=r"^the history cannot be used$"):
        blemish.export_history(tmp_path / "table.csv", history=tmp_path / "history.db")
    assert not (tmp_path / "table.csv").exists()
