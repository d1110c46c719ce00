"""Photos in folders: found by their suffix, in natural order, and not opened."""

import os
import re
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

from blemish.errors import DataError

PHOTO_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")

OnError = Callable[[DataError], object]
"""Told of what cannot be listed, which is then left out; without it, the error is raised."""


def list_folder(folder: Path) -> tuple[list[Path], list[Path]]:
    """Photos and sub-folders directly in a folder, without hidden ones, each in natural order: img2 before img10."""
    photos: list[Path] = []
    folders: list[Path] = []
    try:
        for entry in folder.iterdir():
            if entry.name.startswith("."):
                continue
            if _is_folder(entry):
                folders.append(entry)
            elif entry.suffix.lower() in PHOTO_SUFFIXES:
                photos.append(entry)
    except FileNotFoundError:
        raise DataError(f"{folder}: no such folder; check the path") from None
    except NotADirectoryError:
        raise DataError(f"{folder}: is a file where a folder was expected; name the folder that holds it") from None
    except OSError as error:
        raise DataError(f"{folder}: cannot be listed ({error.strerror}); check its permissions") from error
    return sorted(photos, key=_natural_order), sorted(folders, key=_natural_order)


def list_photos(folder: Path, *, on_error: OnError | None = None) -> tuple[Path, ...]:
    """All photos in a folder, then those of its sub-folders, by suffix, in natural order, without hidden ones.

    Links to folders are followed, but not to one that this folder lies in; a folder that is reached twice counts once.
    """
    found: list[Path] = []
    seen = set(_real(folder).parents)
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        real = _real(here)
        if real in seen:
            continue
        seen.add(real)
        try:
            photos, folders = list_folder(here)
        except DataError as error:
            if on_error is None:
                raise
            on_error(error)
            continue
        found += photos
        # The last is visited first; links come after real folders, so that a photo keeps its own path.
        waiting += sorted(folders, key=Path.is_symlink)[::-1]
    return tuple(found)


def photos_under(paths: Iterable[Path], *, on_error: OnError | None = None) -> tuple[Path, ...]:
    """Files as named and the photos of folders, each once, in the order given.

    A path where nothing is, and a folder without photos, are a DataError.
    """
    found: dict[Path, None] = {}
    for path in paths:
        troubles: list[DataError] = []
        try:
            photos = list_photos(path, on_error=troubles.append) if stat.S_ISDIR(file_kind(path)) else (path,)
            if not photos and not troubles:
                raise DataError(f"{path}: holds no photos ({' '.join(PHOTO_SUFFIXES)}); name a folder that does")
            found |= dict.fromkeys(photos)
        except DataError as error:
            troubles.append(error)
        for trouble in troubles:
            if on_error is None:
                raise trouble
            on_error(trouble)
    return tuple(found)


def file_kind(path: Path) -> int:
    """Its st_mode: file, folder or something else; DataError where nothing is or it may not be known."""
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        raise DataError(f"{path}: no such file or folder; check the path") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be opened ({error.strerror}); check its permissions") from error
    except ValueError:
        raise DataError(f"{path}: no file can have this name; check the path") from None


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))  # Path.resolve raises where links make a loop


def _is_folder(entry: Path) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        if entry.is_symlink():
            return False  # leads where nobody may look: opening it will say so
        raise


def _natural_order(path: Path) -> tuple[list[str | int], str]:
    pieces = re.split(r"([0-9]+)", path.name.casefold())
    return [int(piece) if odd % 2 else piece for odd, piece in enumerate(pieces)], path.name
