"""A small model with its evaluation, and small test sets."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import blemish
from blemish.data.dataset import Dataset
from blemish.data.mvtec_ad import MVTEC_AD
from copies import copied
from once import MadeOnce
from report.models import evaluate_on


@pytest.fixture(scope="session")
def trained(parts: Dataset, seeded_resnet18: Path, made_once: MadeOnce) -> Path:
    """Not evaluated; never to be changed."""

    def train(folder: Path) -> None:
        blemish.train(
            "stpm",
            parts,
            folder,
            teacher="resnet18",
            teacher_weights=seeded_resnet18,
            image_size=64,
            steps=6,
            recipe="paper",
            precision="fp32",
            check_every=2,
            false_alarms=0.1,
        )

    return made_once("to-be-reported", train)


@pytest.fixture(scope="session")
def evaluated(trained: Path, parts: Dataset, made_once: MadeOnce) -> Path:
    """Never to be changed."""
    return made_once("evaluated", lambda folder: evaluate_on(copied(trained, folder), parts))


@pytest.fixture
def run(evaluated: Path, tmp_path: Path) -> Path:
    """A copy of the evaluated model, to be changed."""
    return copied(evaluated, tmp_path / "run")


@pytest.fixture
def few(parts: Dataset, tmp_path: Path) -> Callable[..., Dataset]:
    """New test sets of three photos each of the kinds named, under folders of any name: few("screw", crack="$x$")."""

    def make(name: str, **folders: str) -> Dataset:
        root = tmp_path / "sets" / name
        for kind, folder in folders.items():
            for photo in [s for s in parts.test if s.defect_type == kind][:3]:
                _copy(photo.image, root / "test" / folder)
                for mask in photo.masks:
                    _copy(mask, root / "ground_truth" / folder)
        return MVTEC_AD.find(root, None)

    return make


def _copy(file: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(file, folder)
