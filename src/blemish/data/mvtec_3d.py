"""MVTec 3D-AD (Bergmann et al., VISAPP 2022), its photos alone: CATEGORY/{train,validation,test}/TYPE/rgb, masks in gt.

The 3D scans in xyz are not read. Masks hold a number per type of defect; those of good parts mark nothing.
"""

from functools import partial
from pathlib import Path

from blemish.data.categories import recognised_below, recognised_folder
from blemish.data.dataset import GOOD, Dataset, Layout, PhotoCounts
from blemish.data.gathering import NOTHING, Gathered, as_dataset, defects_in, good_photos_if_any
from blemish.data.listing import has_folder, sub_folders

_PHOTOS, _MASKS = "rgb", "gt"


def _find(root: Path, category: str | None) -> Dataset:
    base = recognised_folder(root, category, recognises=_recognises, wanted=MVTEC_3D.holds)
    test = NOTHING
    for folder in sub_folders(base / "test"):
        if folder.name == GOOD:
            test += _good(folder)
        else:
            truth = folder / _MASKS
            test += defects_in(
                folder / _PHOTOS,
                defect_type=folder.name,
                truth=truth if has_folder(truth) else None,
                mask_values="any",
            )
    train, validation = _good(base / "train" / GOOD), _good(base / "validation" / GOOD)
    return as_dataset(MVTEC_3D.name, root, category, train=train, validation=validation, test=test)


def _good(folder: Path) -> Gathered:
    return good_photos_if_any(folder / _PHOTOS)


def _recognises(folder: Path) -> bool:
    return has_folder(folder / "train" / GOOD / _PHOTOS) or has_folder(folder / "test" / GOOD / _PHOTOS)


_UNKNOWN = ("bagel", "cable_gland", "carrot", "cookie", "dowel", "foam", "peach", "potato", "rope")

MVTEC_3D = Layout(
    name="mvtec_3d",
    find=_find,
    categories=partial(recognised_below, recognises=_recognises),
    recognises=_recognises,
    holds="train/good/rgb, validation/good/rgb, test/TYPE/rgb, test/TYPE/gt",
    official={
        **dict.fromkeys(_UNKNOWN, PhotoCounts()),
        "tire": PhotoCounts(train=210, validation=29, good=25, bad=87),
    },
    official_total=PhotoCounts(train=2656, validation=294),
)
