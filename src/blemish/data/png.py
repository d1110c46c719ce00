"""PNG files, written about as small as Pillow's and several times as fast."""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

_GREY, _RGB = 0, 2  # colour types of the PNG specification, 11.2.1
_AVERAGE = 3  # filter type, 9.2
_ROWS = 32  # packed at a time, so that they stay in the processor's cache


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """The bytes of a file of (H, W) grey or (H, W, 3) RGB.

    Every row is stored as its difference from the mean of the pixels to the left and above. Trying all five filters on
    every row, as Pillow does, takes longer than all the rest and gains a few percent. Of what remains of a photo hardly
    anything repeats but runs of one value, so nothing else is looked for.
    """
    height, width = pixels.shape[:2]
    colours = 1 if pixels.ndim == 2 else 3
    header = struct.pack(">IIBBBBB", width, height, 8, _GREY if colours == 1 else _RGB, 0, 0, 0)
    packing = zlib.compressobj(1, strategy=zlib.Z_RLE)
    rows = np.zeros((1 + height, colours + width * colours), np.uint8)  # what lies outside counts as 0
    rows[1:, colours:] = pixels.reshape(height, width * colours)
    packed = [packing.compress(_differences(rows[y : y + _ROWS + 1], colours).data) for y in range(0, height, _ROWS)]
    data = b"".join((*packed, packing.flush()))
    chunks = (_chunk(b"IHDR", header), _chunk(b"IDAT", data), _chunk(b"IEND", b""))
    return b"".join((b"\x89PNG\r\n\x1a\n", *chunks))


def _differences(rows: NDArray[np.uint8], colours: int) -> NDArray[np.uint8]:
    """Each row after its filter's number: (n, 1 + W * colours).

    `rows` are (1 + n, colours + W * colours): the row above comes first, and each begins with the pixel to the left.
    """
    above, left = rows[:-1, colours:], rows[1:, :-colours]
    filtered = np.empty((above.shape[0], 1 + above.shape[1]), np.uint8)
    filtered[:, 0] = _AVERAGE
    np.subtract(rows[1:, colours:], (above & left) + ((above ^ left) >> 1), out=filtered[:, 1:])  # without a ninth bit
    return filtered


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(name)))
