import json
from pathlib import Path

import pytest

from blemish.data.dataset import Dataset
from blemish.data.mvtec_ad import MVTEC_AD
from blemish.errors import DataError


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def refusal(root: Path, category: str | None = None) -> str:
    with pytest.raises(DataError) as caught:
        MVTEC_AD.find(root, category)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def left_out(found: Dataset) -> list[str]:
    return [str(error) for error in found.left_out]


def masks(found: Dataset) -> dict[str, str | None]:
    """File names of the defective photos and of their masks."""
    return {s.image.name: s.masks[0].name if s.masks else None for s in found.test if s.anomalous}


def test_training_photos_are_those_of_train_good(tmp_path: Path) -> None:
    touch(tmp_path, "train/good/2.png", "train/good/10.png", "train/odd/3.png", "test/good/1.png", "test/cut/1.png")
    found = MVTEC_AD.find(tmp_path, None)
    assert [s.image.relative_to(tmp_path).as_posix() for s in found.train] == ["train/good/2.png", "train/good/10.png"]
    assert [(s.image.parent.name, s.defect_type, s.anomalous) for s in found.test] == [
        ("cut", "cut", True),
        ("good", "good", False),
    ]


def test_masks_are_paired_by_name_and_not_by_order(tmp_path: Path) -> None:
    names = [f"anomaly-{i}" for i in (1, 2, 9, 10, 11, 100)]
    touch(tmp_path, *(f"test/cut/{name}.png" for name in names))
    touch(tmp_path, *(f"ground_truth/cut/{name}_mask.png" for name in reversed(names)))
    assert masks(MVTEC_AD.find(tmp_path, None)) == {f"{name}.png": f"{name}_mask.png" for name in names}


def test_a_photo_without_a_mask_leaves_the_masks_of_others_alone(tmp_path: Path) -> None:
    touch(tmp_path, "test/cut/1.png", "test/cut/2.png", "test/cut/3.png", "ground_truth/cut/3_mask.png")
    assert masks(MVTEC_AD.find(tmp_path, None)) == {"1.png": None, "2.png": None, "3.png": "3_mask.png"}


def test_a_mask_may_have_the_photos_own_name_and_another_suffix(tmp_path: Path) -> None:
    touch(tmp_path, "test/cut/a.v1.jpg", "test/cut/b.bmp", "ground_truth/cut/a.v1.png", "ground_truth/cut/b_mask.tif")
    assert masks(MVTEC_AD.find(tmp_path, None)) == {"a.v1.jpg": "a.v1.png", "b.bmp": "b_mask.tif"}


def test_photos_in_deeper_folders_are_paired_by_their_whole_path(tmp_path: Path) -> None:
    touch(tmp_path, "test/cut/x/1.png", "test/cut/y/1.png", "ground_truth/cut/y/1_mask.png")
    found = MVTEC_AD.find(tmp_path, None)
    assert {s.image.parent.name: s.masks[0].parent.name if s.masks else None for s in found.test} == {
        "x": None,
        "y": "y",
    }


def test_without_ground_truth_there_are_no_masks(tmp_path: Path) -> None:
    touch(tmp_path, "test/cut/1.png", "test/cut/1.jpg", "test/good/1.png")
    assert [s.masks for s in MVTEC_AD.find(tmp_path, None).test] == [()] * 3


def test_good_photos_have_no_mask_even_where_one_lies_there(tmp_path: Path) -> None:
    touch(tmp_path, "test/cut/1.png", "test/good/1.png", "ground_truth/good/1_mask.png", "ground_truth/cut/1_mask.png")
    assert [(s.defect_type, not s.masks) for s in MVTEC_AD.find(tmp_path, None).test] == [
        ("cut", False),
        ("good", True),
    ]


def test_a_mask_without_its_photo_is_left_out_and_harms_no_other(tmp_path: Path) -> None:
    touch(tmp_path, "test/cut/1.png", "ground_truth/cut/01_mask.png", "ground_truth/cut/1_mask.png")
    found = MVTEC_AD.find(tmp_path, None)
    assert masks(found) == {"1.png": "1_mask.png"}
    assert left_out(found) == [
        f"{tmp_path / 'ground_truth/cut/01_mask.png'}: is the mask of no photo in {tmp_path / 'test/cut'}; "
        "add its photo or remove the mask"
    ]


