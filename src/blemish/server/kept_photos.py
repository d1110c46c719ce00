"""Photos of the line, and their maps, kept in a folder by checksum: no name that a client gives reaches the disk."""

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blemish.data.images import Pixels, read_image, save_png
from blemish.data.pixel_limit import open_picture
from blemish.files import make_folder, write_atomically
from blemish.inference.prediction import Prediction

_SUFFIXES = {"PNG": ".png", "JPEG": ".jpg", "MPO": ".jpg", "BMP": ".bmp", "TIFF": ".tiff", "WEBP": ".webp"}
_WHITE = 65535


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
        if not path.exists():
            write_atomically(path, lambda beside: beside.write_bytes(photo))
        map_path = self.folder / "maps" / key[:2] / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.png"
        save_png(map_path, packed_map(prediction.anomaly_map, middle=prediction.thresholds.pixel))
        return str(path), str(map_path)


def packed_map(anomaly_map: NDArray[np.float32], *, middle: float) -> NDArray[np.uint16]:
    """Returns a map (h, w) as 16-bit grey: v / (v + middle), so that no value is off the scale, as in overlays."""
    values = np.maximum(anomaly_map.astype(np.float64), 0)
    return np.rint(values / (values + _positive(middle)) * _WHITE).astype(np.uint16)


def unpacked_map(pixels: Pixels, *, middle: float) -> NDArray[np.float32]:
    """Returns the map (h, w) that was packed, but for rounding."""
    share = np.minimum(pixels.astype(np.float64) / _WHITE, 1 - 1 / (4 * _WHITE))
    found: NDArray[np.float32] = (share / (1 - share) * _positive(middle)).astype(np.float32)
    return found


def read_map_picture(path: str | Path, *, middle: float) -> NDArray[np.float32]:
    """Reads a map (h, w) that was kept; raises DataError where it is gone or damaged."""
    return unpacked_map(read_image(Path(path))[:, :, 0], middle=middle)


def _positive(middle: float) -> float:
    return middle if 0 < middle < np.inf else 1.0


def _suffix(photo: bytes) -> str:
    """Returns the suffix of what a photo is, whatever it was called."""
    with open_picture(photo, formats=tuple(_SUFFIXES)) as picture:
        return _SUFFIXES.get(str(picture.format), ".bin")
