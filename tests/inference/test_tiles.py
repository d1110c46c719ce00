"""Photos judged in tiles: no seams, the same score wherever tiles lie, in bounded memory, in every runtime."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from blemish.data.drawn_regions import AskedInterest, read_drawn
from blemish.data.framing import Framing
from blemish.inference import open_predictor
from blemish.inference.predictor import Predictor
from blemish.inference.torch_runtime import TorchRuntime, rebuild
from blemish.model.artifact import read_artifact
from blemish.model.score import Score
from blemish.model.thresholds import UNCALIBRATED
from copies import copied

PERIOD = 32


class Seen:
    """A network whose map is how bright a pixel is, and that counts what it is given."""

    def __init__(self) -> None:
        self.batches: list[tuple[int, ...]] = []

    def run(self, images: np.ndarray) -> np.ndarray:
        self.batches.append(images.shape)
        return np.asarray(images.mean(1), np.float32)


def predictor(runtime: object, framing: Framing, score: Score | None = None) -> Predictor:
    return Predictor(runtime, framing, score=score or Score(), calibration=UNCALIBRATED)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def tiled(stpm_run: Path) -> Predictor:
    artifact = read_artifact(stpm_run)
    runtime = TorchRuntime(rebuild(artifact), torch.device("cpu"))
    return predictor(runtime, Framing(image_size=(256, 256), tile=256), artifact.score)


def texture(width: int) -> np.ndarray:
    """(160, width, 3) that repeats itself every PERIOD pixels."""
    one = np.random.default_rng(5).integers(90, 130, (PERIOD, PERIOD, 3), np.uint8)
    return np.tile(one, (160 // PERIOD, width // PERIOD, 1))


def test_a_texture_that_repeats_itself_shows_no_seam(tiled: Predictor) -> None:
    found = tiled.predict(texture(448)).anomaly_map
    middle = found[64:96, 64:-64].reshape(PERIOD, -1, PERIOD)
    assert len(tiled.framing.geometry((160, 448)).windows) == 4
    assert np.abs(middle / middle.mean(1, keepdims=True) - 1).max() < 0.03


def test_a_defect_scores_the_same_wherever_tiles_lie(tiled: Predictor) -> None:
    scores = []
    for left in (128, 160, 192, 224):  # a step of tiles, in steps of features
        photo = texture(448)
        photo[76:84, left + 12 : left + 20] = 240
        scores.append(tiled.predict(photo).anomaly_score)
    assert max(scores) < 1.03 * min(scores)
    assert min(scores) > 1.3 * tiled.predict(texture(448)).anomaly_score


def test_a_window_larger_than_tiles_gives_the_map_and_the_score_that_they_do(tiled: Predictor) -> None:
    photo = texture(448)
    photo[70:90, 200:220] = 240
    score = Score(kind="top_mean", share=0.002)
    found, larger = (
        predictor(tiled.runtime, replace(tiled.framing, window=window), score).predict(photo)
        for window in (None, (256, 544))
    )
    middle = found.anomaly_map[8:-8, 8:-8]
    assert np.abs(larger.anomaly_map[8:-8, 8:-8] - middle).max() < 0.03 * middle.max()
    assert larger.anomaly_score == pytest.approx(found.anomaly_score, rel=0.01)
    seen = Seen()
    predictor(seen, replace(tiled.framing, window=(256, 544))).predict(photo)
    assert seen.batches == [(1, 3, 256, 544)]


def test_tiles_come_to_the_network_a_few_at_a_time_and_the_map_is_the_photos() -> None:
    seen, framing = Seen(), Framing(image_size=(64, 128), tile=256, overlap=32)
    photo = np.random.default_rng(0).integers(0, 256, (1000, 4000, 3), np.uint8)
    found = predictor(seen, framing).predict(photo)
    frames = len(framing.geometry((1000, 4000)).windows)
    assert sum(batch[0] for batch in seen.batches) == frames > 300
    assert max(4 * math.prod(batch) for batch in seen.batches) <= 8 * 3 * 256 * 256 * 4
    assert found.anomaly_map.shape == (500, 2000)
    expected = photo.reshape(500, 2, 2000, 2, 3).mean((1, 3, 4)) / 255
    assert np.abs(found.anomaly_map - expected).mean() < 0.05  # Pillow's filter is wider than two pixels


def test_a_large_photo_does_not_dilute_a_small_defect() -> None:
    framing, score = Framing(image_size=(64, 64), tile=64, overlap=32), Score(kind="top_mean", share=0.01)
    scores = []
    for size in (64, 640):
        photo = np.full((size, size, 3), 20, np.uint8)
        photo[30:40, 30:40] = 220
        scores.append(predictor(Seen(), framing, score).predict(photo).anomaly_score)
    assert scores == pytest.approx([220 / 255] * 2, rel=1e-5)


def test_a_region_lies_in_the_photos_pixels() -> None:
    photo = np.full((300, 500, 3), 20, np.uint8)
    photo[200:220, 400:440] = 220
    found = predictor(Seen(), Framing(image_size=(64, 64), tile=128, overlap=32)).predict(photo)
    thresholds = replace(found.thresholds, image=0.3, pixel=0.3)
    (region,) = replace(found, thresholds=thresholds).regions
    assert np.abs(np.subtract(region.box, (400, 200, 440, 220))).max() <= 2
    assert found.photo_map.shape == (300, 500)


def test_every_runtime_sees_the_same_in_tiles(stpm_exported: Path, tmp_path: Path) -> None:
    model = copied(stpm_exported, tmp_path / "run")
    values = json.loads((model / "model.json").read_text())
    values["framing"] |= {"tile": 96, "overlap": 32}
    (model / "model.json").write_text(json.dumps(values))
    photo = np.random.default_rng(0).integers(0, 256, (150, 260, 3), np.uint8)
    first, *others = (open_predictor(model, runtime=name).predict(photo) for name in ("torch", "onnx", "openvino"))
    assert first.anomaly_map.shape == (100, 173)
    for other in others:
        assert other.anomaly_score == pytest.approx(first.anomaly_score, rel=1e-4)
        np.testing.assert_allclose(other.anomaly_map, first.anomaly_map, rtol=0, atol=1e-4 * first.anomaly_map.max())
    levels = open_predictor(model, runtime="torch").level_maps(photo)
    assert {name: level.shape for name, level in levels.items()} == {
        "student_level1": (25, 43),
        "student_level2": (12, 22),
        "student_level3": (6, 11),
    }
    finest = levels["student_level1"]
    assert np.isfinite(finest).all()
    assert finest.min() > 0


def test_records_without_tiles_are_read_and_wrong_ones_refused(stpm_run: Path, tmp_path: Path) -> None:
    model = copied(stpm_run, tmp_path / "run")
    values = json.loads((model / "model.json").read_text())
    kept = {name: values["framing"][name] for name in ("image_size", "white_level", "white_unknown")}
    (model / "model.json").write_text(json.dumps(values | {"framing": kept}))
    assert read_artifact(model).framing.tile is None
    for wrong in ({"tile": 5}, {"aspect": 0.0}, {"max_pixels": 0}, {"tile": 64, "overlap": 1}):
        (model / "model.json").write_text(json.dumps(values | {"framing": kept | wrong}))
        with pytest.raises(Exception, match="damaged or edited"):
            read_artifact(model)


@pytest.mark.parametrize("left", [0, 200, 900])
def test_tiles_outside_the_regions_are_not_computed_and_the_map_inside_is_the_same_bit_for_bit(left: int) -> None:
    framing, size = Framing(image_size=(64, 64), tile=64, overlap=32), (300, 1000)
    drawn = read_drawn(AskedInterest(roi=(f"strip={left},40,90,120",)))
    assert drawn is not None
    interest = drawn.on(size)
    photo = np.random.default_rng(left).integers(0, 256, (*size, 3), np.uint8)
    all_tiles, few = Seen(), Seen()
    whole = predictor(all_tiles, framing).predict(photo).anomaly_map
    found = Predictor(few, framing, score=Score(), calibration=UNCALIBRATED, interest=interest).predict(photo)
    inside = interest.inside(size)
    np.testing.assert_array_equal(found.anomaly_map[inside], whole[inside])
    assert not found.anomaly_map[~inside].any()
    assert found.anomaly_score == whole[inside].max()
    computed, everywhere = (sum(batch[0] for batch in seen.batches) for seen in (few, all_tiles))
    assert computed < everywhere / 5
    assert computed <= len(interest.windows(framing.geometry(size)))


def test_where_level_maps_are_asked_for_every_tile_is_computed(tiled: Predictor) -> None:
    drawn = read_drawn(AskedInterest(roi=("corner=0,0,20,20",)))
    assert drawn is not None
    framing = Framing(image_size=(64, 64), tile=64, overlap=32)
    photo = texture(160)
    small = [predictor(tiled.runtime, framing), predictor(tiled.runtime, framing)]
    small[1].interest = drawn.on((160, 160))
    whole, corner = (each.level_maps(photo) for each in small)
    for name, values in whole.items():
        np.testing.assert_array_equal(corner[name], values)
