"""One small trained model that the tests of exporting share, and copies of it with an export."""

import json
import shutil
from pathlib import Path

import pytest

import blemish
from blemish.data.dataset import Dataset
from blemish.model.artifact import file_sha256


@pytest.fixture(scope="package")
def run(parts: Dataset, tmp_path_factory: pytest.TempPathFactory, seeded_resnet18: Path) -> Path:
    folder = tmp_path_factory.mktemp("model") / "run"
    blemish.train("stpm", parts, folder, teacher_weights=seeded_resnet18, image_size=64, steps=2, held_out=0.3)
    return folder


@pytest.fixture(scope="package")
def exported(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model with every export of it, but torch's."""
    folder = Path(shutil.copytree(run, tmp_path_factory.mktemp("exported") / "run"))
    for to, precision in (("onnx", "fp32"), ("openvino", "fp32"), ("openvino", "int8")):
        blemish.export(folder, to, precision=precision)
    return folder


@pytest.fixture
def copy(exported: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(exported, tmp_path / "copy"))


@pytest.fixture
def rounded_in_secret(copy: Path) -> Path:
    """A copy whose float32 export for OpenVINO computes in int8, and says nothing of it."""
    exact, rounded = (copy / "exports" / f"openvino-{precision}" for precision in ("fp32", "int8"))
    values = json.loads((exact / "export.json").read_text())
    for name in values["graph"]:
        shutil.copy(rounded / name, exact / name)
        values["graph"][name] = file_sha256(exact / name)
    (exact / "export.json").write_text(json.dumps(values))
    return copy
