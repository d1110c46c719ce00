"""A plain folder of photos of good parts."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from blemish.data.categories import category_folder
from blemish.data.dataset import Dataset, Layout, Sample, dataset_of
from blemish.data.folder_names import bad_folder_among
from blemish.data.gathering import NOTHING, Gathered, good_photos_in
from blemish.data.listing import is_folder, sub_folders
from blemish.data.skipped import all_skipped, no_photos_in
from blemish.errors import DataError, OutputError


def _find(root: Path, category: str | None) -> Dataset:
    """Finds every photo in the folder and below, all of good parts to train on; a category is a sub-folder.

    Masks, and photos in folders named by a word for bad parts, are never learned as good: they are a DataError.
    """
    base = category_folder(root, category, known=_categories(root))
    found = good_photos_in(base)
    if not found.samples:
        if found.left_out:
            raise found.left_out[0]
        raise no_photos_in(base, all_skipped(found.skipped))
    return Dataset(
        name=PLAIN_FOLDER.name,
        root=root,
        category=category,
        train=found.samples,
        left_out=found.left_out,
        skipped=all_skipped(found.skipped),
    )


def good_photos_at(paths: Sequence[Path]) -> Dataset:
    """Returns files, and the photos of folders, as a dataset of good parts; raises DataError as the layout does."""
    found = NOTHING
    for path in dict.fromkeys(paths):
        if is_folder(path):
            found += good_photos_in(path)
        elif bad := bad_folder_among([path.parent], path.parent):
            raise DataError(f"{bad}, and {path.name} would be learned as a good one; name good photos alone")
        else:
            found += Gathered(samples=(Sample(image=path),))
    if not found.samples:
        raise found.left_out[0] if found.left_out else no_photos_in(paths[0], all_skipped(found.skipped))
    listed = dataset_of(train=tuple({sample.image: sample for sample in found.samples}.values()))
    return replace(listed, left_out=found.left_out, skipped=all_skipped(found.skipped))


def keep_apart(picture: Path, found: Dataset) -> None:
    """Raises OutputError where a picture that is to be written would lie among photos of good parts, and be learned as
    one of them."""
    folders = {sample.image.parent for sample in (*found.train, *found.validation)}
    if found.name == PLAIN_FOLDER.name:
        folders.add(found.base)  # which holds photos in sub-folders alone, perhaps, and is looked through as a whole
    here = picture.resolve().parent
    among = next((folder for folder in sorted(folders) if here.is_relative_to(folder.resolve())), None)
    if among is not None:
        raise OutputError(f"{picture} would lie among the photos of {among}, and be learned: name a file elsewhere")


def _categories(root: Path) -> tuple[str, ...]:
    """Returns every sub-folder, for nothing else tells which of them are categories."""
    return tuple(folder.name for folder in sub_folders(root))


PLAIN_FOLDER = Layout(
    name="folder",
    find=_find,
    categories=_categories,
    recognises=lambda _: False,  # photos are taken for good parts where no other layout knows better
    holds="photos of good parts",
)
