"""Which part a photo shows, by its name."""

from pathlib import Path

import pytest

from blemish.data.dataset import Sample
from blemish.data.part_names import ignored_pattern, parts_of
from blemish.errors import DataError, SettingsError

PHOTOS = [Path("a/lid_01_1.png"), Path("a/lid_01_2.png"), Path("b/lid_02_1.png")]


def test_without_a_pattern_every_photo_shows_a_part_of_its_own() -> None:
    assert len(set(parts_of(PHOTOS, None))) == 3


@pytest.mark.parametrize("pattern", ["(.+)_[0-9]+", "lid_[0-9]+"])
def test_a_pattern_finds_the_part_in_the_name(pattern: str) -> None:
    assert parts_of(PHOTOS, pattern) == ["lid_01", "lid_01", "lid_02"]


def test_a_name_without_a_part_is_named() -> None:
    with pytest.raises(DataError, match=r"other\.png.*finds no part"):
        parts_of([*PHOTOS, Path("other.png")], "lid_[0-9]+")


@pytest.mark.parametrize("pattern", ["(lid)?_[0-9]+", "(x*)"])
def test_a_part_without_a_name_is_none(pattern: str) -> None:
    with pytest.raises(DataError, match=r"_17\.png.*finds no part"):
        parts_of([Path("_17.png"), Path("_18.png")], pattern)


def test_what_is_no_pattern_is_refused() -> None:
    with pytest.raises(SettingsError, match="regular expression"):
        parts_of(PHOTOS, "(")


def test_what_the_dataset_knows_leaves_a_pattern_the_others_or_nothing() -> None:
    named, unnamed = Sample(image=PHOTOS[0], part="kos01"), Sample(image=PHOTOS[1])
    assert ignored_pattern([named, unnamed], None) is None
    assert ignored_pattern([unnamed], "(.+)_") is None
    some, every = ignored_pattern([named, unnamed], "(.+)_"), ignored_pattern([named], "(.+)_")
    assert some is not None and some.endswith(
        "in 1 of 2 photos: the data set says itself which parts they show; it finds the others'"
    )
    assert every is not None and every.endswith("it finds none")


def test_what_the_dataset_knows_comes_before_the_name() -> None:
    samples = [Sample(image=photo, part="kos01") for photo in PHOTOS[:2]]
    assert parts_of([*samples, Sample(image=PHOTOS[2])], "(.+)_[0-9]+") == ["kos01", "kos01", "lid_02"]
    assert parts_of([*samples, Sample(image=PHOTOS[2])], None) == ["kos01", "kos01", str(PHOTOS[2])]
