"""Parts that a data set names itself: kept in model.json, and never calibrated with twice."""

import logging
import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

import blemish
from blemish.calibration.promise import highest_of_each
from blemish.data.dataset import Dataset, Sample
from blemish.data.digest import file_digest
from blemish.errors import DataError
from blemish.exporting.known_photos import known_photos
from blemish.model.artifact import read_artifact, write_artifact
from blemish.model.usual import LOOKS
from copies import copied

PHOTOS_PER_PART = 3


def named(samples: Sequence[Sample], first: int) -> tuple[Sample, ...]:
    return tuple(replace(s, part=f"lid {first + i // PHOTOS_PER_PART}") for i, s in enumerate(samples))


@pytest.fixture(scope="module")
def trained(parts: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "run"
    found = Dataset(name="lids", root=parts.root, train=named(parts.train[:15], 0))
    blemish.train("stpm", found, folder, teacher="efficientnet_lite0", image_size=64, steps=2, held_out=0.4)
    return folder


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    return copied(trained, tmp_path / "run")


def test_the_model_keeps_which_part_each_photo_shows(trained: Path, parts: Dataset) -> None:
    artifact = read_artifact(trained)
    told = {file_digest(sample.image): sample.part for sample in named(parts.train[:15], 0)}
    assert {photo.digest: photo.part for photo in artifact.training.photos} == told
    assert artifact.training.known_parts == {f"lid {i}" for i in range(5)}
    assert artifact.training.photos_per_part == PHOTOS_PER_PART
    assert artifact.calibration.unit == "parts"
    assert datetime.fromisoformat(artifact.training.trained_at) <= datetime.now(UTC)


def test_what_is_watched_for_drift_is_of_parts_as_what_is_compared_with_it(trained: Path) -> None:
    """Else a part that is light from one side and dark from another would be a drift by itself."""
    artifact = read_artifact(trained)
    watched = artifact.calibration.watched
    assert len(watched["score"]) == artifact.calibration.n == 2
    assert {len(watched[name]) for name in LOOKS} == {5}


def test_other_photos_of_known_parts_are_left_out_and_new_parts_count_once_each(run: Path, parts: Dataset) -> None:
    before = read_artifact(run).calibration.n
    more = (*named(parts.train[15:18], 4), *named(parts.train[18:24], 5))
    done = blemish.calibrate(run, good=Dataset(name="lids", root=parts.root, train=more))
    assert done.of_known_parts == [sample.image for sample in more[:3]]
    assert (done.added, done.artifact.calibration.n) == (6, before + 2)
    assert {photo.part for photo in read_artifact(run).training.photos[-6:]} == {"lid 5", "lid 6"}


def test_photos_of_which_nobody_says_the_part_are_refused_with_the_way_out(
    run: Path, parts: Dataset, tmp_path: Path
) -> None:
    before = (run / "model.json").read_bytes()
    for part, sample in zip(("lid 4", "lid 4", "lid 9"), parts.train[15:18], strict=True):
        shutil.copy(sample.image, tmp_path / f"{part}_{sample.image.name}")
    photos = sorted(tmp_path.glob("*.png"))
    with pytest.raises(DataError, match=r"which part .*lid 4_.* shows is not known: give --part"):
        blemish.calibrate(run, good=photos)
    assert (run / "model.json").read_bytes() == before
    done = blemish.calibrate(run, good=photos, part="(.+)_[0-9]+", accept=True)
    assert (done.added, done.of_known_parts) == (1, photos[:2])


def test_thresholds_of_an_export_follow_from_the_same_parts(run: Path) -> None:
    artifact = read_artifact(run)
    found = known_photos(artifact)
    assert len(found.parts) == len(found.calibrating)
    assert len(highest_of_each(found.parts, range(len(found.parts)))) == artifact.calibration.n
    nameless = [replace(photo, part=None) for photo in artifact.training.photos]
    write_artifact(replace(artifact, training=replace(artifact.training, photos=nameless)))
    alone = known_photos(read_artifact(run))
    assert alone.parts == tuple(map(str, alone.calibrating))


def test_evaluating_tells_of_known_parts_and_of_parts_with_more_photos(run: Path, parts: Dataset) -> None:
    good = [sample for sample in parts.test if not sample.anomalous]
    known, strange = named(good[:1], 2), tuple(replace(sample, part="other") for sample in good[1:8])
    found = blemish.evaluate(run, [*known, *strange, parts.test[-1]])
    assert found.of_known_parts == [str(good[0].image.absolute())]
    assert found.calibration_photos_per_part == PHOTOS_PER_PART
    assert found.good_parts is not None
    assert found.good_photos / found.good_parts.parts == 4


def test_a_pattern_that_is_not_looked_at_is_said(
    parts: Dataset, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found = Dataset(name="lids", root=parts.root, train=named(parts.train[:2], 0))  # one part: refused
    with caplog.at_level(logging.WARNING, logger="blemish"), pytest.raises(DataError, match="show one part"):
        blemish.train("stpm", found, tmp_path / "run", teacher="efficientnet_lite0", image_size=64, part="(.+)_")
    assert "part '(.+)_' is not looked for in 2 of 2 photos: the data set says itself" in caplog.text
