"""A plain folder of photos of good parts."""

from pathlib import Path

from blemish.data.categories import category_folder
from blemish.data.dataset import Dataset, Layout
from blemish.data.gathering import good_photos_in
from blemish.data.listing import sub_folders
from blemish.data.skipped import PHOTO_SUFFIXES, all_skipped
from blemish.errors import DataError


def find(root: Path, category: str | None) -> Dataset:
    """Every photo in the folder and below is a good part to train on; a category is a sub-folder.

    Masks, and photos in folders named by a word for bad parts, are never learned as good: they are a DataError.
    """
    base = category_folder(root, category, known=categories(root))
    found = good_photos_in(base)
    if not found.samples:
        if found.left_out:
            raise found.left_out[0]
        raise DataError(f"{base}: holds no photos ({' '.join(PHOTO_SUFFIXES)}); name a folder that does")
    return Dataset(
        name=LAYOUT.name,
        root=root,
        category=category,
        train=found.samples,
        left_out=found.left_out,
        skipped=all_skipped(found.skipped),
    )


def categories(root: Path) -> tuple[str, ...]:
    """Every sub-folder, for nothing else tells which of them are categories."""
    return tuple(folder.name for folder in sub_folders(root))


def recognises(folder: Path) -> bool:  # noqa: ARG001
    """Never: photos are taken for good parts where no other layout knows better."""
    return False


LAYOUT = Layout(name="folder", find=find, categories=categories, recognises=recognises, holds="photos of good parts")
