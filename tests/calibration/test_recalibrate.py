"""Thresholds changed after training: the promise follows the photos, and no photo counts twice."""

import json
import shutil
from pathlib import Path

import pytest

import blemish
from blemish.data.dataset import Dataset
from blemish.errors import DataError, SettingsError
from blemish.model.artifact import read_artifact
from copies import copied


@pytest.fixture(scope="module")
def trained(parts: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "run"
    good = Dataset(name="folder", root=parts.root, train=parts.train[:15])
    blemish.train("stpm", good, folder, teacher="efficientnet_lite0", image_size=64, steps=2, held_out=0.4)
    return folder


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    return copied(trained, tmp_path / "run")


@pytest.fixture
def more(parts: Dataset, tmp_path: Path) -> Path:
    """Nine good photos that training did not have."""
    folder = tmp_path / "more"
    folder.mkdir()
    for sample in parts.train[15:24]:
        shutil.copy(sample.image, folder)
    return folder


def test_another_rate_needs_no_photos_and_no_training(run: Path) -> None:
    before = read_artifact(run)
    blemish.calibrate(run, false_alarms=0.5, check=0.7)
    after = read_artifact(run)
    assert after.calibration.scores == before.calibration.scores
    assert after.calibration.image.value < before.calibration.image.value
    assert after.calibration.image.is_promised
    assert after.calibration.check is not None
    assert after.weights_sha256 == before.weights_sha256
    assert blemish.open(run).threshold == after.calibration.image.value


def test_more_good_photos_make_a_stronger_promise(run: Path, more: Path) -> None:
    before = read_artifact(run).calibration
    done = blemish.calibrate(run, false_alarms=0.01, good=[more])
    after = read_artifact(run).calibration
    assert done.added == 9
    assert after.n == before.n + 9
    assert set(before.scores) < set(after.scores)
    assert (after.image.promised_rate or 1) < (before.image.promised_rate or 0)
    again = blemish.calibrate(run, false_alarms=0.01, good=[more])
    assert (again.added, len(again.known)) == (0, 9)
    assert read_artifact(run).calibration == after


def test_photos_it_was_trained_on_are_left_out(run: Path, parts: Dataset, tmp_path: Path) -> None:
    shutil.copy(parts.train[0].image, tmp_path / "renamed.png")
    done = blemish.calibrate(run, false_alarms=0.1, good=[tmp_path / "renamed.png"])
    assert (done.added, done.known) == (0, [tmp_path / "renamed.png"])


@pytest.mark.parametrize("named", [".", "NG", "NG/0.png"])
def test_photos_that_lie_in_a_folder_of_bad_parts_are_refused(
    run: Path, more: Path, parts: Dataset, named: str
) -> None:
    good, bad = more / "OK", more / "NG"
    good.mkdir()
    for photo in more.glob("*.png"):
        photo.rename(good / photo.name)
    bad.mkdir()
    shutil.copy(next(sample.image for sample in parts.test if sample.anomalous), bad / "0.png")
    before = (run / "model.json").read_bytes()
    with pytest.raises(DataError, match="NG: holds bad parts, by its name"):
        blemish.calibrate(run, good=more / named)
    assert (run / "model.json").read_bytes() == before
    assert blemish.calibrate(run, good=good).added == 9


def test_copies_of_one_another_count_once_and_are_named(run: Path, more: Path) -> None:
    first = min(more.iterdir())
    copy = Path(shutil.copy(first, more / "z_copy.png"))
    done = blemish.calibrate(run, good=more)
    assert (done.added, done.known) == (9, [copy])
    assert [photo.file for photo in done.artifact.training.photos].count(str(first.absolute())) == 1


def test_replacing_forgets_the_photos_so_far(run: Path, more: Path) -> None:
    blemish.calibrate(run, false_alarms=0.1, good=[more], replace=True)
    calibration = read_artifact(run).calibration
    assert calibration.n == 9
    assert calibration.image.promised_rate == 0.1


def test_an_estimate_is_called_one_in_the_artifact_and_in_every_prediction(run: Path, more: Path) -> None:
    blemish.calibrate(run, false_alarms=0.001, estimate=True, good=[more])
    assert json.loads((run / "model.json").read_text())["calibration"]["image"]["promised_rate"] is None
    model = blemish.open(run)
    assert model.predict(next(more.iterdir())).to_json()["threshold_estimated"] is True
    assert "an estimate, not a promise" in model.calibration.statement()


def test_an_unreadable_photo_is_named_and_the_others_count(run: Path, more: Path) -> None:
    (more / "broken.png").write_bytes(b"nothing")
    done = blemish.calibrate(run, false_alarms=0.1, good=[more])
    assert done.added == 9
    assert ["broken.png" in str(error) for error in done.unreadable] == [True]


def test_what_is_refused_leaves_the_model_as_it_was(run: Path, tmp_path: Path) -> None:
    before = (run / "model.json").read_text()
    with pytest.raises(SettingsError):
        blemish.calibrate(run, false_alarms=2.0)
    with pytest.raises(DataError):
        blemish.calibrate(run, false_alarms=0.1, good=[tmp_path / "missing"])
    with pytest.raises(DataError, match="give others with --good"):
        blemish.calibrate(run, false_alarms=0.1, replace=True)
    assert (run / "model.json").read_text() == before


def test_photos_once_replaced_may_come_back(run: Path, more: Path, parts: Dataset, tmp_path: Path) -> None:
    shutil.copytree(more, tmp_path / "first")
    (tmp_path / "second").mkdir()
    for sample in parts.train[24:28]:
        shutil.copy(sample.image, tmp_path / "second")
    for folder, count in (("first", 9), ("second", 4), ("first", 9)):
        done = blemish.calibrate(run, false_alarms=0.1, good=[tmp_path / folder], replace=True)
        assert (done.added, read_artifact(run).calibration.n) == (count, count)
    training = read_artifact(run).training
    assert len(training.digests) == len(training.files) == 15 - training.calibrating + 9


def test_photos_of_training_replace_nothing_and_the_error_says_why(run: Path) -> None:
    known = read_artifact(run).training.files[0]
    with pytest.raises(DataError, match="none of the 1 photos can replace"):
        blemish.calibrate(run, false_alarms=0.1, good=[known], replace=True)


def test_a_photo_that_cannot_be_decoded_is_not_among_those_calibrated_with(run: Path, more: Path) -> None:
    damaged = min(more.iterdir())
    damaged.write_bytes(damaged.read_bytes()[:200])
    done = blemish.calibrate(run, false_alarms=0.1, good=[more])
    assert (done.added, len(done.unreadable)) == (8, 1)
    assert str(damaged) not in read_artifact(run).training.files
    assert len(read_artifact(run).training.digests) == 15 + 8


def test_more_photos_of_known_parts_are_left_out(parts: Dataset, tmp_path: Path) -> None:
    photos = [sample.image for sample in parts.train[:16]]
    first, later = tmp_path / "first", tmp_path / "later"
    for folder, shots, lids in ((first, range(2), range(4)), (later, range(2, 4), range(5))):
        folder.mkdir()
        for lid in lids:
            for shot in shots:
                shutil.copy(photos.pop() if photos else parts.train[16 + shot].image, folder / f"lid{lid}_{shot}.png")
    run = tmp_path / "run"
    blemish.train("stpm", first, run, teacher="efficientnet_lite0", image_size=64, steps=2, part="(.+)_[0-9]+")
    before = read_artifact(run).calibration.n
    done = blemish.calibrate(run, false_alarms=0.1, good=[later], accept=True)
    assert sorted(path.name for path in done.of_known_parts) == [f"lid{i}_{s}.png" for i in range(4) for s in (2, 3)]
    assert (done.added, read_artifact(run).calibration.n) == (2, before + 1)  # two photos of one new part
