"""Photos that a user leaves out of training, by a text file that names them."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from blemish.data.dataset import Dataset
from blemish.errors import DataError
from blemish.wording import on_one_line, some_of


def names_in(file: Path) -> list[Path]:
    """Returns the photos that a text file names, one a line; empty lines and those that begin with # are passed over.

    Raises DataError where it cannot be read.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise DataError(f"{file}: cannot be read ({reason}); give a text file with a photo per line") from error
    return [Path(line.strip()) for line in lines if line.strip() and not line.lstrip().startswith("#")]


def without_photos(found: Dataset, names: Sequence[Path]) -> tuple[Dataset, tuple[Path, ...]]:
    """Returns the dataset without the good photos of these names, and the absolute paths of those left out.

    A name is absolute, or relative to the dataset's root, its category's folder or the working folder. Raises DataError
    for those that name no good photo: nobody should think a photo left out that is not.
    """
    good = {_as_one(sample.image): sample.image for sample in (*found.train, *found.validation)}
    out: dict[str, Path] = {}
    unknown = []
    for name in names:
        meant = [_as_one(folder / name) for folder in (found.root, found.base, Path())]
        hit = next((key for key in meant if key in good), None)
        if hit is None:
            unknown.append(name)
        else:
            out[hit] = good[hit]
    if unknown:
        raise DataError(
            f"to leave out, but among the good photos of {on_one_line(found.base)} there is no {some_of(unknown)}: "
            "correct or remove the line, paths are absolute or relative to that folder"
        )
    train, validation = (
        tuple(sample for sample in samples if _as_one(sample.image) not in out)
        for samples in (found.train, found.validation)
    )
    return replace(found, train=train, validation=validation), tuple(path.absolute() for path in out.values())


def _as_one(path: Path) -> str:
    """Returns one spelling for all that name the same place, links not followed."""
    return os.path.abspath(path)  # noqa: PTH100 - Path.absolute() keeps a/../b
