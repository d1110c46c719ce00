from pathlib import Path

import pytest

from blemish.data import AUTO, find_dataset
from blemish.data.folder import PLAIN_FOLDER, good_photos_at, keep_apart
from blemish.errors import DataError, OutputError


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def test_every_photo_below_is_a_good_part(tmp_path: Path) -> None:
    touch(tmp_path, "b.png", "monday/a.jpg", "monday/late/c.tif", "notes.txt")
    found = PLAIN_FOLDER.find(tmp_path, None)
    assert [s.image.name for s in found.train] == ["b.png", "a.jpg", "c.tif"]
    assert not any(s.anomalous for s in found.train)
    assert found.test == ()


@pytest.mark.parametrize("picture", ["sheet.png", "monday/sheet.png", "monday/late/new/sheet.png"])
def test_a_picture_that_would_lie_among_good_photos_is_refused(tmp_path: Path, picture: str) -> None:
    photos = tmp_path / "photos"
    touch(photos, "monday/a.jpg", "monday/late/c.tif")
    found = PLAIN_FOLDER.find(photos, None)
    with pytest.raises(OutputError, match="would lie among the photos of"):
        keep_apart(photos / picture, found)
    keep_apart(tmp_path / picture, found)


def test_a_picture_beside_the_folders_of_a_layout_is_among_no_photos(tmp_path: Path) -> None:
    touch(tmp_path, "train/good/1.png", "test/good/2.png", "test/crack/3.png")
    found = find_dataset(AUTO, tmp_path, None)
    keep_apart(tmp_path / "sheet.png", found)
    with pytest.raises(OutputError, match="train/good"):
        keep_apart(tmp_path / "train" / "good" / "sheet.png", found)


@pytest.mark.parametrize("named", ["ground_truth", "ground_truth/crack"])
def test_a_folder_of_masks_that_is_named_itself_is_refused(tmp_path: Path, named: str) -> None:
    touch(tmp_path, "ground_truth/crack/0_mask.png")
    with pytest.raises(DataError, match="is a mask and would be learned as a good part"):
        PLAIN_FOLDER.find(tmp_path / named, None)


def test_a_category_is_a_sub_folder(tmp_path: Path) -> None:
    touch(tmp_path, "bolts/1.png", "nuts/1.png", "nuts/2.png")
    found = PLAIN_FOLDER.find(tmp_path, "nuts")
    assert [s.image.parent.name for s in found.train] == ["nuts", "nuts"]
    assert found.category == "nuts"


def test_an_unknown_category_lists_the_sub_folders(tmp_path: Path) -> None:
    touch(tmp_path, "bolts/1.png", "nuts/1.png")
    with pytest.raises(DataError, match=r"has no category 'nut'; there are bolts, nuts; did you mean 'nuts'\?"):
        PLAIN_FOLDER.find(tmp_path, "nut")


def test_photos_of_defects_in_the_mvtec_layout_are_never_learned(tmp_path: Path) -> None:
    touch(tmp_path, "train/good/1.png", "test/good/2.png", "test/cut/3.png", "ground_truth/cut/3_mask.png")
    found = find_dataset(AUTO, tmp_path)
    assert [s.image.name for s in found.train] == ["1.png"]
    assert [(s.image.name, s.anomalous) for s in found.test] == [("3.png", True), ("2.png", False)]
    with pytest.raises(DataError, match="bad parts would be learned as good; give --dataset mvtec_ad"):
        find_dataset("folder", tmp_path)


def test_photos_beside_a_good_folder_are_never_learned_and_the_good_folder_is_named(tmp_path: Path) -> None:
    touch(tmp_path, "good/1.png", "cut/1.png")
    found = find_dataset(AUTO, tmp_path)
    assert found.train == ()
    with pytest.raises(DataError, match=f"to learn from its good parts, name {tmp_path / 'good'}"):
        found.good_photos()
    with pytest.raises(DataError, match=r"cut: holds other than good parts, for it lies beside good"):
        PLAIN_FOLDER.find(tmp_path, None)


@pytest.mark.parametrize("name", ["ng", "NG_scratch", "monday/Defects", "good/not ok", "n.i.O.", "abnormal2", "ok/KO"])
def test_a_folder_with_a_word_for_bad_is_never_learned_as_good(tmp_path: Path, name: str) -> None:
    touch(tmp_path / "photos", "1.png", f"{name}/2.png")
    with pytest.raises(DataError, match="holds bad parts, by its name"):
        PLAIN_FOLDER.find(tmp_path / "photos", None)
    with pytest.raises(DataError, match="holds bad parts, by its name"):
        good_photos_at([tmp_path / "photos"])


def test_a_root_that_is_called_bad_is_not_learned_from(tmp_path: Path) -> None:
    touch(tmp_path, "NG/1.png", "defect_detection/1.png", "defects/good/1.png")
    for wrong in ([tmp_path / "NG"], [tmp_path / "NG" / "1.png"]):
        with pytest.raises(DataError, match="holds bad parts, by its name"):
            good_photos_at(wrong)
    assert PLAIN_FOLDER.find(tmp_path / "defect_detection", None).train
    assert PLAIN_FOLDER.find(tmp_path / "defects", None).train


def test_several_files_and_folders_are_good_parts_each_once(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.png", "a/2.png", "b/3.png")
    found = good_photos_at([tmp_path / "b" / "3.png", tmp_path / "a", tmp_path / "a" / "1.png"])
    assert [s.image.name for s in found.train] == ["3.png", "1.png", "2.png"]
    assert found.root == tmp_path


def test_a_train_folder_alone_is_a_plain_folder(tmp_path: Path) -> None:
    touch(tmp_path, "train/good/1.png", "test/cut/1.png")
    assert [s.image.name for s in PLAIN_FOLDER.find(tmp_path / "train", None).train] == ["1.png"]


def test_several_categories_are_not_mixed(tmp_path: Path) -> None:
    touch(tmp_path, "bottle/train/good/1.png", "cable/train/good/1.png")
    with pytest.raises(DataError, match="holds the categories bottle, cable; name one of them with --category"):
        find_dataset(AUTO, tmp_path)


def test_masks_are_never_learned(tmp_path: Path) -> None:
    touch(tmp_path, "sets/bottle/train/good/1.png", "sets/bottle/ground_truth/cut/1_mask.png")
    with pytest.raises(DataError, match=r"1_mask\.png: is a mask and would be learned as a good part"):
        PLAIN_FOLDER.find(tmp_path, None)


def test_a_folder_without_photos_is_named(tmp_path: Path) -> None:
    touch(tmp_path, "notes.txt")
    with pytest.raises(DataError, match="holds no photos") as caught:
        PLAIN_FOLDER.find(tmp_path, None)
    assert str(caught.value).startswith(f"{tmp_path}: ")


def test_another_programs_manifest_among_good_photos_does_not_keep_them_from_being_learned(tmp_path: Path) -> None:
    touch(tmp_path, "1.png", "2.png")
    (tmp_path / "camera.exe.manifest").write_text('<?xml version="1.0"?><assembly/>')
    found = find_dataset(AUTO, tmp_path)
    assert (found.name, len(found.train)) == ("folder", 2)
