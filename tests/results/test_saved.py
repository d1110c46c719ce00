"""Which pictures predicting leaves, and that those of an earlier prediction make way."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import blemish
from blemish.data.dataset import Dataset
from blemish.data.images import read_image, resize_map
from blemish.errors import DataError, SettingsError
from blemish.inference.prediction import Prediction
from blemish.model.thresholds import Thresholds
from blemish.results.folder import PredictionFolder
from blemish.results.saved import SAVED, saved

SCORES = {"good": 0.2, "checked": 0.45, "bad": 0.7}
VERDICTS = {"good": "normal", "checked": "check", "bad": "anomalous"}


def predicted(photo: Path, score: float) -> Prediction:
    anomaly_map = np.full((8, 12), score / 2, np.float32)
    anomaly_map[3, 5] = score
    return Prediction(
        image=photo,
        photo_size=(40, 60),
        anomaly_score=score,
        percentile=0.0,
        thresholds=Thresholds(image=0.5, pixel=0.5, check=0.4),
        provenance=None,
        judged_at=datetime(2026, 1, 2, tzinfo=UTC),
        anomaly_map=anomaly_map,
        photo=np.full((40, 60, 3), 90, np.uint8),
    )


def fill(out: Path, save: str, *, scores: dict[str, float] = SCORES, levels: bool = False) -> dict[str, dict[str, Any]]:
    """Returns the lines by the photos' names."""
    photos = [Path(f"{name}.png") for name in scores]
    folder = PredictionFolder(out, photos, save=save)
    for photo, score in zip(photos, scores.values(), strict=True):
        result = predicted(photo, score)
        folder.add(
            photo, replace(result, level_maps={"student_level1": np.ones((2, 2), np.float32)}) if levels else result
        )
    folder.close()
    lines = [json.loads(line) for line in (out / "predictions.jsonl").read_text().splitlines()]
    return {Path(line["image"]).stem: line for line in lines}


def pictures(out: Path) -> set[str]:
    return {str(path.relative_to(out)) for path in out.glob("*/*")}


@pytest.mark.parametrize(
    ("save", "maps", "overlays"),
    [
        ("overlays", [], ["checked", "bad"]),
        ("all-overlays", [], list(SCORES)),
        ("maps", list(SCORES), []),
        ("maps,overlays", list(SCORES), ["checked", "bad"]),
        ("none", [], []),
    ],
)
def test_what_is_asked_for_is_written_and_named_and_nothing_else(
    tmp_path: Path, save: str, maps: list[str], overlays: list[str]
) -> None:
    lines = fill(tmp_path, save)
    named = {name: line["map"] for name, line in lines.items()}
    drawn = {name: line["overlay"] for name, line in lines.items()}
    assert named == {name: f"maps/{name}.tiff" if name in maps else None for name in SCORES}
    assert drawn == {name: f"overlays/{name}.jpg" if name in overlays else None for name in SCORES}
    assert pictures(tmp_path) == {place for place in (*named.values(), *drawn.values()) if place is not None}
    assert {name: line["verdict"] for name, line in lines.items()} == VERDICTS
    table = (tmp_path / "predictions.csv").read_text().splitlines()
    assert len(table) == 1 + len(SCORES)


def test_a_map_is_read_again_to_the_digit_and_laid_on_its_photo(tmp_path: Path) -> None:
    line = fill(tmp_path, "maps")["bad"]
    result = predicted(Path("bad.png"), SCORES["bad"])
    np.testing.assert_array_equal(blemish.read_map(tmp_path / line["map"]), result.anomaly_map)
    assert (line["map_height"], line["map_width"]) == result.anomaly_map.shape
    laid = blemish.read_map(str(tmp_path / line["map"]), size=(line["height"], line["width"]))
    np.testing.assert_array_equal(laid, resize_map(result.anomaly_map, (40, 60)))
    wrong: list[Any] = [(0, 3), (3,), "ab", 3, (2.5, 3)]
    for size in wrong:
        with pytest.raises(SettingsError, match="two whole numbers"):
            blemish.read_map(tmp_path / line["map"], size=size)


@pytest.mark.parametrize("content", [b"", b"II*\0 and no more"])
def test_what_is_no_map_is_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "map.tiff").write_bytes(content)
    with pytest.raises(DataError, match=r"map\.tiff: is no anomaly map"):
        blemish.read_map(tmp_path / "map.tiff")


def test_a_picture_too_long_for_jpeg_is_a_png(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blemish.results.overlays._LONGEST_JPEG", 50)
    line = fill(tmp_path, "overlays")["bad"]
    assert line["overlay"] == "overlays/bad.png"
    assert read_image(tmp_path / line["overlay"]).shape[1] >= 60


def test_pictures_of_an_earlier_prediction_make_way_and_other_files_stay(tmp_path: Path) -> None:
    """Beside the lines of a new prediction they would say what nobody said of these photos."""
    fill(tmp_path, "all-overlays,maps", scores=SCORES | {"gone": 0.9}, levels=True)
    levels = tmp_path / "level_maps"
    levels.mkdir()
    for name in ("bad.png", "bad_student_level1.tiff", "mine.png"):
        (levels / name).touch()
    (tmp_path / "overlays" / "mine.jpg").touch()
    lines = fill(tmp_path, "overlays", scores={"good": 0.2, "bad": 0.2, "new": 0.7})
    assert pictures(tmp_path) == {"overlays/new.jpg", "overlays/mine.jpg", "level_maps/mine.png"}
    assert [line["overlay"] for line in lines.values()] == [None, None, "overlays/new.jpg"]


def test_pictures_go_whose_lines_a_killed_prediction_did_not_come_to_write(tmp_path: Path) -> None:
    for place in ("overlays/good.jpg", "overlays/mine.jpg", "maps/bad.tiff"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).touch()
    (tmp_path / "predictions.jsonl.part").write_text('{"image": "first.png", "overlay": "overl')
    fill(tmp_path, "none")
    assert pictures(tmp_path) == {"overlays/mine.jpg"}


def test_names_of_pictures_may_come_one_by_one_or_with_commas() -> None:
    assert saved("maps, overlays") == saved(["maps", "overlays"]) == {"maps", "overlays"}
    assert saved("none") == frozenset()


@pytest.mark.parametrize(("save", "word"), [("map", "all-overlays"), ("none,maps", "none"), ("", "unknown")])
def test_what_cannot_be_saved_is_refused_before_anything_is_judged(stpm_run: Path, save: str, word: str) -> None:
    with pytest.raises(SettingsError, match=word):
        blemish.predict(stpm_run, "nowhere.png", output="out", save=save)


def test_pictures_need_a_folder_to_lie_in(stpm_run: Path) -> None:
    with pytest.raises(SettingsError, match="--output"):
        blemish.predict(stpm_run, "nowhere.png", save="maps")


def test_judging_is_the_same_whatever_is_saved(stpm_run: Path, parts: Dataset, tmp_path: Path) -> None:
    photos = [sample.image for sample in parts.test[:6]]
    told = []
    for save in SAVED:
        for _ in blemish.predict(stpm_run, photos, output=tmp_path / save, save=save):
            pass
        lines = [json.loads(line) for line in (tmp_path / save / "predictions.jsonl").read_text().splitlines()]
        told.append(
            [{name: line[name] for name in line if name not in ("map", "overlay", "judged_at")} for line in lines]
        )
    assert all(other == told[0] for other in told)
