"""Volumes in NIfTI-1 files (.nii, .nii.gz), as scanners' data are handed on: https://nifti.nimh.nih.gov/nifti-1."""

import gzip
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blemish.errors import DataError
from blemish.wording import brief

_HEADER = 348  # bytes, which its first four say, so that the order of bytes shows
_TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4"}
_MOST_VALUES = 1 << 28


def read_volume(path: Path) -> NDArray[Any]:
    """Returns a volume (X, Y, Z) in the file's own order of axes, scaled as its header says.

    Raises DataError for a file that cannot be read, is no such volume, or has not three axes.
    """
    try:
        data = path.read_bytes()
        data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or brief(error)}); copy it again") from error
    except (EOFError, zlib.error) as error:
        raise DataError(f"{path}: is damaged ({brief(error)}); copy it again") from error
    order = next((o for o in "<>" if data[:4] == np.array(_HEADER, f"{o}i4").tobytes()), None)
    if order is None or data[344:347] != b"n+1":
        raise DataError(f"{path}: is no NIfTI-1 volume in one file; give .nii or .nii.gz")
    axes, *sides = np.frombuffer(data, f"{order}i2", count=8, offset=40).tolist()
    code = int(np.frombuffer(data, f"{order}i2", count=1, offset=70)[0])
    start, slope, shift = np.frombuffer(data, f"{order}f4", count=3, offset=108).tolist()
    shape = tuple(sides[:3])
    if not 3 <= axes <= 7 or any(side != 1 for side in sides[3:axes]) or min(shape) < 1 or code not in _TYPES:
        raise DataError(f"{path}: has {axes} axes {tuple(sides[:axes])} and values of kind {code}, which are not read")
    kind, count = np.dtype(f"{order}{_TYPES[code]}"), int(np.prod(shape, dtype=np.int64))
    if count > _MOST_VALUES or not _HEADER <= start <= len(data) - count * kind.itemsize:
        raise DataError(f"{path}: holds less than the {shape} values that its header says; copy it again")
    volume = np.frombuffer(data, kind, count=count, offset=int(start)).reshape(shape, order="F")
    return volume if slope in (0, 1) and shift == 0 else volume * slope + shift
