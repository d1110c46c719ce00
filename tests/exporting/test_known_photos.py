"""Which photos an export reads: no more than its precision needs, and nothing that was passed in is changed."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from blemish.data.dataset import Dataset
from blemish.data.images import save_png
from blemish.data.interest import interest_of
from blemish.exporting import known_photos as module
from blemish.exporting.known_photos import known_photos
from blemish.model.artifact import Artifact, read_artifact
from copies import copied


@pytest.fixture
def artifact(run: Path) -> Artifact:
    return read_artifact(run)


def without(artifact: Artifact, *, calibrating: bool, tmp_path: Path) -> Artifact:
    """The artifact, with the photos that calibrated it, or those that it was trained on, nowhere to be found."""
    record = artifact.training
    gone = [
        dataclasses.replace(photo, file=str(tmp_path / "gone" / Path(photo.file).name))
        if (number >= record.calibrated_from) == calibrating
        else photo
        for number, photo in enumerate(record.photos)
    ]
    return dataclasses.replace(artifact, training=dataclasses.replace(record, photos=gone))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_photos_that_were_trained_on_are_looked_for_by_int8_alone(artifact: Artifact, precision: str) -> None:
    found = known_photos(artifact, precision=precision)
    assert found.trained_on == ()
    assert len(found.calibrating) == artifact.calibration.n
    assert len(known_photos(artifact, precision="int8").trained_on) == artifact.training.trained_on


def test_fp32_reads_no_more_calibration_photos_than_are_compared(
    artifact: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_COMPARED", 3)
    monkeypatch.setattr(module, "MOST_TO_ROUND", 2)
    assert len(known_photos(artifact).calibrating) == 3
    rounded = known_photos(artifact, precision="int8")
    assert len(rounded.calibrating) == artifact.calibration.n  # its thresholds promise what all of them promise
    assert len(rounded.trained_on) == 2


def test_a_photo_of_another_content_in_its_place_is_missing_and_a_copy_is_found(
    run: Path, tmp_path: Path, parts: Dataset
) -> None:
    model = copied(run, tmp_path / "run")
    values = json.loads((model / "model.json").read_text())
    photo = values["training"]["photos"][-1]
    moved = Path(shutil.copy(photo["file"], tmp_path / "moved.png"))
    photo["file"] = str(Path(shutil.copy(parts.test[0].image, tmp_path / "other.png")))
    (model / "model.json").write_text(json.dumps(values))
    artifact = read_artifact(model)
    assert known_photos(artifact, precision="bf16").missing == (tmp_path / "other.png",)
    found = known_photos(artifact, [moved], precision="bf16")
    assert found.missing == ()
    assert moved in found.calibrating


def test_given_photos_that_were_trained_on_take_no_part_in_fp32(artifact: Artifact, tmp_path: Path) -> None:
    gone = without(artifact, calibrating=True, tmp_path=tmp_path)
    files = [Path(photo.file) for photo in gone.training.photos[: gone.training.calibrated_from]]
    found = known_photos(gone, files)
    assert (found.calibrating, found.trained_on, found.others) == ((), (), ())


def test_given_copies_show_int8_its_ranges(artifact: Artifact, tmp_path: Path) -> None:
    files = [Path(file) for file in artifact.training.files]
    gone = without(artifact, calibrating=False, tmp_path=tmp_path)
    assert known_photos(gone, precision="int8").trained_on == ()
    assert len(known_photos(gone, files, precision="int8").trained_on) == artifact.training.trained_on


def test_a_photo_that_is_given_twice_counts_once(artifact: Artifact, tmp_path: Path, parts: Dataset) -> None:
    given = [parts.test[0].image, Path(shutil.copy(parts.test[0].image, tmp_path / "copy.png"))]
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    found = known_photos(artifact, [*given, broken])
    assert found.others == (given[0],)
    assert [str(broken) in str(error) for error in found.unreadable] == [True]


def test_a_photo_that_cannot_be_judged_is_named_and_the_others_are_used(
    artifact: Artifact, tmp_path: Path, parts: Dataset
) -> None:
    save_png(tmp_path / "a.png", np.full((64, 64, 3), 3999, np.uint16))
    found = known_photos(artifact, [tmp_path / "a.png", parts.test[0].image])
    assert found.others == (parts.test[0].image,)
    (error,) = found.unreadable
    assert str(error).startswith(f"{tmp_path / 'a.png'}: has 16 bits, but no value above 3999")


def test_so_is_one_on_whose_map_nothing_of_a_region_is_left(artifact: Artifact, tmp_path: Path) -> None:
    mask = np.zeros((640, 640), np.bool_)
    mask[5:8, 5:8] = True  # a map has 64 pixels either way
    looking = dataclasses.replace(artifact, interest=interest_of([("hole", mask)]))
    save_png(tmp_path / "a.png", np.full((640, 640, 3), 99, np.uint8))
    found = known_photos(looking, [tmp_path / "a.png"])
    assert found.others == ()
    (error,) = found.unreadable
    assert str(error).startswith(f"{tmp_path / 'a.png'}: region of interest hole is less than a pixel of 64x64")
