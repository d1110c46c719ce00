"""Where a defect lies on the photo, its box, its mask and its overlay lie, whatever the photo's shape."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from blemish.calibration.promise import calibration_of
from blemish.data.framing import Framing
from blemish.data.images import read_image, save_png
from blemish.inference.prediction import Prediction
from blemish.inference.predictor import Predictor
from blemish.model.score import Score
from blemish.networks.discrepancy import distances, interpolate_map, multiply_maps, unit_vectors
from blemish.networks.teacher import Teacher
from blemish.results.folder import PredictionFolder
from blemish.results.overlays import MARK_LINE

PHOTOS = {"square": (900, 900), "tall": (1600, 400), "wide": (333, 777), "small": (120, 90), "line scan": (60, 3000)}


class Brightness:
    """A runtime whose map is the grey value, 0 to 1."""

    def run(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        maps: NDArray[np.float32] = images.mean(axis=1)
        return maps


@pytest.mark.parametrize("image_size", [(256, 256), (256, 512), (512, 256)])
@pytest.mark.parametrize("shape", PHOTOS)
def test_the_box_is_where_the_defect_is_within_a_hundredth_of_the_photo(
    shape: str, image_size: tuple[int, int], tmp_path: Path
) -> None:
    height, width = PHOTOS[shape]
    top, bottom, left, right = round(0.2 * height), round(0.35 * height), round(0.55 * width), round(0.8 * width)
    photo = np.zeros((height, width, 3), np.uint8)
    photo[top:bottom, left:right] = 255
    save_png(tmp_path / "photo.png", photo)
    levels = np.linspace(0.05, 0.25, 50).tolist()  # half way from there to 1, in logarithms, is the middle of an edge
    predictor = Predictor(
        Brightness(),
        Framing(image_size=image_size),
        score=Score(),
        calibration=calibration_of(levels, levels, false_alarm_rate=0.05),
    )
    folder = PredictionFolder(tmp_path / "out", [tmp_path / "photo.png"])
    prediction = predictor.predict(tmp_path / "photo.png")
    folder.add(tmp_path / "photo.png", prediction)
    folder.close()
    line = json.loads((tmp_path / "out" / "predictions.jsonl").read_text())
    (region,) = line["regions"]
    sides = (width, height, width, height)
    for found, true, side in zip(region["box"], (left, top, right, bottom), sides, strict=True):
        assert abs(found - true) <= max(0.01 * side, 1)
    _check_centre(region["centroid"], ((left + right) / 2, (top + bottom) / 2), sides)
    _check_mask(prediction, (slice(top, bottom), slice(left, right)))
    drawn = read_image(tmp_path / "out" / line["overlay"])
    contour = (np.abs(drawn.astype(int) - np.array(MARK_LINE[0])) < 60).all(axis=2)  # JPEG rounds colours
    assert contour[:height, :width].any()
    assert not contour[top + 2 : bottom - 2, left + 2 : right - 2].any()


def _check_centre(found: Sequence[float], true: Sequence[float], sides: Sequence[int]) -> None:
    for place, wanted, side in zip(found, true, sides, strict=False):
        assert abs(place - wanted) <= max(0.01 * side, 1)


def _check_mask(prediction: Prediction, place: tuple[slice, slice]) -> None:
    true = np.zeros(prediction.photo_size, np.bool_)
    true[place] = True
    mask = prediction.predicted_mask
    assert (mask & true).sum() >= 0.8 * (mask | true).sum()


def test_the_map_of_a_teacher_that_sees_a_blob_lies_on_the_blob_within_a_hundredth_of_the_photo() -> None:
    """The published way of enlarging maps puts features in the middle of their stride; where a network's convolutions
    see them is learned, and a little beside it."""
    teacher = Teacher.pretrained("efficientnet_lite0", levels=3)
    rng = np.random.default_rng(0)
    shifts = []
    for _ in range(12):
        noise = torch.from_numpy(rng.normal(0.5, 0.1, (1, 3, 32, 32)).astype(np.float32))
        clean = interpolate_map(noise, (256, 256)).clamp(0, 1)
        y, x = rng.uniform(80, 176, 2)
        rows, columns = torch.arange(256) - y, torch.arange(256) - x
        blob = torch.exp(-(rows[:, None] ** 2 + columns**2) / (2 * 6.0**2))
        spotted = (clean + 0.6 * blob).clamp(0, 1).float()
        expected = tuple(unit_vectors(level) for level in teacher(clean))
        found = interpolate_map(multiply_maps(distances(expected, teacher(spotted))), (256, 256))[0, 0].double().numpy()
        weights = found / found.sum()
        shifts.append((weights.sum(axis=1) @ np.arange(256) - y, weights.sum(axis=0) @ np.arange(256) - x))
    down, right = np.mean(shifts, axis=0)
    assert abs(down) <= 2.56 and abs(right) <= 2.56, (down, right)