def test_many_masks_without_photo_are_one_line(tmp_path: Path) -> None:
    touch(tmp_path, "test/cut/1.png", *(f"ground_truth/cut/{i}_mask.png" for i in range(2, 6)))
    (line,) = left_out(MVTEC_AD.find(tmp_path, None))
    assert line.startswith(f"{tmp_path / 'ground_truth/cut/2_mask.png'}: is the mask of no photo")
    assert "the same goes for 3 more" in line


def test_masks_of_a_defect_type_without_photos_are_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "test/cut/1.png", "ground_truth/dent/1_mask.png")
    found = MVTEC_AD.find(tmp_path, None)
    assert [s.image.name for s in found.test] == ["1.png"]
    (line,) = left_out(found)
    assert line.startswith(f"{tmp_path / 'ground_truth/dent'}: has masks but there is no")


def test_masks_beside_the_folders_of_masks_are_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "test/cut/1.png", "ground_truth/1_mask.png")
    (line,) = left_out(MVTEC_AD.find(tmp_path, None))
    assert line.startswith(f"{tmp_path / 'ground_truth/1_mask.png'}: lies in no defect folder; move it to ")


def test_a_loop_of_links_among_the_folders_ends(tmp_path: Path) -> None:
    touch(tmp_path, "train/good/1.png", "test/cut/2.png", "test/good/3.png")
    (tmp_path / "train" / "good" / "again").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "test" / "cut" / "again").symlink_to(tmp_path / "test" / "cut", target_is_directory=True)
    (tmp_path / "test" / "self").symlink_to(tmp_path / "test" / "self")
    found = MVTEC_AD.find(tmp_path, None)
    assert [s.image.name for s in found.train] == ["1.png"]  # and no photo of a defect by way of the link
    assert [s.image.name for s in found.test] == ["2.png", "3.png"]


def test_of_two_masks_for_one_photo_neither_is_taken_and_others_keep_theirs(tmp_path: Path) -> None:
    touch(tmp_path, "test/cut/1.png", "test/cut/2.png", "ground_truth/cut/1.png")
    touch(tmp_path, "ground_truth/cut/1_mask.png", "ground_truth/cut/2_mask.png")
    found = MVTEC_AD.find(tmp_path, None)
    assert masks(found) == {"1.png": None, "2.png": "2_mask.png"}
    (line,) = left_out(found)
    assert "second mask of 1.png" in line
    assert "1_mask.png" in line


@pytest.mark.parametrize("other", ["1.jpg", "1_mask.png"])
def test_a_mask_that_fits_two_photos_is_neithers(tmp_path: Path, other: str) -> None:
    touch(tmp_path, "test/cut/1.png", f"test/cut/{other}", "test/cut/2.png")
    touch(tmp_path, "ground_truth/cut/1_mask.png", "ground_truth/cut/2_mask.png")
    found = MVTEC_AD.find(tmp_path, None)
    assert masks(found) == {"1.png": None, other: None, "2.png": "2_mask.png"}
    (line,) = left_out(found)
    assert "1_mask.png: could be the mask of " in line
    assert other in line


def test_two_photos_of_one_name_that_no_mask_is_for_are_no_trouble(tmp_path: Path) -> None:
    touch(tmp_path, "test/cut/1.png", "test/cut/1.jpg", "test/cut/2.png", "ground_truth/cut/2_mask.png")
    found = MVTEC_AD.find(tmp_path, None)
    assert masks(found) == {"1.png": None, "1.jpg": None, "2.png": "2_mask.png"}
    assert left_out(found) == []


def test_train_alone_and_test_alone_are_enough(tmp_path: Path) -> None:
    touch(tmp_path, "a/train/good/1.png", "b/test/good/1.png")
    assert [len(MVTEC_AD.find(tmp_path, "a").train), len(MVTEC_AD.find(tmp_path, "a").test)] == [1, 0]
    assert [len(MVTEC_AD.find(tmp_path, "b").train), len(MVTEC_AD.find(tmp_path, "b").test)] == [0, 1]


