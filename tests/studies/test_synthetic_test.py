"""`blemish synthesize`: a test folder that says what it is, and that harms no photo of anybody's."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import blemish
from blemish.cli import app
from blemish.data import find_dataset
from blemish.data.dataset import Dataset
from blemish.data.digest import file_digest
from blemish.data.images import read_image, read_mask
from blemish.data.synthetic_manifest import MANIFEST, read_manifest
from blemish.errors import BlemishError, DataError, OutputError
from blemish.model.artifact import read_artifact
from blemish.studies.synthetic_test import default_sizes
from blemish.synthesis.sized_defects import longest_extent


def paint_few(good: Path, output: Path, *, seed: int = 0, overwrite: bool = False) -> Path:
    return blemish.synthesize(good, output, sizes=(3, 9), each=2, seed=seed, overwrite=overwrite).folder


@pytest.fixture(scope="module")
def good(parts: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good")
    for sample in parts.test[:3]:
        shutil.copy(sample.image, folder)
    Image.open(parts.test[3].image).save(folder / "z.jpg")
    return folder


@pytest.fixture(scope="module")
def made(good: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Never to be changed."""
    return paint_few(good, tmp_path_factory.mktemp("made") / "out")


def files_of(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_folder_is_a_test_set_with_a_mask_for_every_defect(made: Path) -> None:
    found = find_dataset("auto", made)
    assert found.name == "mvtec_ad" and not found.train and not found.left_out
    types = [sample.defect_type for sample in found.test]
    assert {kind: types.count(kind) for kind in types} == {"good": 4, "scratch": 4, "spot": 4, "stain": 4}
    assert all(len(sample.masks) == sample.anomalous for sample in found.test)


def test_the_manifest_says_of_each_photo_what_was_painted_into_which(made: Path, good: Path) -> None:
    manifest = read_manifest(made)
    assert manifest is not None and manifest == read_manifest(made / "test") and read_manifest(good) is None
    assert len(manifest.photos) == 12 and len({photo.source for photo in manifest.photos}) == 4
    for photo in manifest.photos:
        source, mask = Path(photo.source), read_mask(made / photo.mask)
        assert source.parent == good and photo.source_digest == file_digest(source) == file_digest(
            made / photo.source_copy
        )
        assert round(longest_extent(mask)) == photo.size
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        assert photo.box == (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
        change = read_image(made / photo.photo).astype(float) - read_image(source)
        assert change[mask].mean() / 255 == pytest.approx(photo.changed, abs=1e-3)
        assert (change == 0).mean() > 0.9 - mask.mean(), "the rest of the photo is as it was"
    assert all(json.loads(line)["synthetic"] is True for line in (made / MANIFEST).read_text().splitlines())


def test_the_note_says_that_the_defects_are_synthetic(made: Path) -> None:
    text = (made / "README.txt").read_text()
    assert "SYNTHETIC" in text and "nothing of real defects" in " ".join(text.split())
    assert "Sizes: 3, 9 pixels" in text and "Contrast: 0.25" in text


def test_the_same_seed_gives_the_same_files_and_other_sizes_change_none_of_them(
    made: Path, good: Path, tmp_path: Path
) -> None:
    paint_few(good, tmp_path / "again")
    assert files_of(tmp_path / "again") == files_of(made)
    paint_few(good, tmp_path / "again", seed=1, overwrite=True)
    assert files_of(tmp_path / "again") != files_of(made)


def test_photos_that_a_model_was_trained_on_are_passed_over(stpm_run: Path, parts: Dataset, tmp_path: Path) -> None:
    training = read_artifact(stpm_run).training
    done = blemish.synthesize(parts, tmp_path / "out", sizes=(5,), kinds=("spot",), each=40, unseen_by=stpm_run)
    assert done.known == training.calibrated_from
    assert {photo.source_digest for photo in done.photos} == set(training.digests[training.calibrated_from :])
    seen = tmp_path / "seen"
    seen.mkdir()
    shutil.copy(training.files[0], seen)
    with pytest.raises(DataError, match="was trained on all 1 photo"):
        blemish.synthesize(seen, tmp_path / "none", unseen_by=stpm_run)
    assert not (tmp_path / "none").exists()


def test_a_photo_that_cannot_be_read_is_a_line_and_exit_code_2(
    good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = Path(shutil.copytree(good, tmp_path / "photos"))
    (photos / "broken.png").write_bytes(b"no picture")
    words = ["synthesize", str(photos), str(tmp_path / "out"), "--sizes", "2,4", "--kinds", "scratch", "--each", "3"]
    assert app(words, result_action="return_value") == 2
    said = capsys.readouterr()
    assert said.err.startswith(f"blemish: left out: {photos / 'broken.png'}: ") and said.err.count("\n") == 1
    assert "6 photos with one SYNTHETIC defect each, and 4 good ones" in said.out
    assert "scratch of 2, 4 pixels, 3 of each" in said.out


def test_an_unfinished_folder_is_refused_as_a_test_and_may_be_made_anew(good: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    paint_few(good, out)
    (out / MANIFEST).write_text("")
    with pytest.raises(DataError, match="not finished"):
        read_manifest(out)
    paint_few(good, out, overwrite=True)
    (out / MANIFEST).write_text((out / MANIFEST).read_text().replace('"size": 9', '"size": -9'))
    with pytest.raises(DataError, match=r"damaged or edited \(line 3"):
        read_manifest(out)


def test_nothing_of_anybody_elses_is_written_over(good: Path, made: Path, tmp_path: Path) -> None:
    before = files_of(good)
    mine = tmp_path / "mine"
    (mine / "test").mkdir(parents=True)
    (mine / "test" / "a.png").write_bytes(b"mine")
    refused = {
        good: "lies in",
        good / "out": "lies in",
        good.parent: "holds the photos of good parts themselves",
        mine: "holds other files",
    }
    for output, words in refused.items():
        with pytest.raises(OutputError, match=words):
            paint_few(good, output, overwrite=True)
    with pytest.raises(OutputError, match="--overwrite"):
        paint_few(good, made)
    assert files_of(good) == before and (mine / "test" / "a.png").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"sizes": (2, 31)}, "at most 30 can be painted"),
        ({"sizes": (0,)}, "at least 1 pixel"),
        ({"kinds": ("spot", "dent")}, "give some of spot, scratch, stain"),
        ({"kinds": ()}, "kinds are none"),
        ({"each": 0}, "at least 1"),
        ({"contrast": 0.001}, "share of white"),
    ],
)
def test_what_cannot_be_painted_is_one_line_and_leaves_no_folder(
    settings: dict[str, object], words: str, good: Path, tmp_path: Path
) -> None:
    with pytest.raises(BlemishError, match=words) as raised:
        blemish.synthesize(good, tmp_path / "out", **settings)  # type: ignore[arg-type]
    assert "\n" not in str(raised.value) and not (tmp_path / "out").exists()


def test_sizes_by_default_are_nine_up_to_a_quarter_of_the_photo() -> None:
    assert default_sizes(128) == (2, 3, 4, 6, 8, 12, 16, 24, 32)
    assert default_sizes(64) == (2, 3, 4, 6, 8, 12, 16)
    assert default_sizes(3000)[-1] == 512 and len(default_sizes(3000)) == 9


def test_training_passes_a_folder_of_synthetic_defects_over(good: Path, made: Path, tmp_path: Path) -> None:
    shutil.copytree(good, tmp_path / "photos")
    shutil.copytree(made, tmp_path / "photos" / "deep" / "out")
    found = find_dataset("folder", tmp_path / "photos")
    assert len(found.train) == 4
    assert found.skipped.own == (tmp_path / "photos" / "deep" / "out",)
