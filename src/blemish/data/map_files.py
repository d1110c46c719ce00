"""Anomaly maps in files, read again."""

from collections.abc import Iterable
from io import BytesIO
from numbers import Integral
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from blemish.data.images import Size, read_file, resize_map
from blemish.data.pixel_limit import allowing
from blemish.errors import DataError, SettingsError

_BYTES_EACH = 4  # of a value: maps are not compressed, so that no small file fills the memory


def read_map(file: str | Path, *, size: Size | None = None) -> NDArray[np.float32]:
    """Returns the raw map (h, w) that a TIFF holds, as `predict --save maps` and `--level-maps` leave it.

    With `size`, (height, width) of its photo, it is laid on that: enlarged bilinearly, which leaves it a little lower
    at its peaks. Raises DataError, and SettingsError for another size.
    """
    if size is not None and not _is_size(size):
        raise SettingsError(f"size is {size!r}: give (height, width) of the photo, two whole numbers of pixels")
    data = read_file(Path(file))
    try:
        with allowing(len(data) // _BYTES_EACH), Image.open(BytesIO(data), formats=("TIFF",)) as picture:
            found: NDArray[np.float32] | None = np.array(picture) if picture.mode == "F" else None
    except Exception:  # a damaged file makes decoders raise nearly anything
        found = None
    if found is None:
        raise DataError(f"{file}: is no anomaly map; name a TIFF file of maps/, or judge the photo again")
    return found if size is None else resize_map(found, size)


def _is_size(size: object) -> bool:
    """Returns whether what a program gave is two whole numbers above 0."""
    given = tuple(size) if isinstance(size, Iterable) else ()
    return len(given) == 2 and all(isinstance(side, Integral) and int(side) > 0 for side in given)
