"""What is made once for all workers of a test run, where making it takes seconds."""

import fcntl
import json
import shutil
from collections.abc import Callable
from pathlib import Path

from copies import LARGE

MadeOnce = Callable[[str, Callable[[Path], object]], Path]
"""Gives the folder of a name, which whichever worker asks first makes by the function: no test may change it."""


def made_once_in(base: Path) -> MadeOnce:
    """`base` is pytest's folder for temporary files, which in a worker lies in the folder of all workers."""
    root = _root(base)

    def made_once(name: str, make: Callable[[Path], object]) -> Path:
        folder, whole = root / name, root / f"{name}.whole"
        root.mkdir(exist_ok=True)
        with (root / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # until the file is closed
            if not whole.exists():
                shutil.rmtree(folder, ignore_errors=True)  # what a worker that failed has left
                make(folder)
                whole.with_suffix(".new").write_text(json.dumps(_large_files(folder)))
                whole.with_suffix(".new").rename(whole)
        return folder

    return made_once


def changed_in(base: Path) -> list[str]:
    """The names of what was made once whose large files somebody has written into: copies share them."""
    return [
        whole.stem
        for whole in _root(base).glob("*.whole")
        if json.loads(whole.read_text()) != _large_files(whole.with_suffix(""))
    ]


def _root(base: Path) -> Path:
    # Not by the environment, which a test hands on to a run of its own.
    return (base.parent if base.name.startswith("popen-") else base) / "made-once"


def _large_files(folder: Path) -> dict[str, list[int]]:
    """Size and time of the last change of each."""
    found = {path.relative_to(folder).as_posix(): path.stat() for path in folder.rglob("*") if path.is_file()}
    return {name: [s.st_size, s.st_mtime_ns] for name, s in sorted(found.items()) if s.st_size >= LARGE}
