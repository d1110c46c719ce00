"""Image in, prediction out."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import blemish
from blemish.calibration.promise import calibration_of
from blemish.data.dataset import Dataset
from blemish.data.digest import file_digest
from blemish.data.framing import Framing
from blemish.data.images import read_image
from blemish.errors import DataError
from blemish.inference.prediction import Prediction
from blemish.inference.predictor import Predictor
from blemish.model.score import Score
from blemish.model.thresholds import Calibration, Threshold
from blemish.results.overlays import picture


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


def test_a_photo_of_12_bits_lies_under_its_map_as_bright_as_the_same_photo_of_8(predictor: Predictor) -> None:
    eight = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    twelve = np.rint(eight * (4095 / 255)).astype(np.uint16)
    framing = replace(predictor.framing, white_level=4095, white_unknown=False)
    camera = Predictor(
        predictor.runtime, framing, score=predictor.score, calibration=predictor.calibration, usual=predictor.usual
    )
    of_eight = picture(predictor.predict(eight), eight).astype(int)
    np.testing.assert_allclose(picture(camera.predict(twelve), twelve), of_eight, atol=4)


def test_a_photo_of_8_bits_is_judged_among_photos_of_16_as_alone(predictor: Predictor, parts: Dataset) -> None:
    eight = read_image(parts.test[0].image)
    sixteen = eight.astype(np.uint16) * 257
    alone = [predictor.predict(photo).anomaly_score for photo in (eight, sixteen)]
    together = list(predictor.predict_many([sixteen, eight, sixteen]))
    assert [result.anomaly_score for result in together if isinstance(result, Prediction)] == [
        pytest.approx(score, rel=1e-4) for score in (alone[1], alone[0], alone[1])
    ]


def test_verdict_and_map_are_given_at_the_photos_own_size(predictor: Predictor, tmp_path: Path) -> None:
    Image.new("RGB", (300, 200), (9, 99, 200)).save(tmp_path / "wide.png")
    prediction = predictor.predict(tmp_path / "wide.png")
    assert prediction.photo_size == (200, 300)
    assert prediction.anomaly_map.shape == (43, 64)  # of a square, the rest are borders
    assert prediction.photo_map.shape == (200, 300)
    assert prediction.anomalous == (prediction.anomaly_score > predictor.threshold)
    assert prediction.verdict in ("normal", "anomalous", "unusual")


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
    results.close()


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
        assert kept.to_json() | {"judged_at": ""} == dropped.to_json() | {"judged_at": ""}


def test_judging_may_be_given_up_half_way(predictor: Predictor, parts: Dataset) -> None:
    results = predictor.predict_many([sample.image for sample in parts.test], batch_size=2)
    next(results)
    results.close()
    assert list(results) == []
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("decode")]


def test_an_array_of_unknown_white_is_refused(predictor: Predictor) -> None:
    with pytest.raises(DataError, match="uint8"):
        predictor.predict(np.zeros((8, 8), np.float32))


def test_a_prediction_stands_alone_and_says_which_model_judged_when_and_by_what(
    predictor: Predictor, parts: Dataset
) -> None:
    before = datetime.now(UTC)
    prediction = predictor.predict(parts.test[0].image)
    said = json.loads(json.dumps(prediction.to_json()))
    judged_at = datetime.fromisoformat(said["judged_at"])  # cut to milliseconds
    assert before - timedelta(milliseconds=1) <= judged_at <= datetime.now(UTC)
    assert (said["method"], said["runtime"], said["precision"]) == ("stpm", "torch", "fp32")
    assert said["weights_sha256"] == predictor.provenance.weights_sha256  # type: ignore[union-attr]
    assert said["blemish_version"] == blemish.__version__
    assert said["digest"] == file_digest(parts.test[0].image)
    calibration = predictor.calibration
    assert (said["threshold"], said["pixel_threshold"]) == (calibration.image.value, calibration.pixel.value)
    assert said["percentile_of"] == "photos"
    held = [value for value in vars(prediction).values() if isinstance(value, Calibration)]
    assert held == [], "all the calibration scores would travel with every prediction"


def test_a_folder_or_a_file_given_as_a_string_is_not_taken_letter_by_letter(
    predictor: Predictor, parts: Dataset
) -> None:
    photo = parts.test[0].image
    for place in (photo, str(photo)):
        (one,) = predictor.predict_many(place)
        assert isinstance(one, Prediction)
        assert one.image == photo
    assert len(list(predictor.predict_many(str(photo.parent)))) == len(list(photo.parent.iterdir()))


def test_a_photo_of_12_bits_is_refused_by_a_model_of_8_bits_not_judged_nearly_black(
    predictor: Predictor, parts: Dataset
) -> None:
    pixels = read_image(parts.test[0].image).astype(np.uint16)
    with pytest.raises(DataError, match="what is white in it is not known"):
        predictor.predict(pixels * 16)
    full = predictor.predict(pixels * 257).anomaly_score
    assert full == pytest.approx(predictor.predict(pixels.astype(np.uint8)).anomaly_score, rel=1e-5)


def test_a_photo_in_memory_given_where_several_are_taken_is_one(predictor: Predictor, parts: Dataset) -> None:
    path = parts.test[0].image
    pixels = read_image(path)
    expected = predictor.predict(path).anomaly_score
    with path.open("rb") as file:
        for photo in (path.read_bytes(), pixels, Image.fromarray(pixels), file):
            (found,) = predictor.predict_many(photo)
            assert isinstance(found, Prediction)
            assert found.anomaly_score == expected
    stack = np.stack([pixels, pixels])
    assert len(list(predictor.predict_many(stack))) == 2


def test_opencvs_photo_is_judged_as_the_files_where_it_is_said(predictor: Predictor, parts: Dataset) -> None:
    photo = read_image(parts.test[0].image)
    score = predictor.predict(photo).anomaly_score
    assert predictor.predict(photo[:, :, ::-1], bgr=True).anomaly_score == score
    (many,) = predictor.predict_many([photo[:, :, ::-1]], bgr=True)
    assert isinstance(many, Prediction)
    assert many.anomaly_score == score
    assert predictor.predict(photo[:, :, ::-1]).anomaly_score != score


@pytest.mark.parametrize(("bits", "batch"), [(8, 4), (16, 2)])
def test_memory_is_bounded_by_bytes_not_by_how_many_photos(
    predictor: Predictor, monkeypatch: pytest.MonkeyPatch, bits: int, batch: int
) -> None:
    monkeypatch.setattr(
        "blemish.inference.read_ahead.MOST_AHEAD", 8 * 64 * 64 * 3
    )  # two batches of four photos of 8 bits
    photo = np.full((64, 64), 2**bits - 1, np.uint8 if bits == 8 else np.uint16)
    taken = 0

    def endless() -> Iterator[np.ndarray]:
        nonlocal taken
        while True:
            taken += 1
            yield photo

    results = predictor.predict_many(endless(), batch_size=8)
    waiting = []
    for judged in range(1, 13):
        next(results)
        waiting.append(taken - judged)
    results.close()
    assert max(waiting[3:]) < 2 * batch  # the first ones are read before anybody knows how large photos are


class Peak:
    """A runtime whose map is black but for one pixel, as high as asked for."""

    def __init__(self, value: float, at: tuple[int, int]) -> None:
        self.value, self.at = value, at

    def run(self, images: np.ndarray) -> np.ndarray:
        maps = np.zeros((len(images), *images.shape[2:]), np.float32)
        maps[:, self.at[0], self.at[1]] = self.value
        return maps


@given(
    size=st.tuples(st.integers(1, 64), st.integers(1, 64)),
    photo=st.tuples(st.integers(1, 200), st.integers(1, 200)),
    share=st.sampled_from([0.0, 0.001, 0.2, 1.0]),
    seed=st.integers(0, 99),
)
@settings(max_examples=150, deadline=None)
def test_an_anomalous_photo_has_a_region_always(
    size: tuple[int, int], photo: tuple[int, int], share: float, seed: int
) -> None:
    """However little its score is above the threshold, whatever the sizes, by whichever rule the score is taken."""
    generator = np.random.default_rng(seed)
    score = Score(kind="top_mean" if share else "maximum", share=share)
    at = int(generator.integers(size[0])), int(generator.integers(size[1]))
    anomaly_map = Peak(1.0, at).run(np.zeros((1, 3, *size), np.float32))[0]
    limit = np.nextafter(score.of(anomaly_map), 0)
    scores = sorted(generator.uniform(0, 1, 30) * limit)
    calibration = replace(
        calibration_of(scores, [*scores[:-1], 5.0], false_alarm_rate=0.1),  # a threshold of pixels above any map
        image=Threshold(value=limit, asked_rate=0.1, promised_rate=0.1, rate_95=0.2),
    )
    predictor = Predictor(Peak(1.0, at), Framing(image_size=size), score=score, calibration=calibration, min_area=999)
    prediction = predictor.predict(np.zeros((*photo, 3), np.uint8))
    assert prediction.verdict == "anomalous"
    assert prediction.predicted_mask.any()
    assert len(prediction.regions) == 1
