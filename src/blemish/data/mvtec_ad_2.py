"""MVTec AD 2 (Heckler-Kram et al., 2025): OBJECT/{train,validation}/good and OBJECT/test_public/{good,bad}.

A name is NUMBER_LIGHT: in a folder, all photos of one number show one part. The photos of test_private and
test_private_mixed have no labels: their publishers alone can measure them.
"""

import re
from functools import partial
from pathlib import Path

from blemish.data.categories import recognised_below, recognised_folder
from blemish.data.dataset import GOOD, Dataset, Layout, PhotoCounts
from blemish.data.gathering import NOTHING, Gathered, as_dataset, defects_in, good_photos_if_any, with_parts
from blemish.data.listing import has_folder, list_photos, sub_folders

PRIVATE_PARTS = ("test_private", "test_private_mixed")
PRIVATE_PHOTOS = {
    "can": 321,
    "fabric": 314,
    "fruit_jelly": 255,
    "rice": 277,
    "sheet_metal": 142,
    "vial": 276,
    "wallplugs": 232,
    "walnuts": 228,
}
"""How many photos each of these parts of an object has."""
_PUBLIC = "test_public"


def _find(root: Path, category: str | None) -> Dataset:
    base = recognised_folder(root, category, recognises=_recognises, wanted=MVTEC_AD_2.holds)
    test, public = NOTHING, base / _PUBLIC
    for folder in sub_folders(public):
        if folder.name == GOOD:
            test += _good(folder)
        elif folder.name != "ground_truth":
            truth = public / "ground_truth" / folder.name
            masks = truth if has_folder(truth) else None
            test += _by_number(defects_in(folder, defect_type=folder.name, truth=masks, mask_values="any"))
    return as_dataset(
        MVTEC_AD_2.name,
        root,
        category,
        train=_good(base / "train" / GOOD),
        validation=_good(base / "validation" / GOOD),
        test=test,
        set_aside={
            f"photos of {name}, which have no labels": list_photos(base / name)
            for name in PRIVATE_PARTS
            if has_folder(base / name)
        },
    )


def _good(folder: Path) -> Gathered:
    return _by_number(good_photos_if_any(folder))


def _by_number(found: Gathered) -> Gathered:
    return with_parts(found, _part_of)


def _part_of(photo: Path) -> str | None:
    """Returns the number before the light; each folder has numbers of its own."""
    named = re.match(r"(\d+)_", photo.name)
    return None if named is None else f"{photo.parent.parent.name}/{photo.parent.name}/{named[1]}"


def _recognises(folder: Path) -> bool:
    return has_folder(folder / _PUBLIC / GOOD) or (has_folder(folder / _PUBLIC) and has_folder(folder / "train" / GOOD))


def _counts(train: int, validation: int, good: int, bad: int) -> PhotoCounts:
    return PhotoCounts(train=train, validation=validation, good=good, bad=bad)


MVTEC_AD_2 = Layout(
    name="mvtec_ad_2",
    find=_find,
    categories=partial(recognised_below, recognises=_recognises),
    recognises=_recognises,
    holds="train/good, validation/good, test_public/good, test_public/bad, test_public/ground_truth/bad",
    official={
        "can": _counts(412, 46, 72, 90),
        "fabric": _counts(387, 43, 66, 90),
        "fruit_jelly": _counts(263, 37, 20, 60),
        "rice": _counts(313, 35, 42, 90),
        "sheet_metal": _counts(137, 19, 24, 90),
        "vial": _counts(291, 41, 35, 105),
        "wallplugs": _counts(293, 33, 60, 90),
        "walnuts": _counts(432, 48, 60, 90),
    },
)
