"""The strip under an overlay says what was said of the photo, and moves no pixel of it."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from blemish.data.images import save_png
from blemish.inference.prediction import Prediction
from blemish.model.thresholds import Thresholds
from blemish.model.usual import Unusualness
from blemish.results.caption import captioned
from blemish.results.folder import PredictionFolder
from blemish.results.overlays import picture


def predicted(score: float, size: tuple[int, int], *, image: Path | None = None) -> Prediction:
    return Prediction(
        image=image,
        photo_size=size,
        anomaly_score=score,
        percentile=0.0,
        thresholds=Thresholds(image=0.5, pixel=0.5),
        provenance=None,
        judged_at=datetime(2026, 1, 2, tzinfo=UTC),
        anomaly_map=np.full((8, 8), score, np.float32),
        photo=np.full((*size, 3), 90, np.uint8),
    )


def strip(score: float, size: tuple[int, int]) -> NDArray[np.uint8]:
    overlay = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    shown = captioned(overlay, predicted(score, size))
    np.testing.assert_array_equal(shown[: size[0], : size[1]], overlay)
    return shown[size[0] :]


@pytest.mark.parametrize("size", [(1, 1), (90, 60), (128, 128), (300, 400), (60, 3000), (2000, 3000)])
def test_the_photo_stays_where_it_is_and_the_words_have_room(size: tuple[int, int]) -> None:
    shown = strip(0.7, size)
    written = (shown != shown[0, 0]).any(axis=2)
    assert written.any()
    assert not (written[0].any() or written[-1].any() or written[:, 0].any() or written[:, -1].any())
    assert shown.shape[1] == size[1] or size[1] < 128
    assert len(shown) <= max(70, 0.1 * size[1])


def test_verdict_and_score_are_in_the_strip() -> None:
    size = (300, 400)
    anomalous, other, normal = strip(0.7, size), strip(0.71, size), strip(0.3, size)
    assert not np.array_equal(anomalous, other) and not np.array_equal(anomalous, normal)
    assert np.ptp(anomalous.astype(int), axis=2).max() > 100  # an alarm is told in colour too
    assert np.ptp(normal.astype(int), axis=2).max() == 0


@pytest.mark.parametrize("size", [(1, 1), (90, 60), (300, 400), (60, 3000)])
def test_what_is_unusual_is_in_the_strip_in_lines_that_leave_the_photo_its_width(size: tuple[int, int]) -> None:
    usual = predicted(0.3, size)
    unusual = replace(usual, unusualness=Unusualness(value=9.0, reason="nothing like it was learned: turned, covered"))
    unusual = replace(unusual, thresholds=replace(usual.thresholds, unusual=2.5))
    assert unusual.verdict == "unusual"
    overlay = np.zeros((*size, 3), np.uint8)
    without, shown = captioned(overlay, usual), captioned(overlay, unusual)
    assert shown.shape[1] == size[1] or size[1] < 128
    assert len(shown) > len(without) or size[1] == 3000  # where it has room beside
    assert np.ptp(shown.astype(int), axis=2).max() > 100  # told in colour
    written = (shown[size[0] :] != shown[-1, -1]).any(axis=2)
    assert not (written[0].any() or written[-1].any() or written[:, 0].any() or written[:, -1].any())


def test_the_overlays_of_a_folder_have_their_strip(tmp_path: Path) -> None:
    photo = tmp_path / "a.png"
    prediction = predicted(0.7, (40, 200), image=photo)
    save_png(photo, np.full((40, 200, 3), 90, np.uint8))
    folder = PredictionFolder(tmp_path / "out", [photo])
    folder.add(photo, prediction)
    folder.close()
    with Image.open(tmp_path / "out" / "overlays" / "a.jpg") as file:
        np.testing.assert_allclose(np.array(file), captioned(picture(prediction), prediction), rtol=0, atol=60)
