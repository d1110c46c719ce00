"""Training on a part of the photos: what is learned from, what is kept, what is refused."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

import blemish
from blemish.calibration.region_scales import SCALED_BY
from blemish.cli import app
from blemish.data.dataset import Dataset
from blemish.errors import BlemishError, SettingsError
from blemish.inference.prediction import Prediction
from blemish.model.artifact import read_artifact
from blemish.training.inside import checksum_of, draw_inside
from blemish.training.run_file import read_run_file
from once import MadeOnce

SIZE = (64, 64)


@pytest.fixture(scope="session")
def hole_run(parts: Dataset, made_once: MadeOnce, seeded_resnet18: Path) -> Path:
    """A small model that looks at a hole and a rim alone."""

    def train(folder: Path) -> None:
        words = ["train", "stpm", str(parts.root), str(folder), "--teacher-weights", str(seeded_resnet18)]
        words += ["--image-size", "64", "--steps", "2", "--held-out", "0.3", "--ignore", "0,0,64,4", "--border", "2"]
        words += ["--region-thresholds", "own", "--light", "mild", "--pose", "mild"]
        with pytest.raises(SystemExit, match="0"):
            app([*words, "--roi", "hole=20,0,16,40", "--roi", "rim=50,8,10,40"])

    return made_once("hole", train)


def test_a_model_keeps_its_regions_and_run_json_what_was_asked(hole_run: Path) -> None:
    interest = read_artifact(hole_run).interest
    assert interest is not None
    assert (interest.names, interest.size) == (("hole", "rim"), SIZE)
    hole, rim = interest.masks(SIZE).values()
    assert (hole.sum(), rim.sum()) == (16 * 36, 10 * 40)
    asked = read_run_file(hole_run / "run.json").interest
    assert (asked.roi, asked.border) == (("hole=20,0,16,40", "rim=50,8,10,40"), 2)


def test_calibration_and_verdicts_are_of_the_regions(hole_run: Path, parts: Dataset) -> None:
    predictor = blemish.open(hole_run)
    photo = parts.test[0].image
    found = predictor.predict(photo)
    assert isinstance(found, Prediction)
    assert found.inside is not None
    assert (found.anomaly_map[~found.inside] == 0).all()
    assert found.anomaly_score == pytest.approx(found.anomaly_map.max())
    assert [entry["name"] for entry in found.to_json()["regions_of_interest"]] == ["hole", "rim"]
    interest, predictor.interest = predictor.interest, None
    whole = predictor.predict(photo)
    assert interest is not None
    assert whole.anomaly_score > found.anomaly_score
    assert {whole.anomaly_map[mask].max() for mask in interest.masks(SIZE).values()} == {*found.region_scores.values()}


def test_thresholds_of_their_own_are_one_threshold_on_scales_from_photos_trained_on(
    hole_run: Path, parts: Dataset
) -> None:
    interest = read_artifact(hole_run).interest
    assert interest is not None
    scales = {region.name: region.scale for region in interest.regions}
    assert max(scales.values()) == 1 > min(scales.values()) > 0.01
    predictor = blemish.open(hole_run)
    for sample in parts.test[:3]:
        found = predictor.predict(sample.image)
        ratios = {name: score / found.region_thresholds[name] for name, score in found.region_scores.items()}
        assert found.anomaly_score == pytest.approx(found.threshold * max(ratios.values()))
        assert (found.anomaly_score > found.threshold) == any(ratio > 1 for ratio in ratios.values())
    record = read_artifact(hole_run).training
    learned = [Path(photo.file) for photo in record.photos[record.validation : record.calibrated_from]]
    scores = [p.region_scores for p in predictor.predict_many(learned) if isinstance(p, Prediction)]
    highest = {name: np.quantile([score[name] for score in scores], SCALED_BY) for name in scales}
    for name, scale in scales.items():
        assert scale == pytest.approx(highest[name] / max(highest.values()), rel=1e-4)


def test_a_model_without_regions_says_nothing_of_them_in_model_json(stpm_run: Path) -> None:
    values = json.loads((stpm_run / "model.json").read_text())
    assert values.pop("interest") is None
    assert read_artifact(stpm_run).interest is None


def test_synthetic_defects_lie_inside_and_leave_the_rest_as_it_was() -> None:
    def paint(clean: Tensor, textures: Tensor, _generator: Generator) -> tuple[Tensor, Tensor]:
        assert clean.shape == textures.shape == (2, 3, 16, 20)
        return textures, torch.ones_like(clean[:, :1])

    inside = np.zeros((2, 32, 40), np.bool_)
    inside[0, 4:8, 30:40] = True
    inside[1, 28:32, 2:12] = True  # as in another tile of a photo
    clean, textures = torch.zeros(2, 3, 32, 40), torch.ones(2, 3, 32, 40)
    images, masks = draw_inside(paint, clean, textures, Generator(), inside=inside)
    assert torch.equal(masks, torch.from_numpy(inside[:, None]).float())
    assert torch.equal(images, masks.expand(-1, 3, -1, -1))


def test_a_checkpoint_of_other_regions_is_not_gone_on_from(hole_run: Path) -> None:
    interest = read_artifact(hole_run).interest
    assert interest is not None
    assert checksum_of(None) is None
    assert checksum_of(interest) != checksum_of(replace(interest, regions=interest.regions[:1]))


def refuse(parts: Dataset, run: Path, teacher: Path, **asked: Any) -> str:
    with pytest.raises(BlemishError) as caught:
        blemish.train("stpm", parts, run, teacher_weights=teacher, **{"image_size": 64, "steps": 1, **asked})
    assert not (run / "model.json").exists()
    return str(caught.value)


def test_regions_that_fit_no_photo_are_refused(parts: Dataset, tmp_path: Path, seeded_resnet18: Path) -> None:
    run = tmp_path / "run"
    assert "outside photos of 64x64" in refuse(parts, run, seeded_resnet18, roi="40,40,30,10")
    assert "everything is ignored" in refuse(parts, run, seeded_resnet18, ignore="0,0,64,64")
    assert "two regions of interest or more" in refuse(
        parts, run, seeded_resnet18, roi="4,4,30,10", region_thresholds="own"
    )
    assert "less than a pixel" in refuse(parts, run, seeded_resnet18, roi="40,40,1,1", image_size=32)
    with pytest.raises(SettingsError, match="turn or mirror"):
        blemish.train(parts, run, teacher_weights=seeded_resnet18, steps=1, image_size=64, border=4, lie="any")
