"""A copy of a published dataset is counted against what its publishers say."""

from pathlib import Path

import pytest

import blemish
from blemish.cli.check import check
from blemish.data import DATASETS, find_dataset
from blemish.data.official import checked_categories, checked_counts
from data import trees


def rows(root: Path, *, missing: int = 0) -> None:
    """Writes the category capsules of VisA as its authors' script lays it out."""
    place = root / "capsules"
    trees.files(
        place, *(f"train/good/{i}.JPG" for i in range(542 - missing)), *(f"test/good/{i}.JPG" for i in range(60))
    )
    trees.files(place, *(f"test/bad/{i}.JPG" for i in range(100)), *(f"ground_truth/bad/{i}.png" for i in range(100)))


def test_a_whole_root_says_which_categories_and_photos_are_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows(tmp_path, missing=2)
    assert check(tmp_path, dataset="visa") == 2
    said = capsys.readouterr()
    first, second = said.out.splitlines()
    assert first == "visa: 1 of 12 categories are there"
    counts = "540 to learn from, 60 good ones to test with, 100 defective ones to test with"
    assert second == f"  capsules: {counts}; other than published"
    lines = said.err.splitlines()
    assert "blemish: capsules: 2 are missing of the 542 photos to learn from" in lines
    (absent,) = [line for line in lines if line.startswith("blemish: 11 categories missing: ")]
    assert absent.endswith("pcb4, pipe_fryum")
    assert "capsules" not in absent


def test_a_complete_category_is_as_published(tmp_path: Path) -> None:
    rows(tmp_path)
    found = checked_counts(find_dataset("visa", tmp_path, "capsules"), DATASETS["visa"])
    assert found.problems == ()
    assert found.lines[0].endswith("; as published")
    trees.files(tmp_path / "capsules", "train/good/more.JPG")
    (problem,) = checked_counts(find_dataset("visa", tmp_path / "capsules"), DATASETS["visa"]).problems
    assert problem == "capsules: 1 are too many of the 542 photos to learn from"


def test_what_is_not_known_is_not_held_against_a_copy(tmp_path: Path) -> None:
    trees.mvtec_3d(tmp_path)
    (tmp_path / "part").rename(tmp_path / "bagel")
    found = checked_counts(find_dataset("mvtec_3d", tmp_path, "bagel"), DATASETS["mvtec_3d"])
    assert (found.problems, found.lines[0].rsplit("; ")[1]) == ((), "their published number is not known here")
    (line,) = checked_counts(find_dataset("mvtec_3d", tmp_path, "bagel"), DATASETS["visa"]).lines
    assert line.startswith("  not counted: visa has no category 'bagel' that is known here, but candle, capsules, ")
    assert checked_categories(DATASETS["kolektorsdd2"], tmp_path) is None


def test_ones_own_screws_in_the_layout_of_mvtec_ad_are_no_problem(tmp_path: Path) -> None:
    trees.mvtec_ad(tmp_path)
    (tmp_path / "part").rename(tmp_path / "screw")
    found = checked_counts(find_dataset("mvtec_ad", tmp_path, "screw"), DATASETS["mvtec_ad"])
    assert found.problems == ()
    assert "317 are missing of the 320 photos to learn from, if this is the published set" in found.lines[1]


def test_photos_without_label_are_named_as_set_aside(tmp_path: Path) -> None:
    trees.mvtec_ad_2(tmp_path)
    lines = blemish.check(tmp_path, category="part").lines
    assert "set aside: 1 photos of test_private, which have no labels" in lines
