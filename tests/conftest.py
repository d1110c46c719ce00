"""What tests share: real photos where they are, made-up parts everywhere, teachers of seeded weights."""

import os
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import blemish
from blemish.data.dataset import Dataset
from blemish.data.made_up import make_up
from blemish.exporting.exact_graph import exact_graph
from blemish.model.artifact import read_artifact
from blemish.networks import build_backbone

SHARED = Path(os.environ.get("BLEMISH_SHARED", Path(__file__).parents[2] / "shared"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real photos and teacher weights, which may not be copied into the project."""
    if not (SHARED / "data").is_dir():
        pytest.skip(f"needs the shared photos and weights: set BLEMISH_SHARED (looked in {SHARED})")
    return SHARED


@pytest.fixture(scope="session")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Photographed textures cut into parts of 64x64, some with synthetic defects."""
    return make_up(tmp_path_factory.mktemp("parts"), seed=0, size=64)


@pytest.fixture(scope="session")
def seeded_resnet18(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights file of a ResNet-18 that was drawn, not trained: enough wherever quality is not the question."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        weights = build_backbone("resnet18", levels=4).state_dict()
    path = tmp_path_factory.mktemp("weights") / "resnet18.safetensors"
    save_file(weights, path)
    return path


@pytest.fixture(scope="session")
def stpm_run(parts: Dataset, tmp_path_factory: pytest.TempPathFactory, seeded_resnet18: Path) -> Path:
    """A small trained model whose graph is traced, which takes seconds: no test changes it, copies cost nothing."""
    folder = tmp_path_factory.mktemp("model") / "run"
    blemish.train("stpm", parts, folder, teacher_weights=seeded_resnet18, image_size=64, steps=2, held_out=0.3)
    exact_graph(read_artifact(folder))
    return folder


@pytest.fixture(scope="session")
def stpm_exported(stpm_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with every export of it, but torch's."""
    folder = Path(shutil.copytree(stpm_run, tmp_path_factory.mktemp("exported") / "run"))
    for to, precision in (("onnx", "fp32"), ("openvino", "fp32"), ("openvino", "int8")):
        blemish.export(folder, to=to, precision=precision)
    return folder
