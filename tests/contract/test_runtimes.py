"""What every runtime owes the house: it says what the trained detector says, of every method."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from blemish.data.dataset import Dataset
from blemish.data.images import read_image
from blemish.detectors import DETECTORS
from blemish.exporting.make import make_export
from blemish.inference import RUNTIMES, open_predictor
from blemish.inference.predictor import Predictor
from blemish.model.artifact import Artifact, read_artifact
from contract.methods import trained
from once import MadeOnce

pytestmark = pytest.mark.usefixtures("small")
TOLERANCE = 1e-4
SEVERAL = 6
Open = Callable[[str], Predictor]


@pytest.fixture(scope="module", params=DETECTORS)
def artifact(request: pytest.FixtureRequest, parts: Dataset, made_once: MadeOnce, small_weights: Path) -> Artifact:
    method = str(request.param)
    if method == "stpm":  # other tests have exported it already
        return read_artifact(request.getfixturevalue("stpm_exported"))

    def export(folder: Path) -> None:
        made = trained(method, parts, folder, small_weights)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("blemish.exporting.make.MOST_IN_A_PROOF", 1)  # the tests here compare themselves
            for runtime in RUNTIMES:
                if runtime != "torch":
                    make_export(made, runtime)

    return read_artifact(made_once(f"every-runtime-{method}", export))


@pytest.fixture(scope="module")
def opened(artifact: Artifact) -> Open:
    """Opens the artifact with a runtime, once for all tests."""
    return cache(lambda runtime: open_predictor(artifact.folder, runtime=runtime))


@pytest.fixture(scope="module")
def trained_detector(artifact: Artifact) -> Predictor:
    """Not the one that is compared with it where that is torch's too."""
    return open_predictor(artifact.folder, runtime="torch")


@pytest.fixture(params=RUNTIMES)
def predictor(request: pytest.FixtureRequest, opened: Open) -> Predictor:
    return opened(str(request.param))


def test_it_says_what_the_trained_detector_says(
    trained_detector: Predictor, predictor: Predictor, parts: Dataset
) -> None:
    for sample in parts.test[:SEVERAL]:
        ours, theirs = predictor.predict(sample.image), trained_detector.predict(sample.image)
        assert ours.anomaly_score == pytest.approx(theirs.anomaly_score, rel=TOLERANCE)
        np.testing.assert_allclose(
            ours.anomaly_map, theirs.anomaly_map, rtol=0, atol=TOLERANCE * theirs.anomaly_map.max()
        )
        assert ours.verdict == theirs.verdict


def test_a_calibration_photo_is_judged_alike_although_the_threshold_comes_from_it(
    artifact: Artifact, predictor: Predictor
) -> None:
    files = artifact.training.files[artifact.training.calibrated_from :]
    verdicts = [predictor.predict(file).verdict for file in files]
    assert verdicts.count("anomalous") == 0  # so few photos promise no more than the highest of them


def test_a_photo_alone_is_a_photo_in_a_batch_to_the_last_bit(predictor: Predictor, parts: Dataset) -> None:
    photos = [sample.image for sample in parts.test[:SEVERAL]]
    batched = list(predictor.predict_many(photos, batch_size=4))
    for photo, among_others in zip(photos, batched, strict=True):
        alone = predictor.predict(photo)
        assert not isinstance(among_others, Exception)
        np.testing.assert_array_equal(among_others.anomaly_map, alone.anomaly_map)


def test_threads_may_share_it(predictor: Predictor, parts: Dataset) -> None:
    photos = [read_image(sample.image) for sample in parts.test[:SEVERAL]]
    alone = [predictor.predict(photo).anomaly_score for photo in photos]
    score: Callable[[int], float] = lambda i: predictor.predict(photos[i % SEVERAL]).anomaly_score  # noqa: E731
    with ThreadPoolExecutor(4) as pool:
        shared = list(pool.map(score, range(4 * SEVERAL)))
    np.testing.assert_allclose(shared, alone * 4, rtol=1e-5)


def test_maps_are_float32_of_the_images_shape(predictor: Predictor) -> None:
    height, width = predictor.framing.image_size
    maps = predictor.runtime.run(np.zeros((3, 3, height, width), np.float32))
    assert maps.shape == (3, height, width)
    assert maps.dtype == np.float32
