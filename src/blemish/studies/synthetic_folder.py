"""The folder for synthetic test photos: never among those they are made from, never over somebody's files."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from blemish.data.synthetic_manifest import MANIFEST
from blemish.errors import OutputError
from blemish.files import cannot_write, make_folder, remove

NOTE = "README.txt"
_LEFT = ("test", "ground_truth", NOTE, MANIFEST)  # the manifest goes last: it tells whose the others are


def check_output(folder: Path, *, good: Path, photos: Iterable[Path], overwrite: bool) -> None:
    """Raises OutputError where synthetic photos would lie among good ones, or take the place of somebody's files."""
    here = folder.resolve()
    if good.is_dir() and here.is_relative_to(good.resolve()):
        raise OutputError(f"{folder} lies in {good}, whose photos are good ones: give a folder elsewhere")
    if any(photo.resolve().is_relative_to(here) for photo in photos):
        raise OutputError(f"{folder} holds the photos of good parts themselves: give a folder elsewhere")
    try:
        held = {path.name for path in folder.iterdir()} if folder.exists() else set()
    except OSError as error:
        raise cannot_write(folder, error) from error
    if held and not (MANIFEST in held and held <= set(_LEFT)):
        raise OutputError(f"{folder} holds other files: give a new folder")
    if held and not overwrite:
        raise OutputError(f"{folder} holds synthetic photos already: give a new folder, or --overwrite")


def clear_output(folder: Path, *, room: int) -> None:
    """Makes the folder, empty of an earlier test; raises OutputError where there is less `room`, in bytes, for photos
    that are compressed to half their size."""
    make_folder(folder)
    for name in _LEFT:
        remove(folder / name)
    free = shutil.disk_usage(folder).free
    if free < room // 2:
        raise OutputError(
            f"{folder} has {free / 1e9:.3g} GB of room, the photos may need {room / 1e9:.3g} GB: make room, or give "
            "fewer sizes, kinds or photos of each"
        )
