"""Resizing a plane of numbers in memory that its size does not decide."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_BAND = 1 << 24  # values that are resized at once as float32


def resized_bands(plane: NDArray[Any], size: tuple[int, int]) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Yields a plane (H, W) at another size, in float32, of a large one a band of rows after another: all at once would
    be twice the photo's own bytes."""
    height, width = plane.shape
    zoom = height / size[0]
    reach = max(1.0, zoom) + 1  # rows that a row is made of, to either side
    at_once = max(1, int((_BAND / width - 2 * reach) / zoom)) if plane.size > _BAND else size[0]
    for first in range(0, size[0], at_once):
        after = min(size[0], first + at_once)
        top, bottom = max(0, int(first * zoom - reach)), min(height, math.ceil(after * zoom + reach))
        band = Image.fromarray(plane[top:bottom].astype(np.float32))
        box = (0, first * zoom - top, width, min(after * zoom - top, bottom - top))
        yield slice(first, after), np.array(band.resize((size[1], after - first), Image.Resampling.BILINEAR, box=box))
