"""The traps of published datasets: names that do not sort alike, suffixes that differ, masks of small numbers."""

import json
from pathlib import Path

import numpy as np
import pytest

from blemish.data import AUTO, DATASETS, find_dataset
from blemish.data.dataset import Dataset, Saturation
from blemish.data.images import MaskValues, read_mask, save_png
from blemish.data.masks import mask_of
from blemish.errors import DataError
from data import trees


def names(found: Dataset) -> dict[str, list[str]]:
    """The photos of each split, with the folder that they lie in."""
    splits = {"train": found.train, "validation": found.validation, "test": found.test}
    return {split: [f"{s.image.parent.name}/{s.image.name}" for s in some] for split, some in splits.items()}


def masks(found: Dataset) -> dict[str, list[str]]:
    return {s.image.name: [mask.name for mask in s.masks] for s in found.test if s.anomalous}


def left_out(found: Dataset) -> list[str]:
    return [str(error) for error in found.left_out]


def test_visa_is_divided_by_its_list_and_pairs_by_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trees.visa(tmp_path)
    found = find_dataset(AUTO, tmp_path, "part")
    assert names(found)["train"] == ["Normal/0010.JPG", "Normal/0001.JPG"]
    assert [s.defect_type for s in found.test] == ["bad", "bad", "good"]
    assert masks(found) == {"010.JPG": ["010.png"], "002.JPG": ["002.png"]}
    assert {s.mask_values for s in found.test if s.anomalous} == {"any"}
    monkeypatch.chdir(tmp_path / "part")
    assert len(find_dataset(AUTO, Path()).train) == 2, "the object's name is that of the folder, wherever one stands"
    (tmp_path / "part/Data/Images/Normal/0001.JPG").unlink()
    (tmp_path / "part/Data/Masks/Anomaly/010.png").unlink()
    less = find_dataset(AUTO, tmp_path, "part")
    assert [line.split("1cls.csv: ")[1].split(" (")[0] for line in left_out(less)] == ["names 1 photo", "names 1 mask"]
    assert masks(less)["010.JPG"] == []
    (tmp_path / "split_csv/1cls.csv").unlink()
    with pytest.raises(DataError, match=r"1cls.csv: is not there, and says which photos are to learn from"):
        find_dataset(AUTO, tmp_path, "part")


@pytest.mark.parametrize("level", ["", "1cls/"])
def test_visa_is_read_as_its_authors_script_lays_it_out(tmp_path: Path, level: str) -> None:
    made = tmp_path / level / "candle"
    trees.files(made, "train/good/0000.JPG", "test/good/0001.JPG", "test/bad/010.JPG", "test/bad/002.JPG")
    trees.files(made, "ground_truth/bad/010.png", "ground_truth/bad/002.png")
    found = find_dataset("visa", tmp_path, "candle")
    assert (found.name, found.base.name) == ("visa", "candle")
    assert masks(found) == {"002.JPG": ["002.png"], "010.JPG": ["010.png"]}
    assert find_dataset(AUTO, made).name == "mvtec_ad"


def test_the_3d_set_takes_photos_from_rgb_and_masks_from_gt_and_good_ones_have_none(tmp_path: Path) -> None:
    trees.mvtec_3d(tmp_path)
    found = find_dataset(AUTO, tmp_path, "part")
    assert {s.image.parent.name for s in found.train + found.validation + found.test} == {"rgb"}
    assert [(s.defect_type, len(s.masks)) for s in found.test] == [("combined", 1), ("cut", 1), ("good", 0)]
    assert all(s.masks[0].parent.name == "gt" for s in found.test if s.masks)
    assert len(found.validation) == 1


def test_loco_has_several_masks_of_a_photo_and_says_how_much_of_each_is_enough(tmp_path: Path) -> None:
    trees.mvtec_loco(tmp_path)
    found = find_dataset(AUTO, tmp_path, "part")
    assert masks(found) == {"002.png": ["000.png"], "010.png": ["000.png", "001.png"], "000.png": ["000.png"]}
    assert found.test[1].saturations == (
        Saturation(value=255, threshold=3, relative=False),
        Saturation(value=254, threshold=0.5, relative=True),
    )
    trees.files(tmp_path, "part/ground_truth/logical_anomalies/099/000.png")
    assert "has masks of no photo" in left_out(find_dataset(AUTO, tmp_path, "part"))[0]
    (tmp_path / "part" / "defects_config.json").write_text('[{"pixel_value": 255}]')
    with pytest.raises(DataError, match=r"defects_config.json: is damaged or edited"):
        find_dataset(AUTO, tmp_path, "part")


