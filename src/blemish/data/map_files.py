"""Anomaly maps in files, read again."""

from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from blemish.data.images import Size, read_file, resize_map
from blemish.errors import DataError


def read_map(file: str | Path, *, size: Size | None = None) -> NDArray[np.float32]:
    """Returns the raw map (h, w) that a TIFF holds, as `predict --save maps` and `--level-maps` leave it.

    With `size`, (height, width) of its photo, it is laid on that: enlarged bilinearly, which leaves it a little lower
    at its peaks. Raises DataError.
    """
    data = read_file(Path(file))
    try:
        with Image.open(BytesIO(data), formats=("TIFF",)) as picture:
            found: NDArray[np.float32] | None = np.array(picture) if picture.mode == "F" else None
    except Exception:  # a damaged file makes decoders raise nearly anything
        found = None
    if found is None:
        raise DataError(f"{file}: is no anomaly map; name a TIFF file of maps/, or judge the photo again")
    return found if size is None else resize_map(found, size)
