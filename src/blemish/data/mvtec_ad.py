"""MVTec AD's layout: CATEGORY/train/good, CATEGORY/test/DEFECT and CATEGORY/ground_truth/DEFECT (Bergmann et al. 2019).

Train or test may be missing, but not both; ground truth may be missing as a whole or for single photos.
"""

from collections import defaultdict
from difflib import get_close_matches
from pathlib import Path

from blemish.data.dataset import GOOD, Dataset, Sample
from blemish.data.listing import OnError, list_folder, list_photos
from blemish.errors import DataError

_TRAIN, _TEST, _TRUTH = "train", "test", "ground_truth"


def find(root: Path, category: str | None) -> Dataset:
    """Photos of one category; without a category, `root` is the category itself, or its test folder alone."""
    base = category_folder(root, category)
    left_out: list[DataError] = []
    train: tuple[Sample, ...] = ()
    if _is_category(base):
        train = _train_photos(base, on_error=left_out.append)
        test = _test_photos(base / _TEST, base / _TRUTH, on_error=left_out.append)
    elif _is_test_folder(base):
        inside = base / _TRUTH
        truth = inside if inside.is_dir() else base.resolve().parent / _TRUTH
        test = _test_photos(base, truth, on_error=left_out.append)
    else:
        refuse_categories(base)
        raise DataError(f"{base}: has neither train/good nor test/DEFECT (MVTec AD's layout); check the path")
    if not train and not test:
        raise left_out[0] if left_out else DataError(f"{base}: train/good and test hold no photos; check the path")
    return Dataset(name="mvtec_ad", root=root, category=category, train=train, test=test, left_out=tuple(left_out))


def recognises(folder: Path) -> bool:
    """Whether a folder is a category, or a test folder, of this layout."""
    return _is_category(folder) or _is_test_folder(folder)


def category_folder(root: Path, category: str | None) -> Path:
    """The folder of a category, or `root` without one; DataError with the categories there are."""
    names = [folder.name for folder in list_folder(root)[1] if folder.name not in (_TRAIN, _TEST, _TRUTH)]
    if category is None:
        return root
    if category in names:
        return root / category
    if not names:
        raise DataError(f"{root}: holds no categories, so none named {category!r}; leave the category out")
    near = "".join(f"; did you mean {name!r}?" for name in get_close_matches(category, names, n=1))
    raise DataError(f"{root}: has no category {category!r}; there are {', '.join(names)}{near}")


def refuse_categories(root: Path) -> None:
    """DataError where a folder holds several categories, of which none was named."""
    names = [folder.name for folder in list_folder(root)[1] if _may_be_listed(folder) and _is_category(folder)]
    if names:
        raise DataError(f"{root}: holds the categories {', '.join(names)}; name one of them")


def _may_be_listed(folder: Path) -> bool:
    """Where it may not, listing its photos says so, and leaves them out."""
    try:
        list_folder(folder)
    except DataError:
        return False
    return True


def _is_category(folder: Path) -> bool:
    parts = _folder_names(folder)
    return (_TRAIN in parts and GOOD in _folder_names(folder / _TRAIN)) or (
        _TEST in parts and bool(_folder_names(folder / _TEST))
    )


def _is_test_folder(folder: Path) -> bool:
    """Whether good photos lie beside defective ones."""
    types = _folder_names(folder) - {_TRUTH}
    return GOOD in types and len(types) > 1


def _folder_names(folder: Path) -> set[str]:
    return {path.name for path in list_folder(folder)[1]}


def _train_photos(base: Path, *, on_error: OnError) -> tuple[Sample, ...]:
    if _TRAIN not in _folder_names(base):
        return ()
    if GOOD not in _folder_names(base / _TRAIN):
        raise DataError(f"{base / _TRAIN}: has no folder named {GOOD}; put the photos of good parts there")
    return tuple(Sample(image=photo) for photo in list_photos(base / _TRAIN / GOOD, on_error=on_error))


def _test_photos(test: Path, truth: Path, *, on_error: OnError) -> tuple[Sample, ...]:
    """Every folder in `test` is a defect type, but for `good`; what lies under ground_truth/good is not looked at."""
    if not test.is_dir():
        return ()
    stray, types = list_folder(test)
    if stray:
        raise DataError(f"{stray[0]}: lies in no defect folder; move it to {test / GOOD} or {test}/DEFECT")
    truths = _truth_folders(truth, on_error=on_error)
    samples: list[Sample] = []
    for folder in types:
        if folder.name == _TRUTH:
            continue
        if folder.name != GOOD and folder.name.casefold() == GOOD:
            raise DataError(f"{folder}: would count as a defect; rename it to {GOOD}")
        photos = list_photos(folder, on_error=on_error)
        masks: dict[Path, Path] = {}
        if folder.name in truths:
            masks = _pair(photos, folder, truths.pop(folder.name), on_error=on_error)
        samples += (Sample(image=photo, defect_type=folder.name, mask=masks.get(photo)) for photo in photos)
    for name, folder in truths.items():
        if list_photos(folder, on_error=on_error):
            on_error(
                DataError(f"{folder}: has masks but there is no {test / name}; add the photos or remove the masks")
            )
    return tuple(samples)


def _truth_folders(truth: Path, *, on_error: OnError) -> dict[str, Path]:
    """Folders of masks by defect type; none where the ground truth is missing or shut."""
    if not truth.is_dir():
        return {}
    try:
        stray, folders = list_folder(truth)
    except DataError as error:
        on_error(error)
        return {}
    if stray:
        on_error(DataError(f"{stray[0]}: lies in no defect folder{_others(stray)}; move it to {truth}/DEFECT"))
    return {folder.name: folder for folder in folders if folder.name != GOOD}


def _pair(photos: tuple[Path, ...], folder: Path, truth: Path, *, on_error: OnError) -> dict[Path, Path]:
    """Mask of each photo that has one, paired by name, whatever the suffix: photo X with mask X_mask or X.

    A photo of which it is in doubt which mask is its own has none.
    """
    by_name: dict[str, list[Path]] = defaultdict(list)
    for photo in photos:
        by_name[_name(photo, folder)].append(photo)
    masks: dict[Path, list[Path]] = defaultdict(list)
    doubtful: set[Path] = set()
    alone: list[Path] = []
    for mask in list_photos(truth, on_error=on_error):
        name = _name(mask, truth)
        fits = [photo for n in dict.fromkeys((name, name.removesuffix("_mask"))) for photo in by_name.get(n, ())]
        for photo in fits:
            masks[photo].append(mask)
        if not fits:
            alone.append(mask)
        if len(fits) > 1:
            doubtful.update(fits)
            names = " or ".join(photo.name for photo in fits)
            on_error(DataError(f"{mask}: could be the mask of {names}; rename the photos"))
    for photo, (mask, *more) in masks.items():
        if more and photo not in doubtful:
            doubtful.add(photo)
            on_error(DataError(f"{more[0]}: is a second mask of {photo.name}, beside {mask.name}; remove one"))
    if alone:
        line = f"{alone[0]}: is the mask of no photo in {folder}{_others(alone)}; add its photo or remove the mask"
        on_error(DataError(line))
    return {photo: mask for photo, (mask, *_) in masks.items() if photo not in doubtful}


def _others(masks: list[Path]) -> str:
    return f" (the same goes for {len(masks) - 1} more)" if len(masks) > 1 else ""


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).with_suffix("").as_posix()
