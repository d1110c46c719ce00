"""Arrays on the disk, for what is too much for memory."""

import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from blemish.errors import OutputError


class StoredArrays:
    """Flat arrays of one type, which stand one after the other in a temporary file that is gone with the last
    reference.

    The file lies in the system's folder for temporary files, which the environment's TMPDIR chooses. Whatever cannot
    be written or read there raises OutputError.
    """

    def __init__(self, dtype: DTypeLike) -> None:
        self.dtype = np.dtype(dtype)
        self.ends = [0]
        """The place where each array ends, in items; the first is 0."""
        with _one_line():
            # Unbuffered: nothing is left to be written, and to fail, when the file is closed.
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  closed by the next line
        weakref.finalize(self, self._file.close)

    def append(self, array: NDArray[Any]) -> None:
        """Writes an array behind the others; raises OutputError where the disk is full."""
        left = np.ascontiguousarray(array, self.dtype).view(np.uint8).data
        with _one_line():
            self._file.seek(self.ends[-1] * self.dtype.itemsize)
            while left:
                left = left[self._file.write(left) :]
        self.ends.append(self.ends[-1] + array.size)

    def __len__(self) -> int:
        return len(self.ends) - 1

    def __getitem__(self, index: int) -> NDArray[Any]:
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self.gather(np.array([self.ends[index]]), np.array([self.ends[index + 1]]))

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return map(self.__getitem__, range(len(self)))

    def gather(self, starts: NDArray[np.int64], stops: NDArray[np.int64]) -> NDArray[Any]:
        """Returns the items from each start to its stop, counted from the first array's first item, one after the
        other."""
        found = np.empty(int((stops - starts).sum()), self.dtype)
        left = found.view(np.uint8).data
        with _one_line():
            for start, size in zip(starts.tolist(), ((stops - starts) * self.dtype.itemsize).tolist(), strict=True):
                self._file.seek(start * self.dtype.itemsize)
                wanted, left = left[:size], left[size:]
                while wanted:
                    wanted = wanted[self._file.readinto(wanted) :]
        return found

    def count_up_to(self, limit: float, start: int, stop: int) -> int:
        """Returns how many of the items from `start` to `stop`, which rise, are not above a limit; few are read."""
        low, high = start, stop
        while low < high:
            middle = (low + high) // 2
            at = np.array([middle])
            low, high = (low, middle) if self.gather(at, at + 1)[0] > limit else (middle + 1, high)
        return low - start


def check_room(size: int) -> None:
    """Raises OutputError where temporary files of `size` bytes have no room: better now than hours later."""
    with _one_line():
        folder = tempfile.gettempdir()
        free = shutil.disk_usage(folder).free
    if free < size:
        raise OutputError(
            f"{folder} has {free / 1e9:.3g} GB of room, temporary files need {size / 1e9:.3g} GB: make room, "
            "or set TMPDIR to another folder"
        )


@contextmanager
def _one_line() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"cannot keep temporary files in {tempfile.tempdir or 'any folder'}: {error.strerror or error}; make room, "
            "or set TMPDIR to another folder"
        ) from error
