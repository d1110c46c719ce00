"""What every dataset promises, whatever its layout."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from blemish.data import AUTO, DATASETS, find_dataset
from blemish.data.dataset import Dataset
from blemish.errors import DataError
from data import trees


@dataclass(frozen=True, kw_only=True)
class Example:
    """A layout in small, with one category."""

    write: Callable[[Path], None]
    """Its photos are no pictures."""
    category: str = "part"
    itself: str = ""
    """Where the category's own folder lies, if not below the root."""
    auto: str = ""
    """The layout that the folder shows, where nothing tells the two apart."""
    reads_a_list: bool = False
    """Whether a list names its photos, so that nothing else in the folder is looked at."""

    def folder(self, root: Path) -> Path:
        return root / (self.itself or self.category)


EXAMPLES: dict[str, Example] = {
    "folder": Example(write=trees.folder),
    "mvtec_ad": Example(write=trees.mvtec_ad),
    "good_and_bad": Example(write=trees.good_and_bad),
    "manifest": Example(write=trees.manifest, reads_a_list=True),
    "lookout": Example(write=trees.lookout, reads_a_list=True),
    "visa": Example(write=trees.visa, reads_a_list=True),
    "mvtec_3d": Example(write=trees.mvtec_3d),
    "mvtec_loco": Example(write=trees.mvtec_loco),
    "mvtec_ad_2": Example(write=trees.mvtec_ad_2),
    "btad": Example(write=trees.btad, category="02"),
    "kolektorsdd": Example(write=trees.kolektorsdd),
    "kolektorsdd2": Example(write=trees.kolektorsdd2),
    "real_iad": Example(write=trees.real_iad, itself="realiad_512/part", reads_a_list=True),
    "real_iad_sv": Example(write=trees.real_iad, itself="realiad_512/part", reads_a_list=True, auto="real_iad"),
    "piped": Example(write=trees.piped),
    "bmad": Example(write=trees.bmad),
    "mpdd": Example(write=trees.mvtec_ad, auto="mvtec_ad"),
}


@pytest.fixture(params=DATASETS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def every_photo(found: Dataset) -> list[Path]:
    return [sample.image for sample in found.train + found.validation + found.test]


def test_every_dataset_has_an_example_here() -> None:
    assert EXAMPLES.keys() == DATASETS.keys()


def test_photos_are_found_without_being_decoded(tmp_path: Path, name: str) -> None:
    example = EXAMPLES[name]
    example.write(tmp_path)
    found = DATASETS[name].find(tmp_path, example.category)
    assert (found.name, found.base, found.category) == (name, example.folder(tmp_path), example.category)
    assert found.train
    assert found.left_out == ()
    assert all(photo.is_file() for photo in every_photo(found))


def test_the_layout_says_what_it_is(tmp_path: Path, name: str) -> None:
    example = EXAMPLES[name]
    example.write(tmp_path)
    layout = DATASETS[name]
    assert layout.name == name
    assert layout.holds
    assert layout.categories(tmp_path) == (() if name == "mpdd" else (example.category,))
    assert layout.recognises(example.folder(tmp_path)) == (name != "folder" and not example.auto)
    assert not layout.recognises(tmp_path)


def test_a_folder_is_read_in_the_layout_that_it_shows(tmp_path: Path, name: str) -> None:
    example = EXAMPLES[name]
    example.write(tmp_path)
    named = DATASETS[name].find(tmp_path, example.category)
    for found in (find_dataset(AUTO, tmp_path, example.category), find_dataset(AUTO, example.folder(tmp_path))):
        assert found.name == (example.auto or name)
        assert example.reads_a_list or every_photo(found) == every_photo(named)


def test_a_category_must_be_named_where_the_layout_knows_some(tmp_path: Path, name: str) -> None:
    example = EXAMPLES[name]
    example.write(tmp_path)
    if name == "folder":
        assert find_dataset(AUTO, tmp_path).train
        return
    for asked in (AUTO, "folder", name):
        with pytest.raises(DataError, match=r"holds the categories [^ ]*; name one of them with --category"):
            find_dataset(asked, tmp_path)


def test_training_photos_are_good_and_none_has_another_use(tmp_path: Path, name: str) -> None:
    example = EXAMPLES[name]
    example.write(tmp_path)
    found = DATASETS[name].find(tmp_path, example.category)
    assert not any(sample.anomalous or sample.masks for sample in found.train + found.validation)
    photos = [photo.resolve() for photo in every_photo(found)]
    assert len(photos) == len(set(photos))


def test_masks_exist_are_no_photos_and_belong_to_one_defect_each(tmp_path: Path, name: str) -> None:
    example = EXAMPLES[name]
    example.write(tmp_path)
    found = DATASETS[name].find(tmp_path, example.category)
    masks = [mask for sample in found.test for mask in sample.masks]
    assert all(mask.is_file() for mask in masks)
    assert len(masks) == len(set(masks))
    assert not set(masks) & set(every_photo(found))
    assert bool(masks) == any(sample.anomalous for sample in found.test)


def test_the_category_may_be_the_root_itself(tmp_path: Path, name: str) -> None:
    example = EXAMPLES[name]
    example.write(tmp_path)
    by_name, itself = (
        DATASETS[name].find(tmp_path, example.category),
        DATASETS[name].find(example.folder(tmp_path), None),
    )
    assert (itself.train, itself.validation, itself.test) == (by_name.train, by_name.validation, by_name.test)
    assert itself.base == by_name.base


def test_what_blemish_wrote_among_the_photos_is_passed_over(tmp_path: Path, name: str) -> None:
    example = EXAMPLES[name]
    example.write(tmp_path)
    before = DATASETS[name].find(tmp_path, example.category)
    out = before.train[0].image.parent / "out"
    trees.files(out, "predictions.jsonl", "overlays/1.png", "maps/1.tiff")
    after = DATASETS[name].find(tmp_path, example.category)
    assert every_photo(after) == every_photo(before)
    assert after.skipped.own == (() if example.reads_a_list else (out,))


@pytest.mark.parametrize("category", [None, "part"])
def test_a_missing_root_gives_one_line_naming_it(tmp_path: Path, name: str, category: str | None) -> None:
    for asked in (name, AUTO):
        with pytest.raises(DataError) as caught:
            find_dataset(asked, tmp_path / "none", category)
        assert str(tmp_path / "none") in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1


def test_an_empty_root_gives_one_line_naming_it(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError) as caught:
        DATASETS[name].find(tmp_path, None)
    assert str(tmp_path) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_an_unknown_category_lists_those_there_are(tmp_path: Path, name: str) -> None:
    example = EXAMPLES[name]
    example.write(tmp_path)
    asked = f"{example.category}x"
    with pytest.raises(DataError, match=rf"has no category '{asked}'; there are {example.category}; did you mean"):
        DATASETS[name].find(tmp_path, asked)
