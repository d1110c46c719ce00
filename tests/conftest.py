"""What tests share: real photos where they are, made-up parts everywhere, teachers of seeded weights."""

import gc
import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

import blemish
from bare import Bare
from blemish.data.dataset import Dataset
from blemish.data.made_up import make_up
from blemish.data.mvtec_ad import MVTEC_AD
from blemish.exporting.exact_graph import exact_graph
from blemish.model.artifact import read_artifact
from copies import copied
from once import MadeOnce, changed_in, made_once_in
from order import longest_first

os.environ.pop("BLEMISH_WEIGHTS", None)  # tests say themselves where weights are, or that there are none
SHARED = Path(os.environ.get("BLEMISH_SHARED", Path(__file__).parents[2] / "shared"))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items[:] = longest_first(items)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real photos and teacher weights, which may not be copied into the project."""
    if not (SHARED / "data").is_dir():
        pytest.skip(f"needs the shared photos and weights: set BLEMISH_SHARED (looked in {SHARED})")
    return SHARED


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MadeOnce]:
    base = tmp_path_factory.getbasetemp()
    yield made_once_in(base)
    assert changed_in(base) == []


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is loaded meanwhile stays: it need not be looked through for garbage, now or later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session", autouse=True)
def quick_disk() -> Iterator[None]:
    """No test of this process asks what is left where the power fails: a file need not reach the disk each time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", os.fstat)  # which takes open files alone, too
        yield


@pytest.fixture(scope="session")
def bare() -> Iterator[Bare]:
    server = Bare()
    yield server
    server.close()


@pytest.fixture(scope="session")
def parts(made_once: MadeOnce) -> Dataset:
    """Photographed textures cut into parts of 64x64, some with synthetic defects."""
    return MVTEC_AD.find(made_once("parts", lambda folder: make_up(folder, seed=0, size=64)), None)


@pytest.fixture(scope="session")
def seeded_resnet18(made_once: MadeOnce) -> Path:
    """A weights file of a ResNet-18 that was drawn, not trained: enough wherever quality is not the question."""

    def draw(folder: Path) -> None:
        import torch  # not by every process that only counts tests
        from safetensors.torch import save_file

        from blemish.networks import build_backbone

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(7)
            weights = build_backbone("resnet18", levels=4).state_dict()
        folder.mkdir()
        save_file(weights, folder / "resnet18.safetensors")

    return made_once("weights", draw) / "resnet18.safetensors"


@pytest.fixture(scope="session")
def stpm_run(parts: Dataset, made_once: MadeOnce, seeded_resnet18: Path) -> Path:
    """A small trained model whose graph is traced, which takes seconds: no test changes it, copies cost nothing."""

    def train(folder: Path) -> None:
        blemish.train(
            "stpm", parts, folder, teacher_weights=seeded_resnet18, image_size=64, steps=2, held_out=0.3, recipe="paper"
        )
        exact_graph(read_artifact(folder))

    return made_once("stpm", train)


@pytest.fixture(scope="session")
def stpm_exported(stpm_run: Path, made_once: MadeOnce) -> Path:
    """The same with every export of it, but torch's; two photos prove each, not four, for tests prove them often."""

    def export(folder: Path) -> None:
        copied(stpm_run, folder)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("blemish.exporting.make.MOST_IN_A_PROOF", 2)
            for to, precision in (("onnx", "fp32"), ("openvino", "fp32"), ("openvino", "int8")):
                blemish.export(folder, to=to, precision=precision)

    return made_once("stpm-exported", export)
