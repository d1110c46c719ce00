"""The exact graph: traced once, cached, and never taken for another's."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

import blemish
from blemish.data.dataset import Dataset
from blemish.exporting.exact_graph import EXACT_GRAPH_FOLDER, cached_graph, exact_graph
from blemish.exporting.make import make_export
from blemish.exporting.trace import trace
from blemish.model.artifact import Artifact, read_artifact
from copies import copied


@pytest.fixture
def model(run: Path, tmp_path: Path) -> Path:
    return copied(run, tmp_path / "run")


def files_of(model: Path) -> dict[str, int]:
    folder = model / "exports" / EXACT_GRAPH_FOLDER
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_exports_to_every_runtime_and_precision_share_one_trace(run: Path, exported: Path) -> None:
    """The second was copied from the first, with the times of its files, and exported three times."""
    assert len(files_of(run)) == 2
    assert files_of(exported) == files_of(run)


def cut_short(folder: Path) -> None:
    data = (folder / "graph.onnx").read_bytes()
    (folder / "graph.onnx").unlink()
    (folder / "graph.onnx").write_bytes(data[: len(data) // 2])


def forget(folder: Path) -> None:
    (folder / "graph.json").unlink()


def damage_record(folder: Path) -> None:
    (folder / "graph.json").write_text("[")


def older_torch(folder: Path) -> None:
    values = json.loads((folder / "graph.json").read_text())
    values["versions"]["torch"] = "1.0"
    (folder / "graph.json").write_text(json.dumps(values))


def older_blemish(folder: Path) -> None:
    values = json.loads((folder / "graph.json").read_text())
    values["versions"]["blemish"] = "0.0"
    (folder / "graph.json").write_text(json.dumps(values))


@pytest.mark.parametrize("change", [cut_short, forget, damage_record, older_torch, older_blemish])
def test_a_graph_that_is_damaged_or_of_other_versions_is_not_taken(model: Path, change: Callable[[Path], None]) -> None:
    artifact = read_artifact(model)
    assert cached_graph(artifact) is not None
    change(model / "exports" / EXACT_GRAPH_FOLDER)
    assert cached_graph(artifact) is None


def test_a_graph_of_other_weights_or_settings_is_not_taken(model: Path) -> None:
    artifact = read_artifact(model)
    assert cached_graph(dataclasses.replace(artifact, weights_sha256="0" * 64)) is None
    assert cached_graph(dataclasses.replace(artifact, settings={**artifact.settings, "image_size": [96, 64]})) is None
    assert cached_graph(in_windows(artifact)) is None


def in_windows(artifact: Artifact) -> Artifact:
    framing = dataclasses.replace(artifact.framing, aspect=None, tile=96, overlap=32, window=(96, 160))
    return dataclasses.replace(artifact, framing=framing)


def test_a_graph_takes_windows_where_photos_in_tiles_are_judged_in_these(model: Path, tmp_path: Path) -> None:
    trace(in_windows(read_artifact(model)), tmp_path / "graph.onnx")
    graph = onnx.load(tmp_path / "graph.onnx").graph
    for values in (graph.input[0], graph.output[0]):
        assert [dim.dim_value for dim in values.type.tensor_type.shape.dim][2:] == [96, 160]


def test_a_damaged_graph_is_traced_anew(model: Path, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    artifact = read_artifact(model)
    traced: list[Artifact] = []

    def write_as_traced_before(artifact: Artifact, path: Path) -> None:  # which takes seconds
        traced.append(artifact)
        shutil.copy(run / "exports" / EXACT_GRAPH_FOLDER / "graph.onnx", path)

    monkeypatch.setattr("blemish.exporting.trace.trace", write_as_traced_before)
    cut_short(model / "exports" / EXACT_GRAPH_FOLDER)
    graph = exact_graph(artifact)
    assert traced == [artifact]
    onnx.checker.check_model(graph)
    assert cached_graph(artifact) == graph


def test_a_training_that_replaces_the_weights_removes_it_with_the_exports(
    model: Path, parts: Dataset, seeded_resnet18: Path
) -> None:
    few = dataclasses.replace(parts, train=parts.train[:8])
    blemish.train("stpm", few, model, teacher_weights=seeded_resnet18, image_size=64, steps=1, overwrite=True)
    assert not (model / "exports").exists()


@pytest.mark.usefixtures("small_proof")
def test_torch_needs_no_graph(model: Path) -> None:
    shutil.rmtree(model / "exports")
    make_export(read_artifact(model), "torch", precision="bf16")
    assert [path.name for path in (model / "exports").iterdir()] == ["torch-bf16"]
