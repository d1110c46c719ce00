"""BTAD (Mishra et al., ISIE 2021): {01,02,03}/train/ok, test/{ok,ko}, masks in ground_truth/ko.

Photos and masks have the same name and often not the same suffix (105.bmp and 105.png).
"""

from functools import partial
from pathlib import Path

from blemish.data.categories import recognised_below, recognised_folder
from blemish.data.dataset import Dataset, Layout, PhotoCounts
from blemish.data.gathering import NOTHING, as_dataset, defects_in, good_photos_if_any
from blemish.data.listing import has_folder

_OK, _KO = "ok", "ko"
_OFFICIAL = {name: PhotoCounts(train=train) for name, train in (("01", 400), ("02", 1000), ("03", 399))}
"""The counts to train on are its authors' own; they publish none of the test photos."""


def _find(root: Path, category: str | None) -> Dataset:
    base = recognised_folder(root, category, recognises=_recognises, reads=_has_folders, wanted=BTAD.holds)
    truth, bad = base / "ground_truth" / _KO, NOTHING
    if has_folder(base / "test" / _KO):
        bad = defects_in(
            base / "test" / _KO, defect_type=_KO, truth=truth if has_folder(truth) else None, mask_values="any"
        )
    return as_dataset(
        BTAD.name,
        root,
        category,
        train=good_photos_if_any(base / "train" / _OK),
        test=bad + good_photos_if_any(base / "test" / _OK),
    )


def _has_folders(folder: Path) -> bool:
    return has_folder(folder / "train" / _OK) or has_folder(folder / "test" / _KO)


def _recognises(folder: Path) -> bool:
    """Recognises its three products alone: other folders of such names are anybody's, see good_and_bad."""
    ours = has_folder(folder / "train" / _OK) and has_folder(folder / "test" / _KO)
    return ours and folder.absolute().name in _OFFICIAL


BTAD = Layout(
    name="btad",
    find=_find,
    categories=partial(recognised_below, recognises=_recognises),
    recognises=_recognises,
    holds="train/ok, test/ok, test/ko, ground_truth/ko",
    official=_OFFICIAL,
)
