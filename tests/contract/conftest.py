"""The methods as small as they get."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from contract.methods import SmallPyramid, small_methods
from once import MadeOnce


@pytest.fixture(scope="module")
def small() -> Iterator[None]:
    with small_methods():
        yield


@pytest.fixture(scope="session")
def small_weights(made_once: MadeOnce) -> Path:
    """A weights file of the small teacher, drawn, not trained."""

    def draw(folder: Path) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(7)
            weights = SmallPyramid(levels=4).state_dict()
        folder.mkdir()
        save_file(weights, folder / "small.safetensors")

    return made_once("small-weights", draw) / "small.safetensors"
