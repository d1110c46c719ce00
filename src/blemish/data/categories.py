"""Categories of a dataset by their names, and what to say where a name is none of them."""

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path

from blemish.data.listing import list_folder, sub_folders
from blemish.errors import DataError


def category_folder(root: Path, category: str | None, *, known: Sequence[str]) -> Path:
    """Returns the folder of a category, or `root` without one.

    `known` are the categories to choose from. Raises DataError, with these, for any other name, and where `root`
    cannot be listed.
    """
    folders = [folder.name for folder in list_folder(root)[1]]
    if category is None:
        return root
    if category not in folders:
        check_category(root, category, known)
    return root / category


def recognised_below(root: Path, recognises: Callable[[Path], bool]) -> tuple[str, ...]:
    """Returns the names of the folders in `root` that a layout recognises as categories."""
    return tuple(folder.name for folder in sub_folders(root) if recognises(folder))


def recognised_folder(
    root: Path,
    category: str | None,
    *,
    recognises: Callable[[Path], bool],
    wanted: str,
    reads: Callable[[Path], bool] | None = None,
) -> Path:
    """Returns the folder of a category, or `root` without one, where the layout recognises it.

    `reads` is where the layout, once it is named, takes more folders than it recognises unasked. Raises DataError with
    the categories to choose from, or with what such a folder holds (`wanted`).
    """
    base = category_folder(root, category, known=recognised_below(root, recognises))
    if (reads or recognises)(base):
        return base
    if there := recognised_below(base, recognises):
        raise DataError(f"{base}: holds the categories {', '.join(there)}; name one of them with --category")
    raise DataError(f"{base}: is not laid out so: {wanted}; check the path")


def check_category(root: Path, category: str, known: Sequence[str]) -> None:
    """Raises DataError for a category that is not among the known ones."""
    if category in known:
        return
    if not known:
        raise DataError(f"{root}: holds no categories, so none named {category!r}; leave the category out")
    near = "".join(f"; did you mean {name!r}?" for name in get_close_matches(category, known, n=1))
    raise DataError(f"{root}: has no category {category!r}; there are {', '.join(known)}{near}")
