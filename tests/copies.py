"""Copies of model folders that take no time and hardly any disk."""

import os
import shutil
from pathlib import Path

LARGE = 1 << 20
"""Bytes of a file from which a copy shares it."""


def copied(folder: Path, to: Path) -> Path:
    """Copies a folder whose large files, weights and graphs, are the same files by another name.

    Blemish writes beside a file and renames, so that the other name keeps what it had. A test that writes into a large
    file itself unlinks it before.
    """
    return Path(shutil.copytree(folder, to, copy_function=_copy))


def _copy(file: str, to: str) -> str:
    if Path(file).stat().st_size < LARGE:
        return shutil.copy2(file, to)
    os.link(file, to)
    return to
