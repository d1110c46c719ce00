"""A disk of few megabytes in memory, to be filled and emptied, and a clock to be set back (Linux, as root)."""

import os
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self

_FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")


class SmallDisk:
    """A file system that is mounted at a folder, in here."""

    def __init__(self, folder: Path, *, megabytes: int) -> None:
        self.folder = folder
        self._megabytes = megabytes

    def fill(self) -> None:
        """Leaves no byte free."""
        with (self.folder / "filler").open("wb", buffering=0) as filler, suppress(OSError):
            while True:
                filler.write(bytes(4096))

    def empty(self) -> None:
        """Gives the room back."""
        (self.folder / "filler").unlink()

    def __enter__(self) -> Self:
        self.folder.mkdir(exist_ok=True)
        mount("-t", "tmpfs", "-o", f"size={self._megabytes}m", "blemish", str(self.folder))
        return self

    def __exit__(self, *_error: object) -> None:
        unmount(self.folder)


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def unmount(folder: Path) -> None:
    """Takes a file system away, also where its files are open, as a network does."""
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


class Clock:
    """A clock that processes see instead of the machine's, by libfaketime; what only passes (monotonic) is not it."""

    def __init__(self, folder: Path) -> None:
        if not _FAKETIME.is_file():
            raise SystemExit(f"needs {_FAKETIME}: apt install libfaketime")
        self._file = folder / "clock"
        self.set("+0")

    def set(self, offset: str) -> None:
        """Sets it against the machine's: -1h, -2d, +0."""
        beside = self._file.with_suffix(".new")
        beside.write_text(f"{offset}\n")
        beside.rename(self._file)

    @property
    def environment(self) -> Mapping[str, str]:
        """For the processes that are to see it."""
        return os.environ | {
            "LD_PRELOAD": str(_FAKETIME),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }
