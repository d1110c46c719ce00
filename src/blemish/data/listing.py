"""Photos in folders: found by their suffix, in natural order, and not opened; and what lies among them."""

import os
import re
import stat
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from blemish.data.skipped import (
    OWN_FILES,
    OWN_FOLDERS,
    OWN_PICTURES,
    PHOTO_SUFFIXES,
    Skipped,
    is_worth_a_word,
    most_common_first,
)
from blemish.errors import DataError
from blemish.wording import on_one_line

OnError = Callable[[DataError], object]
"""Told of what cannot be listed, which is then left out; without it, the error is raised."""


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The photos that a folder holds, with all its sub-folders."""

    photos: tuple[Path, ...] = ()
    skipped: Skipped = field(default_factory=Skipped)
    troubles: tuple[DataError, ...] = ()
    """An error for each folder that cannot be listed."""


@dataclass(frozen=True, kw_only=True)
class _Folder:
    """The entries that lie directly in a folder, without hidden ones, each kind in natural order."""

    photos: list[Path]
    folders: list[Path]
    others: Counter[str]
    """Other files by suffix, without those that are expected among photos."""
    own: str
    """Name of a file that Blemish left here, else empty: what lies in the sub-folders is then nobody's photo."""


def list_folder(folder: Path) -> tuple[list[Path], list[Path]]:
    """Lists photos and sub-folders directly in a folder, without hidden ones, in natural order: img2 before img10."""
    found = _read_folder(folder)
    return found.photos, found.folders


def look_through(folder: Path) -> Listing:
    """Finds all photos in a folder, then those of its sub-folders, by suffix, in natural order, without hidden ones.

    Links to folders are followed, but not to one that this folder lies in; a folder that is reached twice counts once.
    Where Blemish wrote its own files, its pictures are no photos and sub-folders are not entered. Raises DataError
    where the folder itself cannot be listed, or is one that Blemish wrote and that holds no photo of its own.
    """
    photos: list[Path] = []
    others: Counter[str] = Counter()
    own: list[Path] = []
    troubles: list[DataError] = []
    seen = set(_real(folder).parents)
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        real = _real(here)
        if real in seen:
            continue
        seen.add(real)
        try:
            found = _read_folder(here)
        except DataError as error:
            if here == folder:
                raise
            troubles.append(error)
            continue
        photos += found.photos
        others += found.others
        if found.own:
            own.append(here)
            continue
        # The last is visited first; links come after real folders, so that a photo keeps its own path.
        waiting += sorted(found.folders, key=Path.is_symlink)[::-1]
    if folder.name in OWN_FOLDERS and (left := _left_by_predicting(folder.parent)):
        raise DataError(f"{folder}: was written by Blemish ({left} lies beside it); name a folder of photos")
    if own == [folder] and not photos:
        raise DataError(
            f"{folder}: was written by Blemish ({found.own} lies in it) and holds no photos; name a folder that does"
        )
    skipped = Skipped(files=most_common_first(others), own=tuple(own))
    return Listing(photos=tuple(photos), skipped=skipped, troubles=tuple(troubles))


def list_photos(folder: Path, *, on_error: OnError | None = None) -> tuple[Path, ...]:
    """Returns the photos that `look_through` finds."""
    try:
        found = look_through(folder)
    except DataError as error:
        if on_error is None:
            raise
        on_error(error)
        return ()
    for trouble in found.troubles:
        if on_error is None:
            raise trouble
        on_error(trouble)
    return found.photos


def sub_folders(folder: Path) -> list[Path]:
    """Returns the folders directly in a folder, without hidden ones, in natural order; none where it may not be
    listed."""
    try:
        return _read_folder(folder).folders
    except DataError:
        return []


def file_kind(path: Path) -> int:
    """Returns the st_mode of a file, folder or something else; raises DataError where nothing is or it may not be
    known."""
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        raise DataError(f"{path}: no such file or folder; check the path") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be opened ({error.strerror}); check its permissions") from error
    except ValueError:
        raise DataError(f"{path}: no file can have this name; check the path") from None


def is_folder(path: Path) -> bool:
    """Returns whether a path is a folder; raises DataError where nothing is there."""
    return stat.S_ISDIR(file_kind(path))


def has_folder(path: Path) -> bool:
    """Returns whether a path is a folder that may be looked for: False, too, where the way there is shut."""
    return os.path.isdir(path)  # noqa: PTH112 - Path.is_dir() raises there


def has_file(path: Path) -> bool:
    """Returns whether a path is a file that may be looked for: False, too, where the way there is shut."""
    return os.path.isfile(path)  # noqa: PTH113 - as above


def in_natural_order(paths: Iterable[Path]) -> list[Path]:
    """Sorts by name, with numbers in names as numbers: img2 before img10."""
    return sorted(paths, key=_natural_order)


def _read_folder(folder: Path) -> _Folder:
    photos: list[Path] = []
    folders: list[Path] = []
    others: Counter[str] = Counter()
    own = ""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                path = folder / entry.name
                suffix = path.suffix.lower()
                if _is_folder(entry):
                    folders.append(path)
                elif suffix in PHOTO_SUFFIXES:
                    photos.append(path)
                elif entry.name in OWN_FILES:
                    own = entry.name
                elif is_worth_a_word(suffix):
                    others[suffix] += 1
    except FileNotFoundError:
        raise DataError(f"{folder}: no such folder; check the path") from None
    except NotADirectoryError:
        raise DataError(f"{folder}: is a file where a folder was expected; name the folder that holds it") from None
    except OSError as error:
        raise DataError(f"{folder}: cannot be listed ({error.strerror}); check its permissions") from error
    except ValueError:
        raise DataError(f"{on_one_line(folder)}: no folder can have this name; check the path") from None
    if own:
        photos = [photo for photo in photos if photo.name not in OWN_PICTURES]
    return _Folder(photos=in_natural_order(photos), folders=in_natural_order(folders), others=others, own=own)


def _left_by_predicting(folder: Path) -> str:
    """Returns the name of the table that predicting left in a folder, finished or not; empty where there is none."""
    tables = ("predictions.jsonl", "predictions.jsonl.part")
    return next((name for name in tables if (folder / name).is_file()), "")


def _real(folder: Path) -> Path:
    return Path(os.path.realpath(folder))  # Path.resolve raises where links make a loop


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        if entry.is_symlink():
            return False  # leads where nobody may look: opening it will say so
        raise


def _natural_order(path: Path) -> tuple[list[str | int], str]:
    pieces = re.split(r"([0-9]+)", path.name.casefold())
    return [int(piece) if odd % 2 else piece for odd, piece in enumerate(pieces)], path.name
