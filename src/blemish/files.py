"""Files that appear whole or not at all."""

import io
import os
import secrets
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from blemish.errors import BlemishError, OutputError

Folder = str | Path
"""A folder as users name it."""


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Lets `write` fill a file beside `path`, puts it on the disk, then renames it into place.

    Raises OutputError, and leaves what was at `path` as it was, when the disk is full or may not be written.
    """
    # The suffix stays last: writers of pictures choose the format by it.
    beside = path.with_name(f".writing-{secrets.token_hex(4)}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.open("xb").close()
        permissions = beside.stat().st_mode  # those of any new file of the user's
        write(beside)
        beside.chmod(permissions)  # some writers put another file in its place, for nobody else to read
        with beside.open("r+b") as file:  # Windows puts nothing on the disk by a handle that cannot write
            os.fsync(file.fileno())
        beside.replace(path)
    except BlemishError:  # also one that is an OSError, as of a history that is read meanwhile
        raise
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with suppress(OSError):  # where the disk has become read-only, there is already an error to tell of
            beside.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8, whole or not at all; raises OutputError."""
    write_atomically(path, lambda beside: beside.write_text(text, encoding="utf-8"))


def make_folder(folder: Path) -> None:
    """Makes a folder, or finds it, and tries to write in it; raises OutputError, better now than after long work."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (FileExistsError, NotADirectoryError) as error:
        raise OutputError(f"cannot write {folder}: it is a file, or lies in one; choose another folder") from error
    except OSError as error:
        raise cannot_write(folder, error) from error


def remove(path: Path) -> None:
    """Deletes a file, or a folder with all it holds, or notices that there is none; raises OutputError."""
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"cannot delete {path}: {error.strerror}; check the folder's permissions") from error


def move(path: Path, to: Path) -> None:
    """Gives a file another name in its folder, in place of what has that name; raises OutputError."""
    try:
        path.replace(to)
    except OSError as error:
        raise cannot_write(to, error) from error


def packed_folder(folder: Path, names: Iterable[str] = (".",)) -> bytes:
    """Returns files and folders that lie in a folder, to be laid down elsewhere by `folder_from`: an archive, not
    compressed, for a network."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name in names:
            tar.add(folder / name, arcname=name)
    return archive.getvalue()


def folder_from(packed: bytes, folder: Path) -> None:
    """Lays down what `packed_folder` returned, in place of what is there; the folder appears whole or not at all.

    Raises OutputError.
    """
    beside = folder.with_name(f".writing-{secrets.token_hex(4)}")
    try:
        beside.mkdir(parents=True)
        with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
            tar.extractall(beside, filter="data")
        remove(folder)
        beside.replace(folder)
    except OSError as error:
        raise cannot_write(folder, error) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def cannot_write(path: Path, error: OSError) -> OutputError:
    """Returns the error to raise where a file or folder of the user's cannot be written."""
    return OutputError(f"cannot write {path}: {error.strerror or error}; make room or choose another folder")