def test_ad_2_keeps_the_lights_of_a_part_together_and_sets_the_private_photos_aside(tmp_path: Path) -> None:
    trees.mvtec_ad_2(tmp_path)
    found = find_dataset(AUTO, tmp_path, "part")
    parts = {s.part for s in found.test}
    assert parts == {"test_public/good/000", "test_public/bad/000"}
    assert not parts & {s.part for s in found.train + found.validation}
    assert masks(found)["000_shift_1.png"] == ["000_shift_1_mask.png"]
    assert {what: len(photos) for what, photos in found.set_aside.items()} == {
        "photos of test_private, which have no labels": 1,
        "photos of test_private_mixed, which have no labels": 1,
    }


def test_btad_pairs_whatever_the_suffixes_and_others_folders_of_ok_and_ko_are_not_it(tmp_path: Path) -> None:
    trees.btad(tmp_path)
    assert masks(find_dataset(AUTO, tmp_path, "02")) == {"0002.png": ["0002.bmp"], "0010.bmp": ["0010.png"]}
    (tmp_path / "02").rename(tmp_path / "lid")
    other = find_dataset(AUTO, tmp_path, "lid")
    assert other.name == "good_and_bad"
    assert masks(other) == masks(find_dataset("btad", tmp_path / "lid"))


def test_kolektorsdd_keeps_an_item_on_one_side_and_its_masks_say_what_is_good(tmp_path: Path) -> None:
    trees.kolektorsdd(tmp_path)
    found = find_dataset(AUTO, tmp_path, "part")
    assert names(found) == {
        "train": ["kos01/Part0.jpg", "kos02/Part0.jpg", "kos02/Part1.jpg"],
        "validation": [],
        "test": ["kos10/Part0.jpg", "kos10/Part1.jpg"],
    }
    assert {s.part for s in found.train} == {"kos01", "kos02"}
    (aside,) = found.set_aside.values()
    assert [path.parent.name for path in aside] == ["kos01"]
    (tmp_path / "part/kos02/Part0_label.bmp").write_text("damaged")
    (tmp_path / "part/kos10/Part1_label.bmp").unlink()
    trees.mask(tmp_path / "part/kos10/Part9_label.bmp")
    unsure = find_dataset(AUTO, tmp_path, "part")
    assert names(unsure)["train"] == ["kos01/Part0.jpg", "kos02/Part1.jpg"]
    said = [line.rsplit("/", 1)[-1] for line in left_out(unsure)]
    assert [line.split(":")[0] for line in said] == ["Part0_label.bmp", "Part1.jpg", "Part9_label.bmp"]
    assert "whether Part0.jpg is good is not known" in said[0]


def test_kolektorsdd2_learns_from_photos_whose_mask_is_black(tmp_path: Path) -> None:
    trees.kolektorsdd2(tmp_path)
    found = find_dataset(AUTO, tmp_path, "part")
    assert names(found) == {
        "train": ["train/9.png", "train/10.png"],
        "validation": [],
        "test": ["test/2.png", "test/3.png"],
    }
    assert masks(found) == {"2.png": ["2_GT.png"]}
    mask = mask_of(found.test[0])
    assert mask is not None and mask.sum() == 4, "a mask of ones is a mask"
    assert list(found.set_aside) == ["defective photos of train"]


def test_the_list_of_real_iad_counts_and_not_the_folder(tmp_path: Path) -> None:
    trees.real_iad(tmp_path)
    found = find_dataset(AUTO, tmp_path, "part")
    assert [(s.defect_type, s.part) for s in found.test] == [("AK", "NG/AK/S0002"), ("good", "NG/AK/S0002")]
    assert {s.part for s in found.train} == {"OK/S0001"}
    single = find_dataset("real_iad_sv", tmp_path, "part")
    assert (len(single.train), len(single.test)) == (1, 1)
    inside = tmp_path / "realiad_jsons" / "realiad_jsons"
    inside.mkdir()
    (tmp_path / "realiad_jsons" / "part.json").rename(inside / "part.json")
    assert find_dataset(AUTO, tmp_path / "realiad_512", "part").test == found.test
    trees.files(tmp_path, "realiad_1024/part/OK/1.jpg")
    with pytest.raises(DataError, match=r"holds realiad_512, realiad_1024; name one of these folders"):
        find_dataset("real_iad", tmp_path, "part")


