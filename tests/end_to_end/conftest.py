"""What the tests of bad input share."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from blemish.data.dataset import Dataset
from commands import QUICK, blemish
from once import MadeOnce


@pytest.fixture(scope="session")
def photos(parts: Dataset, made_once: MadeOnce) -> Path:
    """A folder of a few photos of good parts."""

    def take(folder: Path) -> None:
        folder.mkdir()
        for sample in parts.train[:12]:
            shutil.copy(sample.image, folder)

    return made_once("photos", take)


@pytest.fixture(scope="session")
def trained(photos: Path, made_once: MadeOnce) -> Path:
    """A trained model, which no test changes."""

    def train(folder: Path) -> None:
        done = blemish("train", "stpm", photos, folder, *QUICK, "--recipe", "paper")
        assert done.code == 0, done.err

    return made_once("trained-by-command", train)


@pytest.fixture
def copy(trained: Path, tmp_path: Path) -> Path:
    """The same, to be damaged."""
    return Path(shutil.copytree(trained, tmp_path / "model"))


@pytest.fixture
def disk_of(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Makes a disk of so many bytes; asked again, it makes the same one larger or smaller."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def make(size: int) -> Path:
        options = f"size={size}" + (",remount" if folder.is_mount() else "")
        if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True).returncode:
            pytest.skip("needs the right to mount a small disk")
        return folder

    yield make
    if folder.is_mount():
        subprocess.run(["umount", folder], check=True)
