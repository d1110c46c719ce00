"""MVTec AD's layout: CATEGORY/train/good, CATEGORY/test/DEFECT and CATEGORY/ground_truth/DEFECT (Bergmann et al. 2019).

Train or test may be missing, but not both; ground truth may be missing as a whole or for single photos. Good photos in
CATEGORY/validation/good, as later sets of theirs have them, calibrate.
"""

from pathlib import Path

from blemish.data.categories import category_folder
from blemish.data.dataset import GOOD, Dataset, Layout, PhotoCounts
from blemish.data.folder_names import is_called_good
from blemish.data.gathering import NOTHING, Gathered, defects_in, good_photos_in
from blemish.data.listing import list_folder, list_photos, sub_folders
from blemish.data.pairing import and_others
from blemish.data.skipped import all_skipped, no_photos_in
from blemish.errors import DataError

_TRAIN, _VALIDATION, _TEST, _TRUTH = "train", "validation", "test", "ground_truth"
_HOLDS = "train/good, test/good, test/DEFECT, ground_truth/DEFECT"


def _find(root: Path, category: str | None) -> Dataset:
    """Returns the photos of one category; without a category, `root` is the category itself, or its test folder
    alone."""
    base = category_folder(root, category, known=_categories(root))
    train, validation = NOTHING, NOTHING
    if _is_category(base):
        train, validation = _good_photos(base, _TRAIN), _good_photos(base, _VALIDATION)
        test = _test_photos(base / _TEST, base / _TRUTH)
    elif _is_test_folder(base):
        inside = base / _TRUTH
        truth = inside if inside.is_dir() else base.resolve().parent / _TRUTH
        test = _test_photos(base, truth)
    elif there := _categories(base):
        raise DataError(f"{base}: holds the categories {', '.join(there)}; name one of them with --category")
    else:
        raise DataError(f"{base}: has neither train/good nor test/DEFECT (MVTec AD's layout); check the path")
    skipped = all_skipped(train.skipped + validation.skipped + test.skipped)
    left_out = train.left_out + validation.left_out + test.left_out
    if not train.samples and not test.samples:
        raise left_out[0] if left_out else no_photos_in(base, skipped)
    return Dataset(
        name=MVTEC_AD.name,
        root=root,
        category=category,
        train=train.samples,
        validation=validation.samples,
        test=test.samples,
        left_out=left_out,
        skipped=skipped,
    )


def _recognises(folder: Path) -> bool:
    """Returns whether a folder is a category, or a test folder, of this layout."""
    return _is_category(folder) or _is_test_folder(folder)


def _categories(root: Path) -> tuple[str, ...]:
    return tuple(folder.name for folder in sub_folders(root) if _is_category(folder))


def _is_category(folder: Path) -> bool:
    parts = _folder_names(folder)
    return (_TRAIN in parts and GOOD in _folder_names(folder / _TRAIN)) or (
        _TEST in parts and bool(_folder_names(folder / _TEST))
    )


def _is_test_folder(folder: Path) -> bool:
    """Returns whether good photos lie beside defective ones."""
    types = _folder_names(folder) - {_TRUTH}
    return GOOD in types and len(types) > 1


def _folder_names(folder: Path) -> set[str]:
    return {path.name for path in sub_folders(folder)}


def _good_photos(base: Path, split: str) -> Gathered:
    if split not in _folder_names(base):
        return NOTHING
    if GOOD not in _folder_names(base / split):
        raise DataError(f"{base / split}: has no folder named {GOOD}; put the photos of good parts there")
    return good_photos_in(base / split / GOOD)


def _test_photos(test: Path, truth: Path) -> Gathered:
    """Takes every folder in `test` but `good` for a defect type; what lies under ground_truth/good is not looked at."""
    if not test.is_dir():
        return NOTHING
    stray, types = list_folder(test)
    if stray:
        raise DataError(f"{stray[0]}: lies in no defect folder; move it to {test / GOOD} or {test}/DEFECT")
    truths, found = _truth_folders(truth)
    for folder in types:
        if folder.name == _TRUTH:
            continue
        if folder.name == GOOD:
            found += good_photos_in(folder)
        elif is_called_good(folder.name):
            raise DataError(f"{folder}: would count as a defect; rename it to {GOOD}")
        else:
            found += defects_in(folder, defect_type=folder.name, truth=truths.pop(folder.name, None))
    for name, folder in truths.items():
        if list_photos(folder, on_error=lambda _: None):
            line = f"{folder}: has masks but there is no {test / name}; add the photos or remove the masks"
            found += Gathered(left_out=(DataError(line),))
    return found


def _truth_folders(truth: Path) -> tuple[dict[str, Path], Gathered]:
    """Returns folders of masks by defect type; none where the ground truth is missing or shut."""
    if not truth.is_dir():
        return {}, NOTHING
    try:
        stray, folders = list_folder(truth)
    except DataError as error:
        return {}, Gathered(left_out=(error,))
    wrong = NOTHING
    if stray:
        line = f"{stray[0]}: lies in no defect folder{and_others(stray)}; move it to {truth}/DEFECT"
        wrong = Gathered(left_out=(DataError(line),))
    return {folder.name: folder for folder in folders if folder.name != GOOD}, wrong


def _counts(train: int, good: int, bad: int) -> PhotoCounts:
    return PhotoCounts(train=train, validation=0, good=good, bad=bad)


MVTEC_AD = Layout(
    name="mvtec_ad",
    find=_find,
    categories=_categories,
    recognises=_recognises,
    holds=_HOLDS,
    in_common_use=True,
    official={
        "bottle": _counts(209, 20, 63),
        "cable": _counts(224, 58, 92),
        "capsule": _counts(219, 23, 109),
        "carpet": _counts(280, 28, 89),
        "grid": _counts(264, 21, 57),
        "hazelnut": _counts(391, 40, 70),
        "leather": _counts(245, 32, 92),
        "metal_nut": _counts(220, 22, 93),
        "pill": _counts(267, 26, 141),
        "screw": _counts(320, 41, 119),
        "tile": _counts(230, 33, 84),
        "toothbrush": _counts(60, 12, 30),
        "transistor": _counts(213, 60, 40),
        "wood": _counts(247, 19, 60),
        "zipper": _counts(240, 32, 119),
    },
)
