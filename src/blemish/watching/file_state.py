"""What tells, without reading it, whether a file is still the one that was seen."""

import stat
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class FileState:
    """What tells a file that is as it was from one that was written into: size, times, place on the disk."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> "FileState":
        """Returns the state of a file, of what a link leads to; raises OSError."""
        found = path.stat()
        return cls(size=found.st_size, mtime_ns=found.st_mtime_ns, ctime_ns=found.st_ctime_ns, inode=found.st_ino)

    @property
    def stamp(self) -> str:
        """All of it as a text: where it is the same, nobody has written into the file since."""
        return f"{self.size} {self.mtime_ns} {self.ctime_ns} {self.inode}"


def state_of(file: Path) -> FileState | None:
    """Returns the state of a file, None where it cannot be known, as of one that is gone, or of what is none: a folder
    that is called as photos are, or a pipe, which would be waited for."""
    try:
        return FileState.of(file) if stat.S_ISREG(file.stat().st_mode) else None
    except (OSError, ValueError):  # ValueError: no file can have this name
        return None
