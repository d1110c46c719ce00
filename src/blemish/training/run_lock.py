"""One training at a time in a folder."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from blemish.errors import ArtifactError
from blemish.file_lock import is_still_there, lock
from blemish.files import cannot_write

LOCK_FILE = "training.lock"

_log = logging.getLogger("blemish")


@contextmanager
def locked(run: Path) -> Iterator[None]:
    """Keeps other processes from training into `run` while it is open; raises ArtifactError where one does, and
    OutputError.

    The file names the process, and the operating system holds the lock: it falls with the process, however that ends,
    which a number of a process, given to another since, would not show.
    """
    path = run / LOCK_FILE
    descriptor = _open(path)
    try:
        before = os.read(descriptor, 100).decode(errors="replace").strip()
        if before:
            _log.warning("the training of process %s in %s ended without a word: its lock is taken over", before, run)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.truncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        if sys.platform == "win32":  # which deletes no open file
            os.close(descriptor)
            with suppress(OSError):
                path.unlink()
        else:
            with suppress(OSError):
                path.unlink()
            os.close(descriptor)


def _open(path: Path) -> int:
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise cannot_write(path, error) from error
        try:
            lock(descriptor)
        except BlockingIOError:
            holder = os.read(descriptor, 100).decode(errors="replace").strip()
            os.close(descriptor)
            raise ArtifactError(
                f"{path.parent} is being trained into by process {holder or 'of unknown number'}: wait for its end, or "
                "give another folder"
            ) from None
        if is_still_there(path, descriptor):
            return descriptor
        os.close(descriptor)
