"""Which pair and which level fired: raw values from Python, pictures from the command line."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

import blemish
from blemish.data.dataset import Dataset
from blemish.data.framing import Framing
from blemish.data.images import read_image
from blemish.errors import SettingsError
from blemish.inference.prediction import Prediction
from blemish.inference.predictor import Predictor
from blemish.inference.torch_runtime import TorchRuntime, rebuild
from blemish.model.artifact import read_artifact
from blemish.model.score import Score
from blemish.model.thresholds import UNCALIBRATED
from blemish.results.level_maps import (
    GAP,
    HEADING,
    LONGEST_SIDE,
    LevelMap,
    LevelMapFolder,
    angles_of,
    level_picture,
    rows_of,
)
from blemish.results.sinks import judge_into
from commands import blemish as command
from commands import one_line
from contract.two_stage import TwoStage, TwoStageSettings

NAMES = ["student_level1", "student_level2", "student_level3"]


@pytest.fixture(scope="module")
def run(parts: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "run"
    blemish.train("stpm", parts, folder, teacher="efficientnet_lite0", image_size=64, steps=4)
    return folder


@pytest.fixture(scope="module")
def predictor(run: Path) -> Predictor:
    return blemish.open(run, runtime="torch")


class Brightness:
    """A runtime that computes the map alone, as exports do."""

    def run(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        maps: NDArray[np.float32] = images.mean(axis=1)
        return maps


def test_a_photos_maps_are_the_detectors(predictor: Predictor, run: Path, parts: Dataset) -> None:
    photo = read_image(parts.test[0].image)
    maps = predictor.level_maps(parts.test[0].image)
    images = torch.from_numpy(photo).permute(2, 0, 1)[None].float() / 255
    detector = rebuild(read_artifact(run)).eval()
    with torch.no_grad():
        expected = detector.level_maps(images)
    assert list(maps) == list(expected) == NAMES
    assert [m.shape for m in maps.values()] == [(16, 16), (8, 8), (4, 4)]
    for name, values in maps.items():
        assert values == pytest.approx(expected[name][0, 0].numpy(), rel=1e-4, abs=1e-6)


def test_a_runtime_that_cannot_tell_says_which_can(parts: Dataset) -> None:
    runtime_alone = Predictor(Brightness(), Framing(image_size=(8, 8)), score=Score(), calibration=UNCALIBRATED)
    with pytest.raises(SettingsError, match=r"^exports compute the anomaly map alone: [^\n]*torch$"):
        runtime_alone.level_maps(parts.test[0].image)


def test_a_method_without_levels_is_named_before_any_photo_is_judged(tmp_path: Path) -> None:
    runtime = TorchRuntime(TwoStage(TwoStageSettings()), torch.device("cpu"))
    levelless = Predictor(runtime, Framing(image_size=(32, 32)), score=Score(), calibration=UNCALIBRATED)
    with pytest.raises(SettingsError, match=r"^TwoStage has no level maps"):
        LevelMapFolder(tmp_path, [tmp_path / "never_read.png"], levelless)


def test_angles_are_0_where_both_agree_90_where_they_are_perpendicular_and_180_where_opposite() -> None:
    angles = angles_of(np.array([0, 1 - np.cos(np.radians(10)), 1, 2, 2.0000002], np.float32))
    assert angles == pytest.approx([0, 10, 90, 180, 180], abs=0.01)


def test_a_colour_means_the_same_angle_whatever_else_is_on_the_photo() -> None:
    faint = np.full((4, 4), 0.1, np.float32)
    strong = faint.copy()
    strong[3, 3] = 0.9
    pictures = [
        LevelMap(student="student", level="level 1", values=values).heatmap((4, 4)) for values in (faint, strong)
    ]
    assert np.array_equal(pictures[0][:3, :3], pictures[1][:3, :3])
    assert pictures[1][3, 3].sum() > pictures[0][3, 3].sum()


def test_each_student_has_a_row_and_each_map_says_its_median_and_highest() -> None:
    one, other = np.array([[0, 0, 0.5]], np.float32), np.array([[1]], np.float32)
    rows = rows_of({"student_level1": one, "student_level2": other, "reconstruction_level1": other})
    assert [[(m.student, m.level) for m in row] for row in rows] == [
        [("student", "level 1"), ("student", "level 2")],
        [("reconstruction", "level 1")],
    ]
    assert rows[0][0].summary == "mostly 0°, highest 60°"


@pytest.mark.parametrize("size", [(300, 60), (40, 300), (64, 64), (1, 500)])
def test_the_picture_has_room_for_photos_of_any_shape(predictor: Predictor, size: tuple[int, int]) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    drawn = level_picture(predictor.predict(photo), photo, predictor.level_maps(photo))
    border = np.concatenate([drawn[:8].reshape(-1, 3), drawn[-4:].reshape(-1, 3), drawn[:, :8].reshape(-1, 3)])
    assert (border == 255).all(), "something is drawn over the edge"
    assert (drawn[:, -8:] == 255).all()
    assert (drawn != 255).any(axis=2).mean() > 0.02


def test_a_photo_of_12_bits_is_drawn_as_bright_as_the_same_photo_of_8(predictor: Predictor) -> None:
    eight = np.random.default_rng(0).integers(0, 256, (60, 60, 3), np.uint8)
    twelve = np.rint(eight * (4095 / 255)).astype(np.uint16)
    framing = replace(predictor.framing, white_level=4095, white_unknown=False)
    dark = {"student_level1": np.zeros((2, 2), np.float32)}
    camera = Predictor(predictor.runtime, framing, score=predictor.score, calibration=predictor.calibration)
    pictures = (
        level_picture(judging.predict(photo), photo, dark) for judging, photo in ((predictor, eight), (camera, twelve))
    )
    first, second = (drawn[:, : LONGEST_SIDE + GAP].astype(int) for drawn in pictures)  # the photo, not its map
    np.testing.assert_allclose(second[HEADING + GAP :], first[HEADING + GAP :], atol=2)


class Counting:
    """A runtime that counts the images of each kind of pass of another."""

    def __init__(self, runtime: Any) -> None:
        self.runtime, self.judged, self.explained = runtime, 0, 0

    def run(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        self.judged += len(images)
        maps: NDArray[np.float32] = self.runtime.run(images)
        return maps

    def run_with_levels(
        self, images: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]:
        self.explained += len(images)
        maps, levels = self.runtime.run_with_levels(images)
        return maps, levels


def test_verdict_and_level_maps_come_from_one_pass(predictor: Predictor, parts: Dataset, tmp_path: Path) -> None:
    photos = [sample.image for sample in parts.test[:3]]
    runtime = Counting(predictor.runtime)
    counting = Predictor(runtime, predictor.framing, score=predictor.score, calibration=predictor.calibration)
    folder = LevelMapFolder(tmp_path, photos, counting)  # asks with a picture of one pixel
    found = list(judge_into(counting, photos, [lambda: folder], level_maps=True))
    assert (runtime.judged, runtime.explained) == (0, 1 + len(photos))
    for plain, explained in zip(predictor.predict_many(photos), found, strict=True):
        assert isinstance(plain, Prediction)
        assert isinstance(explained, Prediction)
        assert np.array_equal(explained.anomaly_map, plain.anomaly_map)
        assert plain.level_maps == {}
    assert len(list(tmp_path.glob("*.tiff"))) == len(NAMES) * len(photos)


def test_predict_leaves_a_picture_and_the_raw_values_of_each_photo(
    run: Path, predictor: Predictor, parts: Dataset, tmp_path: Path
) -> None:
    photos = [sample.image for sample in parts.test[:2]]
    done = command("predict", run, *photos, "--output", tmp_path / "out", "--level-maps")
    assert done.code in (0, 1)
    assert done.err == []
    folder = tmp_path / "out" / "level_maps"
    stems = [photo.stem for photo in photos]
    assert len(set(stems)) == 2, "the test needs photos of two names"
    expected = {f"{stem}.png" for stem in stems} | {f"{stem}_{name}.tiff" for stem in stems for name in NAMES}
    assert {path.name for path in folder.iterdir()} == expected
    for photo in photos:
        for name, values in predictor.level_maps(photo).items():
            with Image.open(folder / f"{photo.stem}_{name}.tiff") as saved:
                assert np.array(saved) == pytest.approx(values, rel=1e-4, abs=1e-6)
    assert (tmp_path / "out" / "predictions.jsonl").exists()


def test_the_code_of_the_page_tells_how_far_each_level_is_above_good_photos(
    predictor: Predictor, parts: Dataset
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "see-what-fired.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    times_above = names["times_above"]
    good, other, bad = (sample.image for sample in (*parts.train[:2], parts.test[-1]))
    assert times_above(predictor, [good], good) == dict.fromkeys(NAMES, 1.0)
    alone, both = times_above(predictor, [good], bad), times_above(predictor, [good, other], bad)
    assert all(both[name] <= alone[name] for name in NAMES)
    assert both != alone


def test_level_maps_need_a_folder_to_lie_in(run: Path, parts: Dataset) -> None:
    one_line(command("predict", run, parts.test[0].image, "--level-maps"), "level maps", "--output")