def test_folders_without_photos_are_refused(tmp_path: Path) -> None:
    touch(tmp_path, "train/good/notes.txt", "test/cut/notes.txt")
    assert "holds no photos" in refusal(tmp_path)


def test_a_train_folder_without_good_is_named(tmp_path: Path) -> None:
    touch(tmp_path, "train/1.png", "test/good/1.png")
    assert f"{tmp_path / 'train'}: has no folder named good" in refusal(tmp_path)


def test_photos_beside_the_defect_folders_are_named(tmp_path: Path) -> None:
    touch(tmp_path, "test/good/1.png", "test/2.png")
    assert f"{tmp_path / 'test/2.png'}: lies in no defect folder" in refusal(tmp_path)


def test_good_in_capitals_does_not_become_a_defect(tmp_path: Path) -> None:
    touch(tmp_path, "test/Good/1.png", "test/cut/1.png")
    assert "Good: would count as a defect; rename it to good" in refusal(tmp_path)


@pytest.mark.parametrize("truth", ["ground_truth", "test/ground_truth"])
def test_the_test_folder_alone_finds_its_masks_beside_or_inside(
    tmp_path: Path, truth: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "train/good/1.png", "test/good/1.png", "test/cut/1.png", f"{truth}/cut/1_mask.png")
    assert masks(MVTEC_AD.find(tmp_path / "test", None)) == {"1.png": "1_mask.png"}
    monkeypatch.chdir(tmp_path / "test")
    found = MVTEC_AD.find(Path(), None)
    assert masks(found) == {"1.png": "1_mask.png"}
    assert found.train == ()
    assert [s.defect_type for s in found.test] == ["cut", "good"]


def test_an_unknown_category_lists_those_there_are(tmp_path: Path) -> None:
    touch(tmp_path, "bottle/train/good/1.png", "cable/train/good/1.png")
    text = refusal(tmp_path, "botle")
    assert "has no category 'botle'; there are bottle, cable" in text
    assert text.endswith("did you mean 'bottle'?")


def test_a_category_within_a_category_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, "train/good/1.png", "test/good/1.png")
    assert "leave the category out" in refusal(tmp_path, "bottle")


def test_several_categories_ask_for_one(tmp_path: Path) -> None:
    touch(tmp_path, "bottle/train/good/1.png", "cable/test/good/1.png", "papers/x.txt")
    assert "holds the categories bottle, cable; name one of them" in refusal(tmp_path)


def test_a_folder_of_another_layout_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, "photos/1.png")
    assert "has neither train/good nor test/DEFECT" in refusal(tmp_path)


def test_good_photos_beside_masks_alone_are_no_test_folder(tmp_path: Path) -> None:
    touch(tmp_path, "good/1.png", "ground_truth/cut/1_mask.png")
    assert "has neither train/good nor test/DEFECT" in refusal(tmp_path)


def test_every_shared_set_has_the_photos_and_masks_that_were_counted(shared: Path) -> None:
    counted = json.loads((shared / "data" / "COUNTS.json").read_text())
    assert counted
    for place, expected in counted.items():
        root, category = place.split("/")
        found = MVTEC_AD.find(shared / "data" / root, category)
        counts = {"train/good": len(found.train)}
        for sample in found.test:
            for kind in [f"test/{sample.defect_type}"] + ["ground_truth/" + sample.defect_type] * len(sample.masks):
                counts[kind] = counts.get(kind, 0) + 1
            assert not sample.masks or sample.masks[0].stem == f"{sample.image.stem}_mask"
        assert counts == expected, place


def test_validation_photos_are_kept_apart(tmp_path: Path) -> None:
    touch(tmp_path, "train/good/1.png", "validation/good/2.png", "test/cut/3.png")
    found = MVTEC_AD.find(tmp_path, None)
    assert [[s.image.name for s in part] for part in (found.train, found.validation)] == [["1.png"], ["2.png"]]
