"""What is made once for all workers of a test run, where making it takes seconds."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

MadeOnce = Callable[[str, Callable[[Path], object]], Path]
"""Gives the folder of a name, which whichever worker asks first makes by the function: no test may change it."""


def made_once_in(base: Path) -> MadeOnce:
    """`base` is pytest's folder for temporary files, which in a worker lies in the folder of all workers."""
    root = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "made-once"

    def made_once(name: str, make: Callable[[Path], object]) -> Path:
        folder, whole = root / name, root / f"{name}.whole"
        root.mkdir(exist_ok=True)
        with (root / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # until the file is closed
            if not whole.exists():
                shutil.rmtree(folder, ignore_errors=True)  # what a worker that failed has left
                make(folder)
                whole.touch()
        return folder

    return made_once
