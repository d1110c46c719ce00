"""BMAD (Bao et al., CVPR workshops 2024): CATEGORY/train/good, {valid,test}/{good,Ungood}/img, masks in label.

Some copies have the photos to train on in train/good/img, masks in anomaly_mask, and categories without masks their
photos directly in good and Ungood: all are read. Good photos of valid calibrate; its Ungood ones are set aside.
"""

from functools import partial
from pathlib import Path

from blemish.data.categories import recognised_below, recognised_folder
from blemish.data.dataset import GOOD, Dataset, Layout, PhotoCounts
from blemish.data.gathering import NOTHING, Gathered, as_dataset, defects_in, good_photos_if_any, with_parts
from blemish.data.listing import has_folder, list_photos

_BAD = "Ungood"
_VALIDATION = ("valid", "val", "validation")
_TRUTH = ("label", "anomaly_mask")


def _find(root: Path, category: str | None) -> Dataset:
    base = recognised_folder(root, category, recognises=_recognises, wanted=BMAD.holds)
    kept = [base / name for name in _VALIDATION if has_folder(base / name)]
    bad_kept = tuple(photo for place in kept for photo in _photos_in(place / _BAD))
    found = {
        "train": _good(base / "train" / GOOD),
        "validation": sum((_good(place / GOOD) for place in kept), NOTHING),
        "test": _defects(base / "test" / _BAD) + _good(base / "test" / GOOD),
    }
    if base.absolute().name == "Brain":  # each name is PATIENT_SLICE
        found = {split: with_parts(some, lambda photo: photo.stem.rpartition("_")[0]) for split, some in found.items()}
    return as_dataset(BMAD.name, root, category, set_aside={"defective photos of valid": bad_kept}, **found)


def _good(folder: Path) -> Gathered:
    return good_photos_if_any(_images(folder))


def _defects(folder: Path) -> Gathered:
    if not has_folder(folder):
        return NOTHING
    truth = next((folder / name for name in _TRUTH if has_folder(folder / name)), None)
    return defects_in(_images(folder), defect_type=_BAD, truth=truth, mask_values="any")


def _photos_in(folder: Path) -> tuple[Path, ...]:
    return list_photos(_images(folder)) if has_folder(folder) else ()


def _images(folder: Path) -> Path:
    return folder / "img" if has_folder(folder / "img") else folder


def _recognises(folder: Path) -> bool:
    return any(has_folder(folder / split / _BAD) for split in ("test", *_VALIDATION)) and not _lies_as_mvtec(folder)


def _lies_as_mvtec(folder: Path) -> bool:
    """Returns whether masks lie in ground_truth, as some publish the same photos in MVTec AD's layout."""
    return has_folder(folder / "ground_truth")


_NAMES = ("Chest", "Histopathology", "Liver", "Retina_OCT2017", "Retina_RESC")

BMAD = Layout(
    name="bmad",
    find=_find,
    categories=partial(recognised_below, recognises=_recognises),
    recognises=_recognises,
    holds="train/good, valid/good/img, test/good/img, test/Ungood/img, test/Ungood/label",
    official={
        "Brain": PhotoCounts(train=7500, validation=39, good=640, bad=3075),
        **dict.fromkeys(_NAMES, PhotoCounts()),
    },
)
