from pathlib import Path

import pytest

from blemish.data import folder
from blemish.errors import DataError


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def test_every_photo_below_is_a_good_part(tmp_path: Path) -> None:
    touch(tmp_path, "b.png", "monday/a.jpg", "monday/late/c.tif", "notes.txt")
    found = folder.find(tmp_path, None)
    assert [s.image.name for s in found.train] == ["b.png", "a.jpg", "c.tif"]
    assert not any(s.anomalous for s in found.train)
    assert found.test == ()


def test_a_category_is_a_sub_folder(tmp_path: Path) -> None:
    touch(tmp_path, "bolts/1.png", "nuts/1.png", "nuts/2.png")
    found = folder.find(tmp_path, "nuts")
    assert [s.image.parent.name for s in found.train] == ["nuts", "nuts"]
    assert found.category == "nuts"


def test_an_unknown_category_lists_the_sub_folders(tmp_path: Path) -> None:
    touch(tmp_path, "bolts/1.png", "nuts/1.png")
    with pytest.raises(DataError, match=r"has no category 'nut'; there are bolts, nuts; did you mean 'nuts'\?"):
        folder.find(tmp_path, "nut")


def test_photos_of_defects_in_the_mvtec_layout_are_never_learned(tmp_path: Path) -> None:
    touch(tmp_path, "train/good/1.png", "test/good/2.png", "test/cut/3.png", "ground_truth/cut/3_mask.png")
    found = folder.find(tmp_path, None)
    assert [s.image.name for s in found.train] == ["1.png"]
    assert [(s.image.name, s.anomalous) for s in found.test] == [("3.png", True), ("2.png", False)]


def test_photos_beside_a_good_folder_are_never_learned(tmp_path: Path) -> None:
    touch(tmp_path, "good/1.png", "cut/1.png")
    assert folder.find(tmp_path, None).train == ()


def test_a_train_folder_alone_is_a_plain_folder(tmp_path: Path) -> None:
    touch(tmp_path, "train/good/1.png", "test/cut/1.png")
    assert [s.image.name for s in folder.find(tmp_path / "train", None).train] == ["1.png"]


def test_several_categories_are_not_mixed(tmp_path: Path) -> None:
    touch(tmp_path, "bottle/train/good/1.png", "cable/train/good/1.png")
    with pytest.raises(DataError, match="holds the categories bottle, cable; name one of them"):
        folder.find(tmp_path, None)


def test_masks_are_never_learned(tmp_path: Path) -> None:
    touch(tmp_path, "sets/bottle/train/good/1.png", "sets/bottle/ground_truth/cut/1_mask.png")
    with pytest.raises(DataError, match=r"1_mask\.png: is a mask and would be learned as a good part"):
        folder.find(tmp_path, None)


def test_a_folder_without_photos_is_named(tmp_path: Path) -> None:
    touch(tmp_path, "notes.txt")
    with pytest.raises(DataError, match="holds no photos") as caught:
        folder.find(tmp_path, None)
    assert str(caught.value).startswith(f"{tmp_path}: ")
