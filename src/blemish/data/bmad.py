"""BMAD (Bao et al., CVPR workshops 2024): CATEGORY/train/good, {valid,test}/{good,Ungood}/img, masks in label.

Copies differ, and all are read: the photos to train on in train/good/img; masks in anomaly_mask; `ungood`; the liver's
photos in test/img/{good,Ungood} and masks in test/label/Ungood; categories without masks with their photos directly in
good and Ungood. Good photos of valid calibrate; its Ungood ones are set aside.
"""

from functools import partial
from pathlib import Path

from blemish.data.categories import recognised_below, recognised_folder
from blemish.data.dataset import GOOD, Dataset, Layout, PhotoCounts
from blemish.data.gathering import NOTHING, Gathered, as_dataset, defects_in, good_photos_if_any, with_parts
from blemish.data.listing import has_folder, list_photos, sub_folders

_BAD = "Ungood"
_VALIDATION = ("valid", "val", "validation")
_PHOTOS, _TRUTH = "img", ("label", "anomaly_mask")
_BRAINS = ("Brain", "BraTS2021_slice")
"""The folder of the category whose names are PATIENT_SLICE: as loaders call it, and as it is published."""


def _find(root: Path, category: str | None) -> Dataset:
    base = recognised_folder(root, category, recognises=_recognises, wanted=BMAD.holds)
    kept = [base / name for name in _VALIDATION if has_folder(base / name)]
    bad_kept = tuple(photo for split in kept for photo in _photos_of(split, _BAD))
    found = {
        "train": _good(base / "train"),
        "validation": sum(map(_good, kept), NOTHING),
        "test": _defects(base / "test") + _good(base / "test"),
    }
    if base.absolute().name in _BRAINS:
        found = {split: with_parts(some, lambda photo: photo.stem.rpartition("_")[0]) for split, some in found.items()}
    return as_dataset(BMAD.name, root, category, set_aside={"defective photos of valid": bad_kept}, **found)


def _good(split: Path) -> Gathered:
    place = _place_of(split, GOOD, _PHOTOS)
    return NOTHING if place is None else good_photos_if_any(place)


def _defects(split: Path) -> Gathered:
    place = _place_of(split, _BAD, _PHOTOS)
    if place is None:
        return NOTHING
    truths = [truth for name in _TRUTH if (truth := _place_of(split, _BAD, name)) != _named(split, _BAD)]
    return defects_in(place, defect_type=_BAD, truth=truths[0] if truths else None, mask_values="any")


def _photos_of(split: Path, kind: str) -> tuple[Path, ...]:
    place = _place_of(split, kind, _PHOTOS)
    return () if place is None else list_photos(place)


def _place_of(split: Path, kind: str, what: str) -> Path | None:
    """Returns SPLIT/KIND/WHAT, else SPLIT/WHAT/KIND, else SPLIT/KIND; None where none of them is there."""
    own, others = _named(split, kind), _named(split, what)
    inside = None if own is None else _named(own, what)
    return inside or (None if others is None else _named(others, kind)) or own


def _named(folder: Path, name: str) -> Path | None:
    """Returns the folder of this name, in whatever case."""
    return next((found for found in sub_folders(folder) if found.name.casefold() == name.casefold()), None)


def _recognises(folder: Path) -> bool:
    splits = (folder / split for split in ("test", *_VALIDATION))
    return any(_place_of(split, _BAD, _PHOTOS) for split in splits) and not _lies_as_mvtec(folder)


def _lies_as_mvtec(folder: Path) -> bool:
    """Returns whether masks lie in ground_truth, as some publish the same photos in MVTec AD's layout."""
    return has_folder(folder / "ground_truth")


BMAD = Layout(
    name="bmad",
    find=_find,
    categories=partial(recognised_below, recognises=_recognises),
    recognises=_recognises,
    holds="train/good, valid/good/img, test/good/img, test/Ungood/img, test/Ungood/label",
    official={
        "Brain": PhotoCounts(train=7500, validation=39, good=640, bad=3075),
        "Chest": PhotoCounts(train=8000),
        "Histopathology": PhotoCounts(train=5088),
        "Liver": PhotoCounts(train=1542),
        "Retina_OCT2017": PhotoCounts(train=26315),
        "Retina_RESC": PhotoCounts(train=4297),
    },
)
