"""Files that one process at a time may hold: the operating system lets go of them when it ends, however that is."""

import os
import sys
from pathlib import Path


def lock(descriptor: int) -> None:
    """Locks the file; raises BlockingIOError where another holds it. Where the disk knows no locks, there is none."""
    if sys.platform == "win32":
        import msvcrt

        try:
            os.lseek(descriptor, 1 << 20, os.SEEK_SET)  # far behind what the file holds, which can then be read
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            raise BlockingIOError from None
        finally:
            os.lseek(descriptor, 0, os.SEEK_SET)
    else:
        import fcntl

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:
            pass


def is_still_there(path: Path, descriptor: int) -> bool:
    """Returns whether the file that was opened still has its name: between opening and locking it its holder may have
    deleted it, or given it another."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
