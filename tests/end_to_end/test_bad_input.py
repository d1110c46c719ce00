"""Whatever lies in the folders: one clear line for each trouble, and no harm to anything else."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import blemish as blemish_package
from blemish.data import find_dataset
from blemish.data.dataset import Dataset
from blemish.data.images import save_png
from blemish.errors import DataError
from commands import QUICK, Done, blemish, one_line
from end_to_end.bad_photos import BAD_NAMES, GOOD_NAMES, bad_photos, good_photos


def a_line_for_each_bad_photo(done: Done) -> None:
    for name in (*BAD_NAMES, "/closed"):
        assert len(done.about(name)) == 1, (name, done.err)
    assert all(line.isprintable() for line in done.err)


@pytest.mark.parametrize("names", [(), ("notes.txt", ".hidden.png")], ids=["empty", "no photos"])
@pytest.mark.parametrize("command", ["train", "check", "predict"])
def test_a_folder_without_photos_is_named(trained: Path, tmp_path: Path, names: tuple[str, ...], command: str) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in names:
        (folder / name).touch()
    arguments = {"train": ("stpm", folder, tmp_path / "out", *QUICK), "check": (folder,), "predict": (trained, folder)}
    done = blemish(command, *arguments[command])
    assert done.code == 2
    assert done.about(str(folder))
    assert "holds no photos" in done.err[0]
    assert not (tmp_path / "out").exists()


def test_training_leaves_out_what_cannot_be_read_and_says_so(parts: Dataset, tmp_path: Path) -> None:
    good_photos(parts, tmp_path / "photos", *GOOD_NAMES, "a.png", "b.png")
    bad_photos(parts, tmp_path / "photos")
    done = blemish("train", "stpm", tmp_path / "photos", tmp_path / "out", *QUICK, bound=True)
    assert done.code == 0, done
    a_line_for_each_bad_photo(done)
    training = json.loads((tmp_path / "out" / "model.json").read_text())["training"]
    assert training["trained_on"] + training["validation"] + training["calibrating"] == len(GOOD_NAMES) + 2
    assert len(training["unreadable"]) == len(BAD_NAMES)


def test_bad_parts_beside_good_ones_are_not_learned_and_the_folders_are_said(parts: Dataset, tmp_path: Path) -> None:
    good_photos(parts, tmp_path / "photos" / "OK", "a.png", "b.png", "c.png")
    good_photos(replace(parts, train=parts.train[3:]), tmp_path / "photos" / "OK" / "cam2", "d.png", "e.png")
    (tmp_path / "photos" / "NG").mkdir()
    shutil.copy(next(s.image for s in parts.test if s.anomalous), tmp_path / "photos" / "NG")
    done = blemish("train", "stpm", tmp_path / "photos", tmp_path / "out", *QUICK)
    assert done.code == 0, done
    assert "good parts: 5 photos, of OK (3), OK/cam2 (2)" in done.err
    training = json.loads((tmp_path / "out" / "model.json").read_text())["training"]
    assert len(training["photos"]) == 5
    assert not any("NG" in photo["file"] for photo in training["photos"])


def test_good_beside_bad_types_names_the_folder_to_learn_from(parts: Dataset, tmp_path: Path) -> None:
    good_photos(parts, tmp_path / "photos" / "good", "a.png", "b.png")
    good_photos(parts, tmp_path / "photos" / "crack", "a.png")
    done = blemish("train", "stpm", tmp_path / "photos", tmp_path / "out", *QUICK)
    one_line(done, "is read as a test set", f"name {tmp_path / 'photos' / 'good'}")


def test_good_photos_beside_a_test_folder_are_named_before_those_in_it(tmp_path: Path) -> None:
    for name in ("good/a.png", "test/good/a.png", "test/crack/a.png"):
        save_png(tmp_path / name, np.zeros((8, 8), np.uint8))
    with pytest.raises(DataError, match=f"to learn from its good parts, name {tmp_path / 'good'}$"):
        find_dataset("auto", tmp_path).good_photos()


@pytest.mark.parametrize("command", ["train", "check", "predict"])
def test_pictures_of_other_kinds_are_counted_by_suffix(
    trained: Path, parts: Dataset, tmp_path: Path, command: str
) -> None:
    folder = tmp_path / "photos"
    good_photos(parts, folder, *(f"{i}.png" for i in range(4)))
    for name in ("1.heic", "2.HEIC", "3.gif", "film.mp4", "Thumbs.db"):
        (folder / name).write_bytes(b"x")
    arguments = {"train": ("stpm", folder, tmp_path / "out", *QUICK), "check": (folder,), "predict": (trained, folder)}
    done = blemish(command, *arguments[command])
    (line,) = done.about("of other kinds")
    assert "left out: 4 files of other kinds: .heic (2), .gif (1), .mp4 (1)" in line
    stopped = command == "predict" and any(not line.startswith("normal") for line in done.out)
    assert done.code == (0 if command == "train" else 1 if stopped else 2)


def test_what_was_predicted_into_the_photos_folder_is_never_judged(
    trained: Path, parts: Dataset, tmp_path: Path
) -> None:
    good_photos(parts, tmp_path / "photos", "a.png", "b.png")
    first = blemish("predict", trained, tmp_path / "photos", "--output", tmp_path / "photos" / "out")
    again = blemish("predict", trained, tmp_path / "photos")
    assert (len(first.out), again.out) == (2, first.out)
    (line,) = again.err
    assert line.endswith(f"left out: what Blemish wrote itself, in {tmp_path / 'photos' / 'out'}")
    refused = blemish("predict", trained, tmp_path / "photos" / "out")
    assert (refused.code, len(refused.about("was written by Blemish"))) == (2, 1)


def test_a_model_is_refused_among_its_photos_and_harmless_below_them(parts: Dataset, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    good_photos(parts, photos, "a.png", "b.png", "c.png")
    one_line(blemish("train", "stpm", photos, photos, *QUICK), "is a folder of photos", "a folder of its own")
    assert {path.name for path in photos.iterdir()} == {"a.png", "b.png", "c.png"}
    assert blemish("train", "stpm", photos, photos / "model", *QUICK).code == 0
    checked = blemish("check", photos)
    assert (checked.code, checked.out[0]) == (0, "good parts: 3 photos")


def test_a_single_good_photo_is_too_few(parts: Dataset, tmp_path: Path) -> None:
    good_photos(parts, tmp_path / "photos", "only.png")
    done = blemish("train", "stpm", tmp_path / "photos", tmp_path / "out", *QUICK)
    assert done.code == 2
    assert "at least 2 are needed" in done.err[-1]


def test_copies_of_a_single_photo_are_a_single_photo(parts: Dataset, tmp_path: Path) -> None:
    (photo,) = good_photos(parts, tmp_path / "photos", "only.png")
    for i in range(5):
        shutil.copy(photo, photo.with_name(f"copy {i}.png"))
    done = blemish("train", "stpm", tmp_path / "photos", tmp_path / "out", *QUICK)
    assert done.code == 2
    assert "at least 2 are needed" in done.err[-1]
    assert not (tmp_path / "out" / "model.json").exists()


def test_a_trained_model_is_not_trained_over(photos: Path, copy: Path) -> None:
    before = (copy / "model.json").read_bytes()
    one_line(blemish("train", "stpm", photos, copy, *QUICK), "already holds a trained model")
    assert (copy / "model.json").read_bytes() == before


@pytest.mark.parametrize("older", [False, True], ids=["a new run", "over an older model"])
def test_a_folder_that_may_not_be_written_is_named_before_anything_is_computed(
    photos: Path, copy: Path, tmp_path: Path, older: bool
) -> None:
    place = copy if older else tmp_path / "shut" / "run"
    shut = copy if older else tmp_path / "shut"
    shut.mkdir(exist_ok=True)
    shut.chmod(0o500)
    done = blemish("train", "stpm", photos, place, *QUICK, "--overwrite", bound=True)
    shut.chmod(0o700)
    one_line(done, str(place), "ermission")
    if older:
        assert blemish("predict", copy, photos).code in (0, 1)


def test_a_full_disk_costs_neither_an_older_model_nor_the_training(
    photos: Path, trained: Path, disk_of: Callable[[int], Path]
) -> None:
    """There is room for the checkpoint, one and a half times the weights, but not for the weights beside it."""
    weights = (trained / "weights.safetensors").stat().st_size
    run = Path(shutil.copytree(trained, disk_of(weights * 3) / "model"))
    train = ("train", "stpm", photos, run, *QUICK, "--seed", "1")
    done = blemish(*train, "--overwrite")
    assert done.code == 2
    assert len(done.about("cannot write")) == len(done.about("weights.safetensors")) == 1, done.err
    told = {"run.json", "training.jsonl", "unusual.png"}
    assert {path.name for path in run.iterdir()} - told == {
        "model.json",
        "weights.safetensors",
        "checkpoint.safetensors",
    }
    assert blemish("predict", run, photos).code in (0, 1)
    disk_of(weights * 5)
    assert blemish(*train, "--resume").code == 0
    assert {path.name for path in run.iterdir()} - told == {"model.json", "weights.safetensors"}


def test_predicting_judges_what_can_be_read_and_tells_of_the_rest(
    trained: Path, parts: Dataset, tmp_path: Path
) -> None:
    good_photos(parts, tmp_path / "photos", *GOOD_NAMES)
    bad_photos(parts, tmp_path / "photos")
    done = blemish("predict", trained, tmp_path / "photos", "--output", tmp_path / "out", bound=True)
    a_line_for_each_bad_photo(done)
    assert len(done.out) == len(GOOD_NAMES), done.out
    stopped = any(not line.startswith("normal") for line in done.out)  # which no unreadable photo hides
    assert done.code == (1 if stopped else 2)
    assert len(done.err) == len(BAD_NAMES) + 1 + stopped
    lines = (tmp_path / "out" / "predictions.jsonl").read_bytes().decode("utf-8").splitlines()
    written = [json.loads(line) for line in lines]
    readable = {Path(line["image"]).name for line in written if line["verdict"] != "unreadable"}
    assert readable == set(GOOD_NAMES)
    assert {Path(line["image"]).name for line in written if line["verdict"] == "unreadable"} == set(BAD_NAMES)
    assert all((tmp_path / "out" / line["overlay"]).exists() for line in written if line.get("overlay"))
    (tmp_path / "out" / "predictions.csv").read_bytes().decode("utf-8")


def test_predicting_leaves_other_files_of_the_output_folder_alone(
    trained: Path, parts: Dataset, tmp_path: Path
) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    (tmp_path / "overlays").mkdir()
    (tmp_path / "overlays" / "mine.png").write_text("mine")
    assert blemish("predict", trained, parts.test[0].image, "--output", tmp_path).code in (0, 1)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"
    assert (tmp_path / "overlays" / "mine.png").read_text() == "mine"


def test_a_file_in_the_place_of_the_output_folder_is_named(trained: Path, parts: Dataset, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    one_line(blemish("predict", trained, parts.test[0].image, "--output", tmp_path / "out"), str(tmp_path / "out"))
    assert (tmp_path / "out").read_text() == "a file"


def test_an_output_folder_that_may_not_be_written_is_named(trained: Path, parts: Dataset, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir(mode=0o500)
    done = blemish("predict", trained, parts.test[0].image, "--output", tmp_path / "out", bound=True)
    one_line(done, str(tmp_path / "out"), "Permission denied")


def test_a_full_disk_ends_predicting_with_one_line_and_keeps_what_was_written(
    trained: Path, parts: Dataset, tmp_path: Path
) -> None:
    """Overlays of 64x64 fit; that of a large photo, of pixels that cannot be made smaller, does not."""
    good_photos(parts, tmp_path / "photos", "1.png", "2.png")
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "photos" / "3.png")
    out = tmp_path / "out"
    arguments = ("predict", trained, tmp_path / "photos", "--output", out, "--save", "all-overlays")
    done = blemish(*arguments, largest_file=100_000)
    one_line(done, "cannot write", "File too large")
    assert len(done.out) == 3  # the verdict of the third photo too
    lines = (out / "predictions.jsonl").read_text().splitlines()
    assert [Path(json.loads(line)["image"]).name for line in lines] == ["1.png", "2.png"]
    assert not list(out.rglob(".writing*"))


def test_a_photo_that_goes_once_it_is_judged_is_shown_all_the_same(
    trained: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As where a camera's folder is emptied meanwhile: the first is gone as soon as its verdict is said."""
    paths = [Path(shutil.copy(photo, tmp_path)) for photo in sorted(photos.iterdir())[:2]]
    for _ in blemish_package.predict(trained, paths, output=tmp_path / "out", save="all-overlays"):
        paths[0].unlink(missing_ok=True)
    assert not paths[0].exists()
    assert capsys.readouterr().err == ""
    lines = [json.loads(line) for line in (tmp_path / "out" / "predictions.jsonl").read_text().splitlines()]
    assert [line["image"] for line in lines] == [str(path) for path in paths]
    assert all((tmp_path / "out" / line["overlay"]).exists() for line in lines)


def test_a_name_as_long_as_a_name_can_be_is_judged(trained: Path, parts: Dataset, tmp_path: Path) -> None:
    (photo,) = good_photos(parts, tmp_path / "photos", "x" * 251 + ".png")
    done = blemish("predict", trained, photo, photo, "--output", tmp_path / "out", "--save", "maps")
    assert done.code in (0, 1), done.err
    (line,) = (tmp_path / "out" / "predictions.jsonl").read_text().splitlines()
    assert (tmp_path / "out" / json.loads(line)["map"]).exists()


def test_photos_of_another_shape_than_the_good_ones_are_judged_and_said(
    trained: Path, photos: Path, tmp_path: Path
) -> None:
    Image.new("RGB", (256, 64)).save(tmp_path / "wide.png")
    done = blemish("predict", trained, tmp_path / "wide.png")
    assert done.code in (0, 1)
    (line,) = done.err
    assert line.startswith("blemish: 1 of 1 photos, such as 256x64, have another ")
    assert blemish("predict", trained, photos).err == []
