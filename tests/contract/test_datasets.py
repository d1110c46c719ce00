"""What every dataset promises, whatever its layout."""

from collections.abc import Callable
from pathlib import Path

import pytest

from blemish.data import DATASETS
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
    _files(root, "part/ground_truth/cut/10_mask.png", "part/ground_truth/cut/1_mask.png")


EXAMPLES: dict[str, Callable[[Path], None]] = {"folder": _folder, "mvtec_ad": _mvtec_ad}
"""Each writes its dataset's layout, with one category `part`; the files are no pictures."""


@pytest.fixture(params=DATASETS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_every_dataset_has_an_example_here() -> None:
    assert EXAMPLES.keys() == DATASETS.keys()


def test_photos_are_found_without_being_decoded(tmp_path: Path, name: str) -> None:
    EXAMPLES[name](tmp_path)
    found = DATASETS[name](tmp_path, "part")
    assert (found.name, found.root, found.category) == (name, tmp_path, "part")
    assert found.train
    assert all(sample.image.is_file() for sample in found.train + found.test)


def test_training_photos_are_good_and_none_is_tested(tmp_path: Path, name: str) -> None:
    EXAMPLES[name](tmp_path)
    found = DATASETS[name](tmp_path, "part")
    assert not any(sample.anomalous or sample.mask for sample in found.train)
    photos = [sample.image.resolve() for sample in found.train + found.test]
    assert len(photos) == len(set(photos))


def test_masks_exist_are_no_photos_and_belong_to_one_defect_each(tmp_path: Path, name: str) -> None:
    EXAMPLES[name](tmp_path)
    found = DATASETS[name](tmp_path, "part")
    masks = [sample.mask for sample in found.test if sample.mask]
    assert all(mask.is_file() for mask in masks)
    assert len(masks) == len(set(masks))
    assert not set(masks) & {sample.image for sample in found.train + found.test}
    assert all(sample.anomalous for sample in found.test if sample.mask)


def test_the_category_may_be_the_root_itself(tmp_path: Path, name: str) -> None:
    EXAMPLES[name](tmp_path)
    by_name, itself = DATASETS[name](tmp_path, "part"), DATASETS[name](tmp_path / "part", None)
    assert (itself.train, itself.test) == (by_name.train, by_name.test)


@pytest.mark.parametrize("category", [None, "part"])
def test_a_missing_root_gives_one_line_naming_it(tmp_path: Path, name: str, category: str | None) -> None:
    with pytest.raises(DataError) as caught:
        DATASETS[name](tmp_path / "none", category)
    assert str(tmp_path / "none") in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_an_empty_root_gives_one_line_naming_it(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError) as caught:
        DATASETS[name](tmp_path, None)
    assert str(tmp_path) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_an_unknown_category_lists_those_there_are(tmp_path: Path, name: str) -> None:
    EXAMPLES[name](tmp_path)
    with pytest.raises(DataError, match=r"has no category 'pärt'; there are part; did you mean 'part'\?"):
        DATASETS[name](tmp_path, "pärt")
