"""Folders that quality engineers name by words for good and bad parts."""

from pathlib import Path

import pytest
from PIL import Image

from blemish.data import AUTO, find_dataset
from blemish.data.dataset import Dataset
from blemish.data.folder_names import meaning_of
from blemish.data.good_and_bad import GOOD_AND_BAD, to_test_on
from blemish.data.mvtec_ad import MVTEC_AD
from blemish.errors import DataError

PAIRS = (
    *(("ok", "ng"), ("OK", "NG"), ("Good", "Bad"), ("good", "bad"), ("pass", "fail"), ("PASSED", "Failed")),
    *(("normal", "abnormal"), ("normal", "anomaly"), ("normal", "defect"), ("ok", "ko"), ("io", "nio"), ("iO", "niO")),
    *(("i.O.", "n.i.O."), ("gut", "schlecht"), ("ok", "not_ok"), ("good parts", "NG parts"), ("NoDefects", "Defects")),
    *(("Gutteile", "Schlechtteile"), ("OKparts", "NGparts"), ("gut", "Ausschussteile"), ("fehlerfrei", "fehlerhaft")),
    *(("in Ordnung", "nicht in Ordnung"), ("OK", "n.OK"), ("良品", "不良品"), ("einwandfrei", "Mängel")),
)


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def names(found: Dataset) -> tuple[list[str], list[tuple[str, str]]]:
    return [s.image.name for s in found.train], [(s.image.name, s.defect_type) for s in found.test]


@pytest.mark.parametrize(("good", "bad"), PAIRS)
def test_good_parts_are_learned_and_bad_ones_tested(tmp_path: Path, good: str, bad: str) -> None:
    touch(tmp_path, f"{good}/1.png", f"{good}/cam2/2.png", f"{bad}/3.png")
    found = find_dataset(AUTO, tmp_path)
    assert (found.name, *names(found)) == ("good_and_bad", ["1.png", "2.png"], [("3.png", bad)])


@pytest.mark.parametrize(("good", "bad"), PAIRS)
def test_so_they_are_in_train(tmp_path: Path, good: str, bad: str) -> None:
    touch(tmp_path, f"train/{good}/1.png", f"train/{bad}/2.png")
    assert names(find_dataset(AUTO, tmp_path)) == (["1.png"], [("2.png", bad)])


def test_train_validation_and_test_have_their_uses_in_any_case(tmp_path: Path) -> None:
    touch(tmp_path, "Train/OK/1.png", "Val/OK/2.png", "Test/OK/3.png", "Test/NG/4.png", "Test/scratch/5.png")
    found = find_dataset(AUTO, tmp_path)
    assert names(found) == (["1.png"], [("4.png", "NG"), ("5.png", "scratch"), ("3.png", "good")])
    assert [s.image.name for s in found.validation] == ["2.png"]


def test_sub_folders_of_bad_parts_are_types_of_defect(tmp_path: Path) -> None:
    touch(tmp_path, "OK/1.png", "NG/2.png", "NG/scratch/3.png", "NG/dent/cam1/4.png")
    assert set(names(find_dataset(AUTO, tmp_path))[1]) == {("2.png", "NG"), ("3.png", "scratch"), ("4.png", "dent")}


def test_masks_are_paired_by_name_and_strays_are_named(tmp_path: Path) -> None:
    touch(tmp_path, "train/ok/1.png", "test/ko/2.bmp", "test/ko/3.bmp", "ground_truth/ko/2.png")
    touch(tmp_path, "ground_truth/ng/7.png")
    found = find_dataset(AUTO, tmp_path)
    assert {s.image.name: [mask.name for mask in s.masks] for s in found.test} == {"2.bmp": ["2.png"], "3.bmp": []}
    (line,) = map(str, found.left_out)
    assert line.startswith(f"{tmp_path / 'ground_truth/ng'}: has masks but no folder")


def test_masks_are_of_the_test_photos_where_bad_parts_lie_in_train_too(tmp_path: Path) -> None:
    touch(tmp_path, "train/OK/1.png", "train/NG/2.png", "test/OK/3.png", "test/NG/4.png", "ground_truth/NG/4.png")
    found = find_dataset(AUTO, tmp_path)
    assert {s.image.name: len(s.masks) for s in found.test if s.anomalous} == {"2.png": 0, "4.png": 1}
    assert not found.left_out


