"""Photos of the line, and their maps, kept in a folder by checksum: no name that a client gives reaches the disk."""

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from blemish.data.images import save_png
from blemish.errors import OutputError
from blemish.files import make_folder, remove, write_atomically
from blemish.inference.prediction import Prediction
from blemish.results.packed_maps import packed_map

_BEGINNINGS = (
    (re.compile(rb"\x89PNG"), ".png"),
    (re.compile(rb"\xff\xd8\xff"), ".jpg"),
    (re.compile(rb"BM"), ".bmp"),
    (re.compile(rb"II[*+]\0|MM\0[*+]"), ".tiff"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), ".webp"),
)
"""How files of photos begin, and what they are called: a look at the header would refuse what can be judged."""

KEPT_PHOTOS, KEPT_MAPS = "photos", "maps"
"""Sub-folders, each with one for every beginning of a checksum or key."""


@dataclass(frozen=True, kw_only=True)
class KeptFiles:
    """What was kept for one verdict."""

    photo: Path
    """Its name is the photo's checksum: other verdicts on the same photo have it, too."""
    map: Path
    """Its name is the verdict's key."""
    is_new: bool
    """Whether the photo was not there before."""


class KeptPhotos:
    """A folder that photos and maps are kept in."""

    def __init__(self, folder: Path) -> None:
        """Raises OutputError where the folder cannot be written."""
        make_folder(folder)
        self.folder = folder.resolve()

    def keep(self, photo: bytes, prediction: Prediction, *, key: str) -> KeptFiles:
        """Writes a photo, once however often it is judged, and the map of this verdict; returns where they are.

        Raises OutputError.
        """
        digest = hashlib.sha256(photo).hexdigest()
        path = self.folder / KEPT_PHOTOS / digest[:2] / f"{digest}{_suffix(photo)}"
        is_new = False
        try:
            os.utime(path)  # so that it is not deleted for being old before this verdict is in the history
        except OSError:
            is_new = True
            write_atomically(path, lambda beside: beside.write_bytes(photo))
        map_path = self.folder / KEPT_MAPS / key[:2] / f"{key}.png"
        try:
            save_png(map_path, packed_map(prediction.anomaly_map, middle=prediction.thresholds.pixel))
        except OutputError:
            if is_new:
                path.unlink(missing_ok=True)  # no row will know of it
            raise
        return KeptFiles(photo=path, map=map_path, is_new=is_new)

    def discard(self, kept: KeptFiles, *, photo_too: bool) -> None:
        """Deletes what no verdict has: a map, and the photo where that is of no other verdict either; raises
        OutputError."""
        remove(kept.map)
        if photo_too:
            remove(kept.photo)


def _suffix(photo: bytes) -> str:
    """Returns the suffix of what a photo is, whatever it was called."""
    return next((suffix for beginning, suffix in _BEGINNINGS if beginning.match(photo)), ".bin")
