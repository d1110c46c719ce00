"""Trainings on tiles: divided by photo, stepped by tile, the same interrupted or with less memory."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

import blemish
from blemish.data.dataset import Dataset
from blemish.data.drawn_regions import AskedInterest, read_drawn
from blemish.data.framing import Framing
from blemish.detectors.settings import AreaSize, image_size_of
from blemish.errors import SettingsError
from blemish.inference import open_predictor
from blemish.model.artifact import read_artifact
from blemish.progress import Progress
from blemish.synthesis.variation import LIGHTS
from blemish.training.photo_store import PhotoStore
from blemish.training.run_file import read_run_file
from blemish.training.texture_store import some_of_frames

REGION = "hole=8,8,24,20"


@pytest.fixture(scope="module")
def large(parts: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six photos of 128x96 (width x height), each of several parts, and one that is higher."""
    folder = tmp_path_factory.mktemp("large")
    pictures = [np.array(Image.open(sample.image)) for sample in parts.train[:14]]
    for i in range(6):
        photo = np.vstack([np.hstack(pictures[i : i + 2]), np.hstack(pictures[i + 4 : i + 6])])
        Image.fromarray(photo[: 128 if i == 3 else 96]).save(folder / f"{i}.png")
    return folder


@pytest.fixture(scope="module")
def alike(large: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, all of one size."""
    folder = tmp_path_factory.mktemp("alike")
    for path in large.iterdir():
        Image.fromarray(np.array(Image.open(path))[:96]).save(folder / path.name)
    return folder


def train(large: Path, run: Path, teacher: Path, **options: Any) -> dict[str, np.ndarray]:
    settings = {"image_size": 64, "tiles": 64, "overlap": 32, "steps": 3, "batch_size": 4, "checkpoint_every": 2}
    blemish.train("stpm", large, run, teacher_weights=teacher, patience=None, keep="last", **(settings | options))
    return dict(load_file(run / "weights.safetensors"))


def test_a_training_on_tiles_is_the_same_interrupted_and_of_less_memory(
    large: Path, tmp_path: Path, seeded_resnet18: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="blemish"):
        whole = train(large, tmp_path / "whole", seeded_resnet18)
    assert "tiles: a photo of 128x96 is seen in 12 tiles of 64x64 pixels" in caplog.text

    def fail(progress: Progress) -> None:
        if progress.activity == "student" and progress.done == 2:
            raise RuntimeError("as if the power had gone")

    with pytest.raises(RuntimeError):
        train(large, tmp_path / "run", seeded_resnet18, on_progress=fail)
    with pytest.raises(SettingsError, match="tiles was 64, is none"):
        train(large, tmp_path / "run", seeded_resnet18, resume=True, tiles="off")
    resumed = train(large, tmp_path / "run", seeded_resnet18, resume=True)
    for name, value in whole.items():
        np.testing.assert_array_equal(resumed[name], value)
    model = open_predictor(tmp_path / "run", runtime="torch")
    assert (model.framing.tile, model.framing.overlap, model.framing.aspect) == (64, 32, None)
    assert model.predict(large / "0.png").anomaly_map.shape == (96, 128)
    told = read_run_file(tmp_path / "run" / "run.json")
    assert (told.training.tiles, told.settings.image_size) == (64, (64, 64))


def test_frames_are_those_of_the_canvas_held_or_read_again(large: Path) -> None:
    paths, framing = sorted(large.iterdir()), Framing(image_size=(64, 64), tile=64, overlap=32)
    held, again = (PhotoStore(paths, framing, budget=budget, workers=2) for budget in (10**9, 150_000))
    for store in (held, again):
        store.load(lambda _done, _of: None)
    assert 0 < again.bytes_in_memory <= 150_000 < held.bytes_in_memory
    every = held.frames_of(np.arange(6))
    assert len(every) == held.frames_before(6) == 5 * 12 + 16
    np.testing.assert_array_equal(held.frames_of(np.array([3])), np.arange(36, 52))
    mixed = np.random.default_rng(0).permutation(every)
    np.testing.assert_array_equal(held.read(mixed), again.read(mixed))
    np.testing.assert_array_equal(held.read(np.array([40]))[0], held.framed(3).canvas[32:96, :64])
    some = some_of_frames(held, np.array([1, 3]), most=3)
    assert some.tolist() == [12, 38, 51]
    held.close()
    again.close()


def test_photos_of_a_shape_of_their_own_are_trained_on_in_it(
    large: Path, tmp_path: Path, seeded_resnet18: Path
) -> None:
    train(large, tmp_path / "run", seeded_resnet18, tiles="off", image_size=128, steps=1)
    framing = open_predictor(tmp_path / "run", runtime="torch").framing
    assert framing.image_size == (96, 128)
    assert framing.aspect == 128 / 96
    assert framing.map_size((128, 128)) == (96, 96)
    told = read_run_file(tmp_path / "run" / "run.json")
    assert told.settings.image_size == (96, 128)
    assert not isinstance(told.settings.image_size, AreaSize)  # trained again, it stays as it was
    assert isinstance(image_size_of(96), AreaSize)
    assert not isinstance(image_size_of((96, 96)), AreaSize)


def test_of_a_region_of_interest_the_tiles_that_hold_some_of_it_are_learned_from(alike: Path) -> None:
    drawn = read_drawn(AskedInterest(roi=(REGION,)))
    assert drawn is not None
    interest, framing = drawn.on((96, 128)), Framing(image_size=(64, 64), tile=64, overlap=32)
    paths = sorted(alike.iterdir())
    whole, store = (PhotoStore(paths, framing, budget=10**9, workers=1) for _ in range(2))
    for each in (whole, store):
        each.load(lambda _done, _of: None)
    store.look_inside(interest)
    every, kept = whole.frames_of(np.arange(6)), store.frames_of(np.arange(6))
    assert (len(every), len(kept)) == (6 * 12, 6 * 4)
    inside = store.inside(kept)
    assert inside is not None
    assert whole.inside(every) is None
    assert inside.any(axis=(1, 2)).all()
    top, left = framing.geometry((96, 128)).origin
    first, _, _, last = inside[:4]
    np.testing.assert_array_equal(np.argwhere(first).min(0), (top + 8, left + 8))
    np.testing.assert_array_equal(last, np.pad(first[32:, 32:], [(0, 32), (0, 32)]))
    np.testing.assert_array_equal(store.read(kept[:4]), whole.read(np.array([0, 1, 4, 5])))
    whole.close()
    store.close()


def test_a_defect_outside_the_region_in_a_far_tile_changes_no_score(
    alike: Path, tmp_path: Path, seeded_resnet18: Path
) -> None:
    options: dict[str, Any] = {"image_size": 64, "tiles": 64, "overlap": 32, "steps": 2, "batch_size": 4, "roi": REGION}
    blemish.train("mend", alike, tmp_path / "run", teacher_weights=seeded_resnet18, **options)
    model = open_predictor(tmp_path / "run", runtime="torch")
    photo = np.array(Image.open(alike / "0.png"))
    far, near = photo.copy(), photo.copy()
    far[60:90, 90:120] = (255, 0, 255)
    near[12:20, 12:20] = (255, 0, 255)
    first, same, other = (model.predict(each) for each in (photo, far, near))
    assert np.isfinite(first.anomaly_score)
    assert (same.anomaly_score, same.region_scores) == (first.anomaly_score, first.region_scores)
    np.testing.assert_array_equal(same.anomaly_map, first.anomaly_map)
    assert same.regions == first.regions
    assert other.anomaly_score != first.anomaly_score
    assert first.inside is not None
    assert not first.anomaly_map[~first.inside].any()
    model.interest = None
    assert (model.predict(far).anomaly_map != model.predict(photo).anomaly_map).any()


def test_what_was_trained_in_tiles_judges_in_windows_and_says_so(
    parts: Dataset, tmp_path: Path, seeded_resnet18: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for place, sample in enumerate(parts.train[:3]):
        photo = np.tile(np.array(Image.open(sample.image)), (6, 6, 1))[:320, :384]
        Image.fromarray(photo).save(tmp_path / f"{place}.png")
    settings = {"image_size": 256, "tiles": 256, "overlap": 128, "steps": 1, "batch_size": 1, "light": "mild"}
    with caplog.at_level("INFO", logger="blemish"):
        train(tmp_path, tmp_path / "run", seeded_resnet18, **settings)
    artifact = read_artifact(tmp_path / "run")
    assert artifact.framing.image_size == (256, 256)
    assert artifact.framing.window == (416, 480)
    assert "photos are judged in windows of 480x416 (width x height)" in caplog.text
    assert "in tiles it would compute 3.0 times as many" in caplog.text
    assert artifact.usual.light == LIGHTS["mild"].gain
    predictor = open_predictor(tmp_path / "run", runtime="torch")
    known = predictor.predict(artifact.training.photos[-1].file).anomaly_score
    assert artifact.calibration.scores == pytest.approx([known], rel=1e-5)
