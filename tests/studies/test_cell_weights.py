"""Weights of teachers are a part of what a benchmark's cell is known by, wherever they lie."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from blemish import api
from blemish.data.dataset import Dataset
from blemish.errors import DataError
from blemish.model.artifact import file_sha256, read_artifact
from blemish.studies.cell import Cell, limited, measure_cell, measured_cell

SETTINGS = {"image_size": 64, "steps": 2}


def test_teachers_weights_that_are_found_decide_the_key_unless_they_are_the_official_ones(
    parts: Dataset, seeded_resnet18: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = Cell(method="stpm", category=None, seed=0, found=limited(parts, 6), settings=SETTINGS)
    other = load_file(seeded_resnet18)
    other["conv1.weight"] *= 1.01
    for folder in ("seeded", "other"):
        (tmp_path / folder).mkdir()
    shutil.copy(seeded_resnet18, tmp_path / "seeded" / "resnet18.safetensors")
    save_file(other, tmp_path / "other" / "resnet18.safetensors")

    def measured(weights: str) -> str:
        monkeypatch.setenv("BLEMISH_WEIGHTS", str(tmp_path / weights))
        result = measured_cell(cell, tmp_path) or measure_cell(cell, tmp_path, train=api.train, evaluate=api.evaluate)
        (teacher,) = read_artifact(tmp_path / "runs" / result.name).teachers
        assert teacher.sha256 == file_sha256(tmp_path / weights / "resnet18.safetensors")
        return result.key

    keys = [measured(weights) for weights in ("seeded", "other", "seeded", "other")]
    assert keys[0] == keys[2] != keys[1] == keys[3]
    assert len(list((tmp_path / "cells").iterdir())) == 2
    monkeypatch.delenv("BLEMISH_WEIGHTS")
    assert cell.key == cell.key_before


def test_a_cell_of_before_found_weights_counted_is_good_for_those_that_it_was_measured_with(
    parts: Dataset, seeded_resnet18: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLEMISH_WEIGHTS", str(seeded_resnet18.parent))
    cell = Cell(method="stpm", category=None, seed=0, found=limited(parts, 6), settings=SETTINGS)
    with monkeypatch.context() as patch:
        patch.setattr(Cell, "key", Cell.key_before)
        before = measure_cell(cell, tmp_path, train=api.train, evaluate=api.evaluate)
    assert before.key == cell.key_before != cell.key
    assert measured_cell(cell, tmp_path) == before
    monkeypatch.delenv("BLEMISH_WEIGHTS")
    assert cell.key == before.key
    assert measured_cell(cell, tmp_path) is None, "its model says that it has not learned from the official weights"
    asked = list[dict[str, Any]]()

    def train(*_: Any, **options: Any) -> None:
        asked.append(options)
        raise DataError("as if there were no network")

    with pytest.raises(DataError):
        measure_cell(cell, tmp_path, train=train, evaluate=api.evaluate)
    assert asked[0]["overwrite"] is True


def test_teachers_weights_count_by_what_is_in_them_wherever_they_lie(parts: Dataset, tmp_path: Path) -> None:
    keys = []
    for folder, content in (("a", b"123"), ("b", b"124"), ("c", b"123")):
        weights = tmp_path / folder / "resnet18.pth"
        weights.parent.mkdir()
        weights.write_bytes(content)
        settings = {"teacher_weights": (weights,)}
        keys.append(Cell(method="stpm", category=None, seed=0, found=parts, settings=settings).key)
    assert keys[0] == keys[2] != keys[1]
    weights.write_bytes(b"4567")
    assert Cell(method="stpm", category=None, seed=0, found=parts, settings=settings).key not in keys
