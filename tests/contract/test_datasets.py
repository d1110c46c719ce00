"""What every dataset promises, whatever its layout."""

from collections.abc import Callable
from pathlib import Path

import pytest

from blemish.data import AUTO, DATASETS, find_dataset
from blemish.data.dataset import Dataset
from blemish.errors import DataError


def _files(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("no picture: finding files decodes none")


def _folder(root: Path) -> None:
    _files(root, "part/10.png", "part/9.jpg", "part/deeper/1.tif", "part/notes.txt", "part/.hidden.png")


def _mvtec_ad(root: Path) -> None:
    _files(root, *(f"part/train/good/{i}.png" for i in (1, 2, 10)), "part/test/good/1.png", "part/license.txt")
    _files(root, "part/test/cut/1.png", "part/test/cut/10.png", "part/test/cut/2.png", "part/test/dent/1.png")
    _files(root, "part/ground_truth/cut/10_mask.png", "part/ground_truth/cut/1_mask.png", "part/validation/good/7.png")


def _good_and_bad(root: Path) -> None:
    _files(root, "part/train/OK/1.png", "part/train/OK/2.png", "part/val/OK/3.png", "part/test/OK/4.png")
    _files(root, "part/test/NG/5.png", "part/test/NG/scratch/6.png", "part/ground_truth/NG/5_mask.png")


EXAMPLES: dict[str, Callable[[Path], None]] = {
    "folder": _folder,
    "mvtec_ad": _mvtec_ad,
    "good_and_bad": _good_and_bad,
}
"""Each writes its dataset's layout, with one category `part`; the files are no pictures."""


@pytest.fixture(params=DATASETS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def every_photo(found: Dataset) -> list[Path]:
    return [sample.image for sample in found.train + found.validation + found.test]


def test_every_dataset_has_an_example_here() -> None:
    assert EXAMPLES.keys() == DATASETS.keys()


def test_photos_are_found_without_being_decoded(tmp_path: Path, name: str) -> None:
    EXAMPLES[name](tmp_path)
    found = DATASETS[name].find(tmp_path, "part")
    assert (found.name, found.root, found.category) == (name, tmp_path, "part")
    assert found.train
    assert found.left_out == ()
    assert all(photo.is_file() for photo in every_photo(found))


def test_the_layout_says_what_it_is(tmp_path: Path, name: str) -> None:
    EXAMPLES[name](tmp_path)
    layout = DATASETS[name]
    assert layout.name == name
    assert layout.holds
    assert layout.categories(tmp_path) == ("part",)
    assert layout.recognises(tmp_path / "part") == (name != "folder")
    assert not layout.recognises(tmp_path)


def test_a_folder_is_read_in_the_layout_that_it_shows(tmp_path: Path, name: str) -> None:
    EXAMPLES[name](tmp_path)
    named = DATASETS[name].find(tmp_path, "part")
    for found in (find_dataset(AUTO, tmp_path, "part"), find_dataset(AUTO, tmp_path / "part")):
        assert (found.name, every_photo(found)) == (name, every_photo(named))


def test_a_category_must_be_named_where_the_layout_knows_some(tmp_path: Path, name: str) -> None:
    EXAMPLES[name](tmp_path)
    if name == "folder":
        assert find_dataset(AUTO, tmp_path).train
        return
    for asked in (AUTO, "folder", name):
        with pytest.raises(DataError, match="holds the categories part; name one of them with --category"):
            find_dataset(asked, tmp_path)


def test_training_photos_are_good_and_none_has_another_use(tmp_path: Path, name: str) -> None:
    EXAMPLES[name](tmp_path)
    found = DATASETS[name].find(tmp_path, "part")
    assert not any(sample.anomalous or sample.masks for sample in found.train + found.validation)
    photos = [photo.resolve() for photo in every_photo(found)]
    assert len(photos) == len(set(photos))


def test_masks_exist_are_no_photos_and_belong_to_one_defect_each(tmp_path: Path, name: str) -> None:
    EXAMPLES[name](tmp_path)
    found = DATASETS[name].find(tmp_path, "part")
    masks = [mask for sample in found.test for mask in sample.masks]
    assert all(mask.is_file() for mask in masks)
    assert len(masks) == len(set(masks))
    assert not set(masks) & set(every_photo(found))
    assert bool(masks) == any(sample.anomalous for sample in found.test)


def test_the_category_may_be_the_root_itself(tmp_path: Path, name: str) -> None:
    EXAMPLES[name](tmp_path)
    by_name, itself = DATASETS[name].find(tmp_path, "part"), DATASETS[name].find(tmp_path / "part", None)
    assert (itself.train, itself.validation, itself.test) == (by_name.train, by_name.validation, by_name.test)
    assert itself.base == by_name.base


def test_what_blemish_wrote_among_the_photos_is_passed_over(tmp_path: Path, name: str) -> None:
    EXAMPLES[name](tmp_path)
    before = DATASETS[name].find(tmp_path, "part")
    out = before.train[0].image.parent / "out"
    _files(out, "predictions.jsonl", "overlays/1.png", "maps/1.tiff")
    after = DATASETS[name].find(tmp_path, "part")
    assert every_photo(after) == every_photo(before)
    assert after.skipped.own == (out,)


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
    EXAMPLES[name](tmp_path)
    with pytest.raises(DataError, match=r"has no category 'pärt'; there are part; did you mean 'part'\?"):
        DATASETS[name].find(tmp_path, "pärt")
