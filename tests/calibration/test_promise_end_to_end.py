"""What is promised happens: a trained model, calibrated many times, on good photos that nothing has seen."""

from pathlib import Path

import numpy as np
import pytest

import blemish
from blemish.calibration.promise import judge_good_photos, promised_threshold
from blemish.data.made_up import make_up

CALIBRATIONS = 400


@pytest.mark.parametrize(("photos", "rate"), [(19, 0.05), (24, 0.2)])
def test_fresh_good_photos_alarm_as_rarely_as_promised_on_average(scores: np.ndarray, photos: int, rate: float) -> None:
    """Photos are drawn anew from one stock, those that calibrate and those that are judged apart."""
    rng = np.random.default_rng(photos)
    rates, below_95 = [], 0
    for _ in range(CALIBRATIONS):
        drawn = rng.permutation(scores)
        threshold = promised_threshold(drawn[:photos], rate)
        assert threshold.promised_rate is not None and threshold.rate_95 is not None
        rates.append(float(np.mean(drawn[photos:] > threshold.value)))
        below_95 += rates[-1] <= threshold.rate_95
    spread = np.std(rates) / np.sqrt(CALIBRATIONS)
    assert np.mean(rates) <= rate + 3 * spread
    assert np.mean(rates) >= rate / 2  # nor is the threshold so high that the promise is empty
    assert below_95 >= 0.9 * CALIBRATIONS  # 95 %, but for what counting few photos adds


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """Of 200 good photos that the model was not trained on."""
    folder = tmp_path_factory.mktemp("promise")
    parts = make_up(folder / "parts", seed=3, size=64, textures=("brick",), train=30, good=200, defective=1)
    photos, teacher = Path(parts.root, "train", "good"), "efficientnet_lite0"
    blemish.train("stpm", photos, folder / "run", teacher=teacher, image_size=64, steps=20, batch_size=8)
    good = [sample.image for sample in parts.test if not sample.anomalous]
    return np.array(judge_good_photos(blemish.open(folder / "run"), good).scores)
