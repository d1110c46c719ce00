"""TIFF files of 16-bit floating-point numbers, which Pillow does not write: TIFF 6.0, with the sample format of its
supplement, in one strip, deflated."""

import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blemish.files import write_atomically

_SHORT, _LONG = 3, 4  # types of fields
_DEFLATE, _MIN_IS_BLACK, _FLOATING = 8, 1, 3


def write_half_precision(path: Path, values: NDArray[np.float16]) -> None:
    """Writes (h, w) numbers as a TIFF; raises OutputError."""
    height, width = values.shape
    strip = zlib.compress(np.ascontiguousarray(values, "<f2").tobytes())
    fields = [  # tag, type, value; tags rise
        (256, _LONG, width),
        (257, _LONG, height),
        (258, _SHORT, 16),  # bits a sample
        (259, _SHORT, _DEFLATE),
        (262, _SHORT, _MIN_IS_BLACK),
        (273, _LONG, 8),  # the strip follows the header
        (277, _SHORT, 1),  # samples a pixel
        (278, _LONG, height),  # rows of the strip
        (279, _LONG, len(strip)),
        (339, _SHORT, _FLOATING),
    ]
    strip += b"\0" * (len(strip) % 2)  # the directory begins at an even place
    header = struct.pack("<2sHI", b"II", 42, 8 + len(strip))
    directory = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in fields)
    directory = struct.pack("<H", len(fields)) + directory + struct.pack("<I", 0)
    write_atomically(path, lambda beside: beside.write_bytes(header + strip + directory))
