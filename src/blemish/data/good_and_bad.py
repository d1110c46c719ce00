"""Folders named by words for good and for bad parts: OK and NG, good and bad, pass and fail, ok and ko, ...

They lie beside each other, or in train, validation and test (train/OK, test/OK, test/NG). Good parts beside bad ones,
and those in train, are learned from; bad ones are tested with, wherever they lie. Masks of NG, by the photos' names,
may lie in ground_truth/NG.
"""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from blemish.data.categories import category_folder
from blemish.data.dataset import GOOD, Dataset, Layout
from blemish.data.folder_names import meaning_of
from blemish.data.gathering import NOTHING, Gathered, defects_in, good_photos_in
from blemish.data.listing import list_folder, list_photos, sub_folders
from blemish.data.skipped import all_skipped, no_photos_in
from blemish.errors import DataError
from blemish.wording import some_of

_TRAIN = ("train", "training")
_VALIDATION = ("validation", "valid", "val")
_TEST = ("test", "testing")
_TRUTH = ("ground_truth", "groundtruth", "masks")


def _find(root: Path, category: str | None) -> Dataset:
    """Returns the photos of one category; without a category, `root` is the category itself."""
    base = category_folder(root, category, known=_categories(root))
    if not _recognises(base):
        if there := _categories(base):
            raise DataError(f"{base}: holds the categories {', '.join(there)}; name one of them with --category")
        raise DataError(f"{base}: has no folders named by words for good and bad parts, such as OK and NG")
    train = _good_in([base, *_splits(base, _TRAIN)])
    validation, test = _good_in(_splits(base, _VALIDATION)), _good_in(_splits(base, _TEST))
    bad, unsaid = _bad_in(base), _unsaid_in(base)
    skipped = all_skipped(train.skipped + validation.skipped + bad.skipped + test.skipped)
    left_out = train.left_out + validation.left_out + test.left_out + bad.left_out + unsaid.left_out
    if not (train.samples or test.samples or bad.samples):
        raise left_out[0] if left_out else no_photos_in(base, skipped)
    return Dataset(
        name=GOOD_AND_BAD.name,
        root=root,
        category=category,
        train=train.samples,
        validation=validation.samples,
        test=bad.samples + test.samples,
        left_out=left_out,
        skipped=skipped,
    )


def to_test_on(found: Dataset) -> Dataset:
    """Returns the data set as it is evaluated: where a folder holds OK beside NG and no test photos of their own, its
    good photos are good test photos; copies of those that a model was trained on are named by the evaluation."""
    if found.name != GOOD_AND_BAD.name or not found.test or any(not sample.anomalous for sample in found.test):
        return found
    return replace(found, train=(), test=(*found.train, *found.test))


def _recognises(folder: Path) -> bool:
    """Returns whether folders of good and bad parts lie beside each other, or train or test are divided by such words.

    MVTec AD's own words, train/good and test/good, are not enough, and good photos of a test folder are for testing.
    """
    beside = {meaning_of(name) for name in _names(folder)} if folder.absolute().name.casefold() not in _TEST else set()
    inside = [name for split in _splits(folder, (*_TRAIN, *_VALIDATION, *_TEST)) for name in _names(split)]
    trained = {meaning_of(name) for split in _splits(folder, _TRAIN) for name in _names(split)}
    return (
        {"good", "bad"} <= beside
        or {"good", "bad"} <= trained
        or any(meaning_of(name) == "good" and name != GOOD for name in inside)
    )


def _categories(root: Path) -> tuple[str, ...]:
    return tuple(folder.name for folder in sub_folders(root) if _recognises(folder))


def _names(folder: Path) -> list[str]:
    return [path.name for path in sub_folders(folder)]


def _splits(base: Path, names: Iterable[str]) -> list[Path]:
    return [folder for folder in sub_folders(base) if folder.name.casefold() in names]


def _good_in(places: Iterable[Path]) -> Gathered:
    folders = (folder for place in places for folder in sub_folders(place) if meaning_of(folder.name) == "good")
    return sum(map(good_photos_in, folders), NOTHING)


def _bad_in(base: Path) -> Gathered:
    """Returns all bad parts; in test, a folder whose name says nothing is one of a type of defect.

    Of several folders of one name the last has the masks: that in test, where there is one.
    """
    truths = {truth.name: truth for place in _splits(base, _TRUTH) for truth in sub_folders(place)}
    tests = _splits(base, _TEST)
    bad = [
        folder
        for place in [base, *_splits(base, (*_TRAIN, *_VALIDATION)), *tests]
        for folder in sub_folders(place)
        if meaning_of(folder.name) == "bad" or (place in tests and meaning_of(folder.name) is None)
    ]
    masked = {folder.name: folder for folder in bad}
    found = NOTHING
    for folder in bad:
        found += _by_type(folder, truths.pop(folder.name, None) if masked[folder.name] == folder else None)
    for name, truth in truths.items():
        if meaning_of(name) != "good" and list_photos(truth, on_error=lambda _: None):
            line = f"{truth}: has masks but no folder of photos has this name; add the photos or remove the masks"
            found += Gathered(left_out=(DataError(line),))
    return found


def _by_type(folder: Path, truth: Path | None) -> Gathered:
    """Returns bad parts by the sub-folder they lie in, such as NG/scratch, else by the folder's own name."""
    found = defects_in(folder, defect_type=folder.name, truth=truth)
    named = []
    for sample in found.samples:
        kind, *deeper = sample.image.relative_to(folder).parts
        named.append(replace(sample, defect_type=kind) if deeper and kind != GOOD else sample)
    return replace(found, samples=tuple(named))


def _unsaid_in(base: Path) -> Gathered:
    """Returns an error for each place with photos of which no name says whether they are good."""
    known = {*_splits(base, (*_TRAIN, *_VALIDATION, *_TEST, *_TRUTH))}
    learned = [base, *_splits(base, (*_TRAIN, *_VALIDATION))]
    silent = [f for place in learned for f in sub_folders(place) if meaning_of(f.name) is None and f not in known]
    silent = [folder for folder in silent if list_photos(folder, on_error=lambda _: None)]
    stray = [photo for place in [*learned, *_splits(base, _TEST)] for photo in list_folder(place)[0]]
    lines = []
    if silent:
        lines.append(f"{some_of(silent)}: no word for good or bad in the name, so that its photos count as neither")
    if stray:
        lines.append(f"{some_of(stray, shown=1)}: in no folder of good or of bad parts, so that it counts as neither")
    return Gathered(left_out=tuple(DataError(line) for line in lines))


GOOD_AND_BAD = Layout(
    name="good_and_bad",
    find=_find,
    categories=_categories,
    recognises=_recognises,
    holds="folders named by words for good and bad parts, such as OK and NG",
)
