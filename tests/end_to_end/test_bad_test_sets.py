"""Test sets with troubles of their own, measured by `evaluate` and looked through by `check`."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blemish.data.dataset import Dataset
from blemish.data.images import read_image, save_png
from commands import Done, blemish, one_line
from end_to_end.bad_photos import BAD_NAMES, GOOD_NAMES, bad_photos, good_photos

NO_REPORT = "--no-report"


@pytest.fixture
def test_set(parts: Dataset, tmp_path: Path) -> Path:
    """Six good and six cracked parts with masks, six with holes; to be damaged."""
    root = tmp_path / "set"
    for name in ("test/good", "test/crack", "test/hole", "ground_truth/crack", "ground_truth/hole"):
        (root / name).mkdir(parents=True)
        for file in sorted((parts.root / name).iterdir())[:6]:
            shutil.copy(file, root / name)
    return root


def evaluated(run: Path, test_set: Path, *options: str, bound: bool = False) -> tuple[Done, dict[str, Any]]:
    folder = test_set.parent / "evaluation"
    done = blemish("evaluate", run, test_set, "--output", folder, *options, bound=bound)
    return done, json.loads((folder / "evaluation.json").read_text())


def test_a_mask_of_another_size_is_named_and_harms_no_metric_of_images(trained: Path, test_set: Path) -> None:
    save_png(test_set / "ground_truth/crack/000_mask.png", np.ones((5, 5), bool))
    done, evaluation = evaluated(trained, test_set, NO_REPORT)
    assert done.code == 2
    (line,) = done.about("000_mask.png")
    assert "5x5, its photo 64x64" in line
    assert evaluation["metrics"]["image_auroc"] is not None
    assert evaluation["defective_photos"] == 12
    checked = blemish("check", test_set)
    one_line(checked, "000_mask.png", "5x5, its photo 64x64")


def test_a_mask_without_its_photo_is_named_and_harms_nothing(trained: Path, test_set: Path) -> None:
    shutil.copy(test_set / "ground_truth/crack/000_mask.png", test_set / "ground_truth/crack/999_mask.png")
    shutil.copytree(test_set / "ground_truth/crack", test_set / "ground_truth/dent")
    done, evaluation = evaluated(trained, test_set, NO_REPORT)
    assert done.code == 2
    assert len(done.err) == len(done.about("crack/999_mask.png")) + len(done.about("ground_truth/dent")) == 2
    assert all(value is not None for value in evaluation["metrics"].values())
    assert evaluation["good_photos"] + evaluation["defective_photos"] == 18
    checked = blemish("check", test_set)
    assert (checked.code, len(checked.err)) == (2, 2)


def test_a_defect_photo_without_mask_counts_in_metrics_of_images(trained: Path, test_set: Path) -> None:
    (test_set / "ground_truth/hole/001_mask.png").unlink()
    done, evaluation = evaluated(trained, test_set, NO_REPORT)
    assert evaluation["metrics"]["image_auroc"] is not None
    assert evaluation["without_mask"] == 1
    assert evaluation["defective_photos"] == 12
    assert done.code == 0
    checked = blemish("check", test_set)
    assert checked.code == 0
    assert any("1 of 12 (" in line and "hole/001.png" in line for line in checked.out)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda mask: mask.write_bytes(b""), "is empty"),
        (lambda mask: save_png(mask, np.zeros((64, 64), np.bool_)), "marks no defect"),
        (lambda mask: save_png(mask, np.full((64, 64), 7, np.uint8)), "no value is above 7 of 255"),
        (lambda mask: mask.write_bytes(mask.read_bytes()[:60]), "cannot be decoded"),
    ],
    ids=["empty", "black", "of low values", "truncated"],
)
def test_a_mask_that_cannot_be_used_is_named(
    trained: Path, test_set: Path, damage: Callable[[Path], object], said: str
) -> None:
    damage(test_set / "ground_truth/crack/002_mask.png")
    done, evaluation = evaluated(trained, test_set, NO_REPORT)
    assert done.code == 2
    (line,) = done.about("002_mask.png")
    assert said in line
    assert evaluation["defective_photos"] == 12
    one_line(blemish("check", test_set), "002_mask.png", said)


def test_what_cannot_be_read_is_left_out_and_named(trained: Path, test_set: Path, parts: Dataset) -> None:
    bad_photos(parts, test_set / "test/good")
    for name in GOOD_NAMES:
        shutil.copy(test_set / "test/good/003.png", test_set / "test/good" / name)
    done, evaluation = evaluated(trained, test_set, "--report", bound=True)
    assert done.code == 2
    for name in (*BAD_NAMES, "/closed"):
        assert len(done.about(name)) == 1, (name, done.err)
    assert all(line.isprintable() for line in (*done.err, *done.out))
    assert evaluation["good_photos"] == 6 + len(GOOD_NAMES)
    assert len(evaluation["unreadable"]) == len(BAD_NAMES) + 1
    assert (test_set.parent / "evaluation" / "report.html").exists()


def test_a_test_set_of_which_nothing_can_be_read_is_one_line(trained: Path, test_set: Path) -> None:
    for photo in (test_set / "test").rglob("*.png"):
        photo.write_bytes(b"")
    done = blemish("evaluate", trained, test_set, "--output", test_set.parent / "evaluation")
    one_line(done, "no test photo could be judged")


def test_a_test_photo_that_was_trained_on_is_warned_of(trained: Path, test_set: Path, photos: Path) -> None:
    copied = sorted(photos.iterdir())[0]
    shutil.copy(copied, test_set / "test/good/zzz.png")
    done, evaluation = evaluated(trained, test_set, NO_REPORT)
    assert len(done.about("zzz.png")) == 1
    assert [Path(name).name for name in evaluation["duplicates"]] == ["zzz.png"]


def test_a_photo_in_both_train_and_test_is_pointed_out_by_check(test_set: Path, photos: Path) -> None:
    shutil.copytree(photos, test_set / "train/good")
    first = sorted(photos.iterdir())[0]
    shutil.copy(first, test_set / "test/good/zzz.png")
    done = blemish("check", test_set)
    assert done.code == 0
    (line,) = [line for line in done.out if "also among the good parts" in line]
    assert f"flatter the model: 1 ({test_set / 'test/good/zzz.png'} = {test_set / 'train/good' / first.name}" in line


def test_check_says_what_it_found_and_what_can_be_promised(photos: Path) -> None:
    done = blemish("check", photos)
    assert (done.code, done.err) == (0, [])
    assert done.out[:4] == [
        "good parts: 12 photos",
        "  width x height: 64x64",
        "  kinds: PNG colour",
        "  training would learn from 10 and calibrate with 2, "
        "which can promise a false alarm rate of 33.3 % and no less",
    ]
    assert [line.split(":")[0] for line in done.out[4:]] == ["good parts were not compared with one another"]


def test_check_answers_for_the_training_that_will_be(parts: Dataset, tmp_path: Path) -> None:
    good_photos(parts, tmp_path / "photos", *(f"{i}.png" for i in range(30)))
    last = (
        "training would learn from 24 and calibrate with 6, which can promise a false alarm rate of 14.3 % and no less"
    )
    for options in ((), ("--keep", "last"), ("--method", "stpm"), ("--method", "rstpm", "--keep", "last")):
        done = blemish("check", tmp_path / "photos", *options)
        assert done.code == 0
        assert last in map(str.strip, done.out)
    done = blemish("check", tmp_path / "photos", "--held-out", "0.5", "--method", "rstpm")
    assert any("learn from 15, choose weights by 4 and calibrate with 11, which" in line for line in done.out)


def test_check_knows_layouts_and_what_will_be_squeezed(parts: Dataset, tmp_path: Path) -> None:
    good_photos(parts, tmp_path / "photos" / "train" / "OK", *(f"{i}.png" for i in range(4)))
    good_photos(replace(parts, train=parts.train[4:]), tmp_path / "photos" / "val" / "OK", "8.png", "9.png")
    good_photos(replace(parts, train=parts.train[6:]), tmp_path / "photos" / "test" / "NG", "1.png")
    done = blemish("check", tmp_path / "photos", "--image-size", "64x256", "--dataset", "good_and_bad")
    assert (done.code, done.err) == (0, [])
    assert done.out[0] == "good parts: 4 photos, of train/OK (4)"
    assert any("squeezed: 4 of 4, such as 64x64, into 256x64" in line for line in done.out)
    assert "validation: 2 photos, of val/OK (2)" in done.out
    assert any("learn from 4 and calibrate with 2, which" in line for line in done.out)
    one_line(blemish("check", tmp_path / "photos", "--dataset", "folder"), "give --dataset good_and_bad")


def test_check_says_what_tiles_show_and_cost_as_training_would_take_them(photos: Path) -> None:
    done = blemish("check", photos, "--tiles", "32", "--image-size", "64", "--overlap", "32", "--max-megapixels", "95")
    assert (done.code, done.err) == (0, [])
    assert "  tiles: a photo of 64x64 is seen in 16 tiles of 32x32 pixels, each as 64x64 (width x height)" in str(
        done.out
    )
    shrunk = blemish("check", photos, "--image-size", "32", "--aspect", "squeeze").out
    assert any("to 32x32" in line and "from about 16" in line for line in shrunk)
    one_line(blemish("check", photos, "--tiles", "many"), "tiles is 'many': give off, auto, or how many pixels")
    one_line(blemish("check", photos, "--tiles", "64", "--image-size", "100"), "both sides must be multiples of 32")


def test_check_counts_parts_where_several_photos_show_one(parts: Dataset, tmp_path: Path) -> None:
    names = [f"part{part}_{shot}.png" for part in range(5) for shot in range(4)]
    good_photos(parts, tmp_path / "photos", *names)
    done = blemish("check", tmp_path / "photos", "--part", "(.+)_[0-9]+")
    assert (done.code, done.err) == (0, [])
    assert (
        "  training would learn from 16 and calibrate with 1 of 5 parts, "
        "which can promise a false alarm rate of 50 % and no less"
    ) in done.out


@pytest.mark.parametrize(("pattern", "said"), [("_z", "finds no part in its name"), ("part", "at least 2 parts")])
def test_check_says_where_a_pattern_finds_no_parts(parts: Dataset, tmp_path: Path, pattern: str, said: str) -> None:
    good_photos(parts, tmp_path / "photos", "part1.png", "part2.png")
    done = blemish("check", tmp_path / "photos", "--part", pattern)
    one_line(done, said)
    assert "good parts: 2 photos" in done.out


def test_check_names_what_cannot_be_read(parts: Dataset, tmp_path: Path) -> None:
    good_photos(parts, tmp_path / "photos", *GOOD_NAMES)
    shutil.copy(tmp_path / "photos" / GOOD_NAMES[0], tmp_path / "photos" / "copy.png")
    bad_photos(parts, tmp_path / "photos")
    done = blemish("check", tmp_path / "photos", bound=True)
    assert done.code == 2
    for name in (*BAD_NAMES, "/closed"):
        assert len(done.about(name)) == 1, (name, done.err)
    assert len(done.err) == len(BAD_NAMES) + 1
    assert (
        done.out[0]
        == f"good parts: {len(GOOD_NAMES) + 1 + len(BAD_NAMES)} photos, {len(BAD_NAMES)} of them cannot be read"
    )
    assert any("leaves out: 1 (" in line and "copy.png = " in line for line in done.out)
    assert all(line.isprintable() for line in (*done.err, *done.out))


def test_check_goes_on_after_a_folder_that_is_none(photos: Path, tmp_path: Path) -> None:
    done = blemish("check", tmp_path / "nowhere", photos)
    one_line(done, f"{tmp_path / 'nowhere'}: no such folder")
    assert "good parts: 12 photos" in done.out


def test_check_of_nothing_asks_for_folders() -> None:
    one_line(blemish("check"), "give folders of photos")


def test_check_changes_nothing(test_set: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in test_set.rglob("*")}
    blemish("check", test_set)
    assert {path: path.stat().st_mtime_ns for path in test_set.rglob("*")} == before


def test_a_large_photo_is_judged_at_its_own_size(trained: Path, photos: Path, tmp_path: Path) -> None:
    small = read_image(sorted(photos.iterdir())[0])
    for name, size in (("1x1", (1, 1)), ("5000x1", (5000, 1)), ("3x10000", (3, 10_000)), ("3000x2000", (3000, 2000))):
        save_png(tmp_path / "photos" / f"{name}.png", np.resize(small, (*size, 3)).astype(np.uint8))
    done = blemish("predict", trained, tmp_path / "photos", "--output", tmp_path / "out")
    other, shrunk = done.err
    assert "another shape" in other
    assert "10000x3" in shrunk or "2000x3000" in shrunk
    lines = map(json.loads, (tmp_path / "out" / "predictions.jsonl").read_text().splitlines())
    for line in lines:
        assert Path(line["image"]).stem == f"{line['height']}x{line['width']}"
        height, width, _ = read_image(tmp_path / "out" / line["overlay"]).shape
        assert height > line["height"] and width >= line["width"]
