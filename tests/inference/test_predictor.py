"""Image in, prediction out."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import blemish
from blemish.data.dataset import Dataset
from blemish.data.images import read_image
from blemish.errors import DataError
from blemish.inference.prediction import Prediction
from blemish.inference.predictor import Predictor


@pytest.fixture(scope="module")
def predictor(parts: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    folder = tmp_path_factory.mktemp("model") / "run"
    blemish.train("stpm", parts, folder, teacher="efficientnet_lite0", image_size=64, steps=4)
    return blemish.open(folder)


def test_a_path_a_string_and_an_array_are_the_same_photo(predictor: Predictor, parts: Dataset) -> None:
    path = parts.test[0].image
    scores = [predictor.predict(photo).anomaly_score for photo in (path, str(path), read_image(path))]
    assert len(set(scores)) == 1


def test_a_grey_array_is_the_photo_with_equal_channels(predictor: Predictor) -> None:
    grey = np.arange(64 * 64, dtype=np.uint8).reshape(64, 64)
    colour = np.repeat(grey[..., None], 3, axis=2)
    assert predictor.predict(grey).anomaly_score == predictor.predict(colour).anomaly_score


def test_verdict_and_map_are_given_at_the_photos_own_size(predictor: Predictor, tmp_path: Path) -> None:
    Image.new("RGB", (300, 200), (9, 99, 200)).save(tmp_path / "wide.png")
    prediction = predictor.predict(tmp_path / "wide.png")
    assert prediction.photo_size == (200, 300)
    assert prediction.anomaly_map.shape == (64, 64)
    assert prediction.photo_map.shape == (200, 300)
    assert prediction.anomalous == (prediction.anomaly_score > predictor.threshold)
    assert prediction.verdict in ("normal", "anomalous")


def test_many_are_judged_in_order_and_one_unreadable_harms_no_other(
    predictor: Predictor, parts: Dataset, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(parts.test[0].image.read_bytes()[:100])
    photos = [sample.image for sample in parts.test[:21]]
    photos.insert(5, broken)
    photos.insert(0, tmp_path / "missing.png")
    results = list(predictor.predict_many(iter(photos), batch_size=4))
    assert [isinstance(result, DataError) for result in results] == [i in (0, 6) for i in range(23)]
    for photo, result in zip(photos, results, strict=True):
        if isinstance(result, Prediction):
            assert result.image == photo
            assert result.anomaly_score == pytest.approx(predictor.predict(photo).anomaly_score, rel=1e-4)


def test_memory_holds_two_batches_whatever_the_consumer_does(predictor: Predictor) -> None:
    taken = 0

    def endless() -> "object":
        nonlocal taken
        while True:
            taken += 1
            yield np.zeros((64, 64), np.uint8)

    results = predictor.predict_many(endless(), batch_size=2)  # type: ignore[arg-type]
    next(results)
    assert taken == 4
    results.close()  # type: ignore[attr-defined]


def test_threads_may_share_a_predictor(predictor: Predictor, parts: Dataset) -> None:
    photos = [sample.image for sample in parts.test[:12]]
    alone = [predictor.predict(photo).anomaly_score for photo in photos]
    with ThreadPoolExecutor(4) as pool:
        assert [p.anomaly_score for p in pool.map(predictor.predict, photos)] == alone


def test_threads_may_share_a_predictor_for_folders_too(predictor: Predictor, parts: Dataset) -> None:
    photos = [sample.image for sample in parts.test[:12]]

    def judge(part: list[Path]) -> list[Path | None]:
        results = predictor.predict_many(part, batch_size=2)
        return [result.image for result in results if isinstance(result, Prediction)]

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(judge, (photos[:4], photos[4:8], photos[8:]))) == [photos[:4], photos[4:8], photos[8:]]


def test_photos_are_kept_where_asked_for_and_only_there(predictor: Predictor, parts: Dataset) -> None:
    photos = [sample.image for sample in parts.test[:3]]
    for photo, kept, dropped in zip(
        photos, predictor.predict_many(photos, keep_photos=True), predictor.predict_many(photos), strict=True
    ):
        assert isinstance(kept, Prediction)
        assert isinstance(dropped, Prediction)
        assert dropped.photo is None
        assert kept.photo is not None
        np.testing.assert_array_equal(kept.photo, read_image(photo))
        assert kept.to_json() == dropped.to_json()


def test_judging_may_be_given_up_half_way(predictor: Predictor, parts: Dataset) -> None:
    results = predictor.predict_many([sample.image for sample in parts.test], batch_size=2)
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert list(results) == []
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("decode")]


def test_an_array_of_unknown_white_is_refused(predictor: Predictor) -> None:
    with pytest.raises(DataError, match="uint8"):
        predictor.predict(np.zeros((8, 8), np.float32))
