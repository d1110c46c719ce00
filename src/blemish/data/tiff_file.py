"""TIFFs that Pillow cannot read in all their bits, by `tifffile`: an extra, asked for by such files alone."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blemish.errors import DataError, MissingExtraError

_ROWS = 256  # unpacked at a time


def tiff_values(data: bytes, *, page: int, name: str) -> NDArray[Any]:
    """Returns the values (H, W) or (H, W, C) of a page of a TIFF, counted from 1, as they are: 10 bits end at 1023.

    Raises DataError for tiles of packed bits, and without tifffile, and what that raises.
    """
    try:
        import tifffile
    except ImportError:
        missing = MissingExtraError(package="tifffile", extra="tiff", purpose="such a TIFF")
        raise DataError(f"{name}: {missing}") from None  # of one photo, which harms no other
    with tifffile.TiffFile(BytesIO(data)) as file:
        found: Any = file.pages[page - 1]
        if found.bitspersample in (8, 16) or found.compression != tifffile.COMPRESSION.NONE:
            values = np.asarray(found.asarray())
        elif found.is_tiled:
            raise DataError(f"{name}: holds tiles of {found.bitspersample} bits, which are not read; save it in strips")
        else:
            values = np.concatenate([*_strips(found, data)]).reshape(found.shape)
        return np.moveaxis(values, 0, -1) if found.axes.startswith("S") else values


def _strips(page: Any, data: bytes) -> Iterator[NDArray[np.uint16]]:
    """Yields the values of packed strips, as rows of bytes begin anew; planes lie one behind another."""
    planes = page.planarconfig == 2 and page.samplesperpixel > 1
    across = page.imagewidth * (1 if planes else page.samplesperpixel)
    each = -(-across * page.bitspersample // 8)
    for start, length in zip(page.dataoffsets, page.databytecounts, strict=True):
        rows = np.frombuffer(data[start : start + length], np.uint8)
        rows = rows[: len(rows) // each * each].reshape(-1, each)
        for first in range(0, len(rows), _ROWS):
            yield _unpacked(rows[first : first + _ROWS], page.bitspersample)[:, :across].ravel()


def _unpacked(rows: NDArray[np.uint8], bits: int) -> NDArray[np.uint16]:
    """Returns rows of values of so many bits, the highest bit first, from rows of bytes."""
    each = np.unpackbits(rows, axis=1)
    each = each[:, : each.shape[1] // bits * bits].reshape(len(rows), -1, bits)
    wide = np.zeros((*each.shape[:2], 16), np.uint8)
    wide[:, :, 16 - bits :] = each
    return np.packbits(wide, axis=2).view(">u2")[:, :, 0].astype(np.uint16)
