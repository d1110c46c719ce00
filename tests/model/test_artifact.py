"""The model folder: whole or refused, and one clear line in each case."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import blemish
from blemish.data.dataset import Dataset
from blemish.errors import ArtifactError
from blemish.inference import open_predictor
from blemish.model.artifact import read_artifact
from blemish.training.checkpoint import CHECKPOINT_FILE
from copies import copied


@pytest.fixture(scope="module")
def run(parts: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "run"
    blemish.train("stpm", parts, folder, teacher="efficientnet_lite0", image_size=64, steps=2)
    return folder


@pytest.fixture
def copy(run: Path, tmp_path: Path) -> Path:
    return copied(run, tmp_path / "copy")


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "model.json"
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def test_predicting_needs_nothing_but_the_folder(copy: Path, parts: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the teacher's weights from elsewhere: those places are emptied."""
    monkeypatch.setenv("BLEMISH_OFFLINE", "1")
    monkeypatch.setenv("BLEMISH_WEIGHTS", "/nowhere")
    assert blemish.open(copy).predict(parts.test[0].image).anomaly_score > 0


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda v: v.update(format_version=99), "upgrade"),
        (lambda v: v.pop("format_version"), "not a Blemish model"),
        (lambda v: v.pop("method"), "damaged or edited"),
        (lambda v: v["framing"].update(image_size=[64]), "damaged or edited"),
        (lambda v: v["framing"].update(image_size=[0, 64]), "damaged or edited"),
        (lambda v: v.update(format_version=1), "train the model anew"),
        (lambda v: v["calibration"]["image"].update(value="high"), "damaged or edited"),
        (lambda v: v["calibration"]["pixel"].update(value=float("inf")), "model.calibration.pixel.value is Infinity"),
        (lambda v: v["calibration"].pop("image"), "damaged or edited"),
        (lambda v: v["calibration"].update(scores=[2.0, 1.0]), "do not rise"),
        (lambda v: v.update(weights_sha256="0" * 64), "checksum"),
        (lambda v: v.update(method="no_such"), "no_such"),
        (lambda v: v["settings"].update(teacher="resnet18"), "settings and weights"),
        (lambda v: v["settings"].update(learning_rate="fast"), "learning_rate"),
        (lambda v: v["settings"].update(unheard=1), "unheard"),
    ],
)
def test_an_edited_model_is_refused_with_what_is_wrong(
    copy: Path, change: Callable[[dict[str, Any]], object], named: str
) -> None:
    edit(copy, change)
    with pytest.raises(ArtifactError, match=named) as caught:
        open_predictor(copy)
    assert "\n" not in str(caught.value)


def test_what_is_no_model_is_refused(tmp_path: Path, copy: Path) -> None:
    with pytest.raises(ArtifactError, match=r"no model\.json"):
        read_artifact(tmp_path)
    (copy / "model.json").write_text("{ half a file")
    with pytest.raises(ArtifactError, match="cannot be read"):
        read_artifact(copy)
    (copy / "model.json").write_text("[1, 2]")
    with pytest.raises(ArtifactError, match="not a Blemish model"):
        read_artifact(copy)


def test_a_file_and_an_unfinished_training_in_place_of_a_model_are_called_so(tmp_path: Path) -> None:
    file = tmp_path / CHECKPOINT_FILE
    file.touch()
    with pytest.raises(ArtifactError, match=r"checkpoint\.safetensors is a file: give the RUN folder"):
        read_artifact(file)
    with pytest.raises(ArtifactError, match=r"holds an unfinished training, .*repeat its command with --resume"):
        read_artifact(tmp_path)


def test_weights_that_were_damaged_or_lost_are_noticed(copy: Path) -> None:
    weights = copy / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.unlink()
    weights.write_bytes(content)
    with pytest.raises(ArtifactError, match="checksum"):
        open_predictor(copy)
    weights.unlink()
    with pytest.raises(ArtifactError, match="whole folder"):
        open_predictor(copy)
    assert read_artifact(copy).method == "stpm"  # an export of it needs no weights
