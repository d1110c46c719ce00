"""What a line PC gets: `pip install blemish[onnx]` into an empty environment, and a model folder."""

import subprocess
import sys
from pathlib import Path

import pytest

import blemish
from blemish.data.dataset import Dataset

ROOT = Path(__file__).parents[2]
UNREACHABLE = ("Could not find a version", "Failed to establish", "Temporary failure", "Connection")


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that has Blemish with one extra and nothing else."""
    folder = tmp_path_factory.mktemp("line") / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python)  # ours: to install it there would take seconds
    options = ("--quiet", "--no-compile", "--constraint", ROOT / "constraints.txt")
    done = subprocess.run([*pip, "install", *options, f"{ROOT}[onnx]"], capture_output=True, text=True)
    if done.returncode and any(line in done.stderr for line in UNREACHABLE):
        pytest.skip("needs the package index, which cannot be reached")
    assert done.returncode == 0, done.stderr
    return python


def test_it_brings_no_torch_and_judges_as_the_trained_model_does(copy: Path, parts: Dataset, python: Path) -> None:
    (site,) = python.parents[1].glob("lib/python*/site-packages")
    packages = {place.name.partition("-")[0].lower() for place in site.glob("*.dist-info")}
    assert "onnxruntime" in packages
    assert not packages & {"torch", "torchvision", "timm", "onnx", "openvino", "matplotlib", "pandas"}
    photos = [sample.image for sample in parts.test[:3]]
    expected = [blemish.open(copy, runtime="torch").predict(photo) for photo in photos]
    (copy / "weights.safetensors").unlink()
    done = subprocess.run([python, "-m", "blemish", "predict", copy, *photos], capture_output=True, text=True)
    assert done.stderr == ""
    said = [line.split()[:2] for line in done.stdout.splitlines()]
    assert [verdict for verdict, _ in said] == [prediction.verdict for prediction in expected]
    assert [float(score) for _, score in said] == pytest.approx([p.anomaly_score for p in expected], rel=1e-4)
    verified = subprocess.run([python, "-m", "blemish", "verify", copy, "--runtime", "onnx"], capture_output=True)
    assert verified.returncode == 0
