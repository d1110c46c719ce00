"""Masks in a folder of their own, by the ends of paths."""

from dataclasses import replace
from pathlib import Path

import pytest

import blemish
from blemish.data.dataset import Dataset, Sample
from blemish.data.mask_folder import with_masks_in
from blemish.errors import DataError, SettingsError


def found(root: Path, *names: str) -> Dataset:
    samples = [Sample(image=root / "test" / name, defect_type=name.split("/")[0]) for name in names]
    return Dataset(name="mvtec_ad", root=root, test=tuple(samples))


def masks(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_a_mask_is_its_photos_by_name_whatever_the_suffix_and_the_folders(tmp_path: Path) -> None:
    photos = found(tmp_path, "scratch/b1.tif", "scratch/b2.tif", "spot/b1.tif", "spot/c_mask.tif", "good/g.tif")
    folder = masks(tmp_path / "m", "scratch/b1_mask.tif", "b2.bmp", "spot/b1.png", "c_mask.png", "good/g.png")
    named = {s.image.relative_to(tmp_path / "test").as_posix(): s.masks for s in with_masks_in(folder, photos).test}
    assert named == {
        "scratch/b1.tif": (folder / "scratch/b1_mask.tif",),
        "scratch/b2.tif": (folder / "b2.bmp",),
        "spot/b1.tif": (folder / "spot/b1.png",),
        "spot/c_mask.tif": (folder / "c_mask.png",),
        "good/g.tif": (),
    }
    assert not with_masks_in(folder, photos).left_out


def test_a_test_photo_is_not_its_own_mask(tmp_path: Path) -> None:
    photos = found(tmp_path, "scratch/b1.png", "good/g.png")
    folder = masks(tmp_path / "test", "scratch/b1.png", "good/g.png")
    with pytest.raises(DataError, match="holds the test photos themselves, and no masks"):
        with_masks_in(folder, photos)
    masks(folder, "scratch/b1_mask.png")
    assert [sample.masks for sample in with_masks_in(folder, photos).test] == [(folder / "scratch/b1_mask.png",), ()]


def test_they_take_the_place_of_those_that_the_layout_found(tmp_path: Path) -> None:
    photos = found(tmp_path, "spot/a.png", "spot/b.png")
    photos = replace(photos, test=tuple(replace(s, masks=(tmp_path / "old.png",)) for s in photos.test))
    folder = masks(tmp_path / "m", "a.png")
    assert [s.masks for s in with_masks_in(folder, photos).test] == [(folder / "a.png",), ()]


def test_a_mask_of_no_photo_or_of_two_is_a_line_and_harms_no_other(tmp_path: Path) -> None:
    photos = found(tmp_path, "scratch/b.png", "spot/b.png", "spot/a.png")
    folder = masks(tmp_path / "m", "b.png", "x.png", "a.png")
    result = with_masks_in(folder, photos)
    two, none = map(str, result.left_out)
    assert two.startswith(f"{folder / 'b.png'}: could be the mask of")
    assert none.startswith(f"{folder / 'x.png'}: is the mask of no test photo")
    assert [s.masks for s in result.test] == [(), (), (folder / "a.png",)]


def test_a_folder_without_masks_and_samples_of_ones_own_are_refused(tmp_path: Path, stpm_run: Path) -> None:
    with pytest.raises(DataError, match="holds no masks"):
        with_masks_in(masks(tmp_path / "m", "a.txt"), found(tmp_path, "spot/a.png"))
    with pytest.raises(SettingsError, match="give samples their own"):
        blemish.evaluate(stpm_run, [Sample(image=tmp_path / "a.png")], masks=tmp_path)


def test_evaluate_measures_with_them(tmp_path: Path, parts: Dataset, stpm_run: Path) -> None:
    shown = next(s for s in parts.test if s.masks)
    for path in ("test/good/g.png", f"test/{shown.defect_type}/d.png"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "test/good/g.png").write_bytes(next(s for s in parts.test if not s.anomalous).image.read_bytes())
    (tmp_path / f"test/{shown.defect_type}/d.png").write_bytes(shown.image.read_bytes())
    (folder := tmp_path / "elsewhere").mkdir()
    (folder / "d_mask.png").write_bytes(shown.masks[0].read_bytes())
    without = blemish.evaluate(stpm_run, tmp_path)
    assert without.metrics["pixel_ap"] is None
    assert without.undefined["pixel_ap"].startswith("no masks of 1 defective photo: ")
    assert without.undefined["pixel_ap"].endswith("--masks FOLDER")
    assert any(line.endswith("`blemish evaluate --masks FOLDER`") for line in blemish.check(tmp_path).lines)
    assert blemish.evaluate(stpm_run, tmp_path, masks=folder).metrics["pixel_ap"] is not None
