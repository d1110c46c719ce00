"""Labelled photos become a test set."""

import hashlib
import shutil
from pathlib import Path

import pytest

from blemish.data import find_dataset
from blemish.data.dataset import Dataset
from blemish.errors import DataError, OutputError
from blemish.history.labels import set_label
from blemish.history.opening import History
from blemish.history.reading import Sought
from blemish.history.truth_folder import write_test_photos
from blemish.history.writing import add_verdicts
from history.conftest import MakeVerdict


def sha256_of(photo: Path) -> str:
    return hashlib.sha256(photo.read_bytes()).hexdigest()


def test_a_file_that_lies_in_a_photos_place_is_not_taken_for_it(
    history: History, verdict: MakeVerdict, parts: Dataset, tmp_path: Path
) -> None:
    first, second = [Path(sample.image) for sample in parts.test[:2]]
    again = tmp_path / "0001.png"  # a name that the camera uses again
    shutil.copyfile(first, again)
    ids = add_verdicts(
        history, [verdict(photo_path=str(again), photo_sha256=sha256_of(photo)) for photo in (first, second)]
    )
    for number in ids:
        set_label(history, number, "good", who="eva")
    assert write_test_photos(history, tmp_path / "line") == 1
    (copied,) = (tmp_path / "line" / "test" / "good").iterdir()
    assert copied.read_bytes() == first.read_bytes()
    again.write_bytes(b"another")
    with pytest.raises(DataError, match="no labelled photo is kept"):
        write_test_photos(history, tmp_path / "none")


def test_labelled_photos_are_a_folder_that_evaluate_takes(
    history: History, verdict: MakeVerdict, parts: Dataset, tmp_path: Path
) -> None:
    photos = [Path(sample.image) for sample in parts.test[:5]]
    batch = [verdict(photo_path=str(photo), photo_sha256=sha256_of(photo)) for photo in photos]
    batch.append(verdict(photo_path=str(photos[0]), photo_sha256=sha256_of(photos[0])))  # judged again
    batch.append(verdict(photo_path=str(tmp_path / "gone.png"), photo_sha256="gone"))
    ids = add_verdicts(history, batch)
    with pytest.raises(DataError, match="no labelled photo is kept"):
        write_test_photos(history, tmp_path / "none")
    said = [
        ("good", None),
        ("bad", "../dent, deep"),
        ("bad", None),
        ("bad", "Good"),
        None,
        ("bad", "of the first photo, but said before it was called good"),
        ("good", None),
    ]
    for number, label in reversed(list(zip(ids, said, strict=True))):
        if label is not None:
            set_label(history, number, label[0], who="eva", defect_type=label[1])
    assert write_test_photos(history, tmp_path / "line") == 4
    found = find_dataset("auto", tmp_path / "line", None)
    kinds = sorted(Path(sample.image).parent.name for sample in found.test)
    assert kinds == ["Good_bad", "bad", "dent_deep", "good"]
    assert [sample.anomalous for sample in found.test].count(False) == 1
    copied = next((tmp_path / "line" / "test" / "dent_deep").iterdir())
    assert copied.read_bytes() == photos[1].read_bytes()
    with pytest.raises(OutputError, match="is not empty"):
        write_test_photos(history, tmp_path / "line", Sought(label="bad"))