def test_masks_of_piped_are_black_where_the_defect_is_and_sheets_stay_together(tmp_path: Path) -> None:
    trees.piped(tmp_path)
    trees.mask(tmp_path / "part/Defects/GroundThruth/PA_X_TL_S_GT_02_1.bmp", 0, rest=255, mode="1")
    found = find_dataset(AUTO, tmp_path, "part")
    assert masks(found)["PA_X_TL_S_D_02_1.bmp"] == ["PA_X_TL_S_GT_02_1.bmp"]
    mask = mask_of(found.test[1])
    assert mask is not None and mask.sum() == 4
    assert {s.part for s in found.train} == {"PA_X_TL_S_ND_01", "PA_X_TL_S_ND_02"}
    assert {s.part for s in found.test if not s.anomalous} == {"PA_X_TL_S_ND_03"}
    (tmp_path / "part/Defects/GroundThruth").rename(tmp_path / "part/Defects/GroundTruth")
    assert len(masks(find_dataset(AUTO, tmp_path, "part"))) == 3


def test_bmad_keeps_validation_apart_and_the_slices_of_a_patient_together(tmp_path: Path) -> None:
    trees.bmad(tmp_path)
    found = find_dataset(AUTO, tmp_path, "part")
    assert names(found)["validation"] == ["img/00002_70.png"]
    assert masks(found) == {"00002_70.png": ["00002_70.png"]}
    assert {what: len(photos) for what, photos in found.set_aside.items()} == {"defective photos of valid": 1}
    (tmp_path / "part/train/good").rename(tmp_path / "part/train/img")
    (tmp_path / "part/train/good").mkdir()
    (tmp_path / "part/train/img").rename(tmp_path / "part/train/good/img")
    (tmp_path / "part/test/Ungood/label").rename(tmp_path / "part/test/Ungood/anomaly_mask")
    for name in ("Brain", "BraTS2021_slice"):
        (tmp_path / "part").rename(tmp_path / name)
        other = find_dataset(AUTO, tmp_path, name)
        assert {s.part for s in other.train} == {"00001"}
        assert masks(other) == masks(found)
        (tmp_path / name).rename(tmp_path / "part")


def test_bmad_is_read_as_its_liver_and_its_retina_lie(tmp_path: Path) -> None:
    """Read as anything else, good photos and masks would count as defective photos."""
    liver, retina = tmp_path / "hist_DIY", tmp_path / "RESC"
    trees.files(liver, "train/good/1.png", "valid/img/good/2.png", "valid/img/Ungood/3.png", "valid/label/Ungood/3.png")
    trees.files(liver, "test/img/good/4.png", "test/img/Ungood/5.png", "test/label/Ungood/5.png")
    trees.files(retina, "train/good/1.png", "val/good/img/2.png", "val/ungood/img/3.png", "val/ungood/label/3.png")
    trees.files(retina, "test/good/img/4.png", "test/ungood/img/5.png", "test/ungood/label/5.png")
    for place, truth in ((liver, "label/Ungood"), (retina, "ungood/label")):
        found = find_dataset(AUTO, place)
        assert found.name == "bmad"
        assert [s.image.name for s in (*found.train, *found.validation)] == ["1.png", "2.png"]
        assert [(s.image.name, s.defect_type) for s in found.test] == [("5.png", "Ungood"), ("4.png", "good")]
        assert found.test[0].masks == (place / "test" / truth / "5.png",)
        assert [len(photos) for photos in found.set_aside.values()] == [1]
    trees.files(tmp_path / "rsna", "train/good/1.png", "test/good/2.png", "test/Ungood/3.png")
    assert [s.masks for s in find_dataset(AUTO, tmp_path / "rsna").test] == [(), ()]


def test_good_photos_in_a_folder_of_defects_are_named_and_count_as_neither(tmp_path: Path) -> None:
    trees.files(tmp_path, "train/good/1.png", "test/img/good/2.png", "test/img/dent/3.png")
    found = find_dataset(AUTO, tmp_path)
    assert names(found)["test"] == ["dent/3.png"]
    (line,) = left_out(found)
    assert line == f"{tmp_path}/test/img/good: good by its name, in a folder of defects; move it out of there"


