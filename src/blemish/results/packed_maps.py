"""Anomaly maps as pictures of 16 bits, small enough to be kept of every photo that a line stops."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blemish.data.images import Pixels, read_image

_WHITE = 65535


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