def test_what_no_name_speaks_of_is_left_out_and_named(tmp_path: Path) -> None:
    touch(tmp_path, "ok/1.png", "ng/2.png", "monday/3.png", "notes/read.txt", "4.png")
    found = find_dataset(AUTO, tmp_path)
    assert names(found) == (["1.png"], [("2.png", "ng")])
    lines = [str(error) for error in found.left_out]
    assert len(lines) == 2
    assert lines[0].startswith(f"{tmp_path / 'monday'}: no word for good or bad in the name")
    assert lines[1].startswith(f"{tmp_path / '4.png'}: in no folder of good or of bad parts")


def test_bad_parts_inside_a_folder_of_good_ones_are_refused(tmp_path: Path) -> None:
    touch(tmp_path, "OK/1.png", "OK/NG/2.png", "NG/3.png")
    with pytest.raises(DataError, match=r"OK/NG: holds bad parts, by its name"):
        find_dataset(AUTO, tmp_path)


def test_folders_of_good_and_bad_parts_are_no_plain_folder(tmp_path: Path) -> None:
    touch(tmp_path, "OK/1.png", "NG/2.png")
    with pytest.raises(DataError, match="give --dataset good_and_bad, or name the folder of good photos alone"):
        find_dataset("folder", tmp_path)


def test_a_test_folder_of_mvtec_is_not_learned_from(tmp_path: Path) -> None:
    touch(tmp_path, "train/good/1.png", "test/good/2.png", "test/bad/3.png")
    assert find_dataset(AUTO, tmp_path).name == find_dataset(AUTO, tmp_path / "test").name == "mvtec_ad"


def test_good_parts_under_another_word_are_no_type_of_defect(tmp_path: Path) -> None:
    touch(tmp_path, "test/OK/1.png", "test/NG/2.png")
    with pytest.raises(DataError, match=r"OK: would count as a defect; rename it to good"):
        MVTEC_AD.find(tmp_path, None)


def test_categories_are_those_that_are_so_divided(tmp_path: Path) -> None:
    touch(
        tmp_path, "lid/OK/1.png", "lid/NG/2.png", "nut2/ok/1.png", "nut2/ng/1.png", "nut10/ok/1.png", "nut10/ng/1.png"
    )
    assert GOOD_AND_BAD.categories(tmp_path) == ("lid", "nut2", "nut10")
    with pytest.raises(DataError, match="holds the categories lid, nut2, nut10; name one of them with --category"):
        find_dataset(AUTO, tmp_path)
    assert names(find_dataset(AUTO, tmp_path, "lid")) == (["1.png"], [("2.png", "NG")])


@pytest.mark.parametrize(
    "name", ["monday", "cam 1", "2026-11-27", "cracked", "knockout", "bring", "mango", "teile", "parts"]
)
def test_words_are_whole(name: str) -> None:
    assert meaning_of(name) is None


@pytest.mark.parametrize("name", ["N defects", "cam n_NG", "n.OK", "NIO-Teile"])
def test_a_single_n_never_makes_bad_parts_good(name: str) -> None:
    assert meaning_of(name) == "bad"


@pytest.mark.parametrize("name", ["no_defects", "defect-free", "NonDefective", "ohne Fehler", "not bad"])
def test_what_is_not_bad_is_good(name: str) -> None:
    assert meaning_of(name) == "good"


def test_a_folder_of_ok_beside_ng_is_evaluated_with_both(tmp_path: Path) -> None:
    for name in ("OK/1.png", "OK/2.png", "NG/3.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("L", (8, 8)).save(tmp_path / name)
    found = to_test_on(GOOD_AND_BAD.find(tmp_path, None))
    assert [(sample.image.name, sample.anomalous) for sample in found.test] == [
        ("1.png", False),
        ("2.png", False),
        ("3.png", True),
    ]
    (tmp_path / "test" / "OK").mkdir(parents=True)
    Image.new("L", (8, 8)).save(tmp_path / "test" / "OK" / "4.png")
    apart = GOOD_AND_BAD.find(tmp_path, None)
    assert to_test_on(apart) == apart
