"""Photos of the line, and their maps, kept in a folder by checksum: no name that a client gives reaches the disk."""

import hashlib
import os
from pathlib import Path

from blemish.data.images import save_png
from blemish.data.pixel_limit import open_picture
from blemish.errors import OutputError
from blemish.files import make_folder, write_atomically
from blemish.inference.prediction import Prediction
from blemish.results.packed_maps import packed_map

_SUFFIXES = {"PNG": ".png", "JPEG": ".jpg", "MPO": ".jpg", "BMP": ".bmp", "TIFF": ".tiff", "WEBP": ".webp"}


class KeptPhotos:
    """A folder that photos and maps are kept in."""

    def __init__(self, folder: Path) -> None:
        """Raises OutputError where the folder cannot be written."""
        make_folder(folder)
        self.folder = folder.resolve()

    def keep(self, photo: bytes, prediction: Prediction, *, key: str) -> tuple[str, str]:
        """Writes a photo, once however often it is judged, and the map of this verdict; returns their paths.

        Raises OutputError.
        """
        digest = hashlib.sha256(photo).hexdigest()
        path = self.folder / "photos" / digest[:2] / f"{digest}{_suffix(photo)}"
        is_new = False
        try:
            os.utime(path)  # so that it is not deleted for being old before this verdict is in the history
        except OSError:
            is_new = True
            write_atomically(path, lambda beside: beside.write_bytes(photo))
        map_path = self.folder / "maps" / key[:2] / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.png"
        try:
            save_png(map_path, packed_map(prediction.anomaly_map, middle=prediction.thresholds.pixel))
        except OutputError:
            if is_new:
                path.unlink(missing_ok=True)  # no row will know of it
            raise
        return str(path), str(map_path)


def _suffix(photo: bytes) -> str:
    """Returns the suffix of what a photo is, whatever it was called."""
    with open_picture(photo, formats=tuple(_SUFFIXES)) as picture:
        return _SUFFIXES.get(str(picture.format), ".bin")