def test_lookout_finds_what_was_copied_from_a_bucket_and_takes_white_for_nothing(tmp_path: Path) -> None:
    trees.lookout(tmp_path)
    trees.mask(tmp_path / "part/masks/1.png", 160, rest=255)
    found = find_dataset(AUTO, tmp_path, "part")
    assert names(found) == {
        "train": ["normal/2.jpg", "normal/10.jpg"],
        "validation": [],
        "test": ["anomaly/1.jpg", "normal/1.jpg"],
    }
    assert found.test[0].defect_type == "scratch"
    mask = mask_of(found.test[0])
    assert mask is not None and mask.sum() == 4
    (tmp_path / "part/train/normal/2.jpg").unlink()
    trees.files(tmp_path, "part/2.jpg", "part/normal/2.jpg")
    less = find_dataset(AUTO, tmp_path, "part")
    assert names(less)["train"] == ["normal/10.jpg"], "a photo that is missing is not another one of its name"
    assert "names 1 photo" in left_out(less)[0]


def test_a_list_of_ones_own_says_label_mask_split_and_part(tmp_path: Path) -> None:
    trees.manifest(tmp_path)
    found = find_dataset(AUTO, tmp_path, "part")
    assert names(found) == {
        "train": ["a/1.png", "a/2.jpg"],
        "validation": ["c/3.png"],
        "test": ["b/1.png", "b/2.png"],
    }
    assert [s.part for s in found.train] == ["7", "8"]
    assert masks(found) == {"1.png": ["b1.png", "b1x.png"]}
    assert find_dataset(AUTO, tmp_path / "part" / "manifest.csv").test == found.test


def test_the_same_list_in_json_lines_is_the_same(tmp_path: Path) -> None:
    trees.manifest(tmp_path)
    table = find_dataset(AUTO, tmp_path, "part")
    lines = [
        {"image": "a/1.png", "label": 0, "split": "train", "part": 7},
        {"image": "a/2.jpg", "part": "8"},
        {"image": "c/3.png", "label": False, "split": "val", "part": 9},
        {"image": "b/2.png", "label": "ok", "split": "test"},
        {"image": "b/1.png", "label": "scratch", "mask": ["m/b1.png", "m/b1x.png"]},
    ]
    (tmp_path / "part/manifest.csv").unlink()
    (tmp_path / "part/manifest.jsonl").write_text("\n".join(map(json.dumps, lines)))
    found = find_dataset(AUTO, tmp_path, "part")
    assert (found.train, found.validation, found.test) == (table.train, table.validation, table.test)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (",good,,,", "line 2 names no image"),
        ("a/1.png,good,,trian,", "line 2 has the split 'trian'; give train, validation or test"),
        ("a/9.png,good,,,", r"names 1 photo \(.*9.png\) not there"),
        ("a/1.png,dent,,train,", "names 1 defective photo .* to be learned from as good"),
    ],
)
def test_a_list_that_is_wrong_says_in_which_line(tmp_path: Path, line: str, said: str) -> None:
    trees.manifest(tmp_path)
    (tmp_path / "part/manifest.csv").write_text(f"image,label,mask,split,part\n{line}\n")
    with pytest.raises(DataError, match=said) as caught:
        find_dataset(AUTO, tmp_path / "part")
    assert len(str(caught.value).splitlines()) == 1


def test_a_table_of_another_program_is_no_list_of_photos(tmp_path: Path) -> None:
    trees.mvtec_ad(tmp_path)
    (tmp_path / "part/manifest.csv").write_text("lot,date\n7,today\n")
    (tmp_path / "part/manifest.jsonl").write_text("[]\n")
    assert find_dataset(AUTO, tmp_path, "part").name == "mvtec_ad"


@pytest.mark.parametrize(("values", "marked"), [("any", 40), ("black", 8), ("not_white", 44)])
def test_what_the_values_of_a_mask_stand_for(tmp_path: Path, values: MaskValues, marked: int) -> None:
    picture = np.full((6, 8), 7, np.uint8)
    picture[0], picture[1, :4] = 0, 255
    save_png(tmp_path / "mask.png", picture)
    assert read_mask(tmp_path / "mask.png", values=values).sum() == marked


def test_official_counts_add_up_to_the_official_totals() -> None:
    def total(name: str) -> list[int]:
        counts = DATASETS[name].official.values()
        return [sum(getattr(c, split) or 0 for c in counts) for split in ("train", "validation", "good", "bad")]

    assert total("visa") == [8659, 0, 962, 1200]
    assert total("mvtec_ad_2") == [2528, 302, 379, 705]
    assert total("mvtec_ad") == [3629, 0, 467, 1258]
    assert len(DATASETS["real_iad"].official) == 30
