"""Whether a photo is the raw mosaic of a colour camera, saved as if it were grey.

In a Bayer mosaic every other pixel of a row, and of a column, lies behind another colour's filter: neighbours differ
more than pixels two apart, both ways, which hardly anything that a camera sees does.
"""

import numpy as np
from numpy.typing import NDArray

from blemish.data.images import Pixels

_TIMES = (
    1.25  # noise alone gives 1; 840 photos of parts and textures .88 at most, mosaics of coloured parts 1.6 and more
)
_SIDE = 512  # pixels of the middle that are looked at


def looks_like_mosaic(photo: Pixels) -> bool:
    """Returns whether a photo (H, W, 3), of equal channels, looks so; what is grey all over gives no sign of it."""
    if min(photo.shape[:2]) < 8:
        return False
    top, left = (max(0, side - _SIDE) // 2 for side in photo.shape[:2])
    part = photo[top : top + _SIDE, left : left + _SIDE]
    if not (part == part[:, :, :1]).all():
        return False
    grey = part[:, :, 0].astype(np.float32)
    return all(_restlessness(each) > _TIMES for each in (grey, grey.T))


def _restlessness(grey: NDArray[np.float32]) -> float:
    """Returns how many times the difference of pixels two apart that of neighbours is, along rows."""
    near, far = np.abs(grey[:, 1:] - grey[:, :-1]).mean(), np.abs(grey[:, 2:] - grey[:, :-2]).mean()
    return float(near / far) if far > 0 else (np.inf if near > 0 else 0.0)
