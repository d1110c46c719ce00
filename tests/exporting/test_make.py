"""Exporting: what is kept, what is refused, and what a stray file says of itself."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import blemish
from blemish.data.dataset import Dataset
from blemish.data.images import save_png
from blemish.errors import DataError, ExportError, MissingExtraError, SettingsError
from blemish.exporting import EXPORTERS
from blemish.exporting.exact_graph import EXACT_GRAPH_FOLDER
from blemish.exporting.int8 import exact_nodes
from blemish.exporting.known_photos import known_photos
from blemish.exporting.make import make_export
from blemish.exporting.proof import ProofOutcome
from blemish.exporting.writers import DESCRIPTION, write_onnx
from blemish.inference import open_predictor
from blemish.inference.openvino_untold import openvino
from blemish.model.artifact import read_artifact, write_artifact
from blemish.model.exports import kinds_of_exports, read_export
from copies import copied


def write_altered(graph: Path, folder: Path, description: str) -> None:
    """An exporter with a fault: one weight of the graph is another."""
    model = onnx.load(graph)
    weight = max(model.graph.initializer, key=lambda w: len(w.raw_data))
    values = numpy_helper.to_array(weight) * np.float32(1.01)
    weight.CopyFrom(numpy_helper.from_array(values, weight.name))
    onnx.save(model, folder.with_name("altered.onnx"))
    write_onnx(folder.with_name("altered.onnx"), folder, description)


@pytest.mark.usefixtures("small_proof")
def test_an_export_that_disagrees_is_refused_with_the_figures_and_nothing_is_left(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = copied(run, tmp_path / "run")
    monkeypatch.setitem(EXPORTERS, "onnx", write_altered)
    with pytest.raises(ExportError, match=r"scores differ by \d.*allowed: a relative difference of 0.0001"):
        blemish.export(model, to="onnx")
    assert kinds_of_exports(read_artifact(model)) == []
    assert [path.name for path in (model / "exports").iterdir()] == [EXACT_GRAPH_FOLDER]


@pytest.mark.usefixtures("small_proof")
def test_a_refused_export_leaves_the_one_before_it(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (copy / "exports" / "onnx-fp32" / "export.json").read_text()
    monkeypatch.setitem(EXPORTERS, "onnx", write_altered)
    with pytest.raises(ExportError):
        blemish.export(copy, to="onnx")
    assert (copy / "exports" / "onnx-fp32" / "export.json").read_text() == before
    (outcome,) = blemish.verify(copy, runtime="onnx").values()
    assert isinstance(outcome, ProofOutcome)
    assert outcome.parity.flips == 0


@pytest.mark.parametrize(
    ("to", "package"), [("onnx", "onnxscript"), ("openvino", "onnxscript"), ("onnx", "onnxruntime"), ("onnx", "torch")]
)
def test_a_package_that_is_not_installed_is_asked_for_before_photos_are_read(
    to: str, package: str, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("blemish.exporting.make.find_spec", lambda name: None if name == package else name)
    monkeypatch.setattr("blemish.exporting.make.known_photos", None)
    with pytest.raises(MissingExtraError, match=f"{package}, which is not installed"):
        make_export(read_artifact(run), to)


@pytest.mark.usefixtures("small_proof")
def test_an_export_takes_the_place_of_the_one_before_it(copy: Path) -> None:
    place = copy / "exports" / "onnx-fp32"
    (place / "stale").touch()
    blemish.export(copy, to="onnx")
    assert sorted(path.name for path in place.iterdir()) == ["export.json", "model.onnx", "proof", "test_vector"]


def said_by_onnx(folder: Path) -> str:
    return str({p.key: p.value for p in onnx.load(folder / "model.onnx").metadata_props}[DESCRIPTION])


def said_by_openvino(folder: Path) -> str:
    return str(openvino.Core().read_model(folder / "model.xml").get_rt_info(DESCRIPTION).astype(str))


@pytest.mark.parametrize(
    ("name", "precision", "said"),
    [("onnx", "fp32", said_by_onnx), ("openvino", "fp32", said_by_openvino), ("openvino", "int8", said_by_openvino)],
)
def test_a_stray_file_explains_itself(exported: Path, name: str, precision: str, said: Callable[[Path], str]) -> None:
    artifact = read_artifact(exported)
    export = read_export(artifact, name, precision)
    description = json.loads(said(export.folder))
    calibration = export.calibration or artifact.calibration
    assert description["threshold"] == calibration.image.value
    assert description["pixel_threshold"] == calibration.pixel.value
    assert description["image_size"] == [64, 64]
    assert (description["method"], description["precision"]) == ("stpm", precision)


def test_the_version_of_an_onnx_file_is_a_number_that_people_read(exported: Path) -> None:
    assert onnx.load(exported / "exports" / "onnx-fp32" / "model.onnx").model_version == 1


def test_int8_has_thresholds_of_its_own_and_fp32_the_models(exported: Path) -> None:
    artifact = read_artifact(exported)
    rounded, exact = read_export(artifact, "openvino", "int8"), read_export(artifact, "openvino", "fp32")
    assert exact.calibration is None
    assert rounded.calibration is not None
    assert rounded.calibration.image.value != artifact.calibration.image.value
    assert rounded.calibration.n == artifact.calibration.n
    assert open_predictor(exported, runtime="openvino", precision="int8").calibration == rounded.calibration
    assert open_predictor(exported, runtime="openvino").calibration == artifact.calibration


def test_int8_scores_of_the_calibration_photos_are_those_in_its_calibration(exported: Path) -> None:
    artifact = read_artifact(exported)
    files = artifact.training.files[artifact.training.calibrated_from :]
    predictor = open_predictor(exported, runtime="openvino", precision="int8")
    scores = sorted(predictor.predict(file).anomaly_score for file in files)
    np.testing.assert_allclose(scores, predictor.calibration.scores, rtol=1e-5)


def test_what_shows_int8_its_ranges_never_gives_its_thresholds(exported: Path) -> None:
    found = known_photos(read_artifact(exported), precision="int8")
    assert found.trained_on
    assert found.calibrating
    assert not set(found.trained_on) & set(found.calibrating)


def test_first_convolutions_and_what_follows_the_last_are_not_rounded(exported: Path) -> None:
    graph = onnx.load(exported / "exports" / "onnx-fp32" / "model.onnx").graph
    exact = set(exact_nodes(graph))
    kinds = [node.op_type for node in graph.node if node.name in exact]
    assert kinds.count("Conv") == 2  # the teacher's first and the student's
    assert all(node.name in exact for node in graph.node if node.op_type in ("Resize", "ReduceSum", "ReduceL2"))
    assert sum(node.op_type == "Conv" and node.name not in exact for node in graph.node) == 28


@pytest.mark.usefixtures("small_proof")
def test_bf16_in_torch_is_recalibrated(run: Path, tmp_path: Path) -> None:
    model = copied(run, tmp_path / "run")
    made = blemish.export(model, to="torch", precision="bf16")
    assert made.export.graph == {}
    assert made.export.calibration is not None
    predictor = open_predictor(model, runtime="torch", precision="bf16")
    assert predictor.calibration == made.export.calibration
    assert made.parity.score_difference > 0  # it was computed in another precision indeed


def test_new_thresholds_reach_the_exports_too(copy: Path) -> None:
    blemish.calibrate(copy, false_alarms=0.5)
    artifact = read_artifact(copy)
    rounded = read_export(artifact, "openvino", "int8").calibration
    assert rounded is not None
    assert rounded.image.asked_rate == artifact.calibration.image.asked_rate == 0.5


def test_more_good_photos_are_judged_by_every_export_in_its_precision(copy: Path, parts: Dataset) -> None:
    good = [sample.image for sample in parts.test if not sample.anomalous][:3]
    before = read_artifact(copy).calibration.n
    blemish.calibrate(copy, false_alarms=0.2, good=good)
    artifact = read_artifact(copy)
    rounded = read_export(artifact, "openvino", "int8").calibration
    assert rounded is not None
    assert rounded.n == artifact.calibration.n == before + 3
    assert set(known_photos(artifact).calibrating) >= set(good)


def as_if_moved(model: Path) -> Path:
    values = json.loads((model / "model.json").read_text())
    for photo in values["training"]["photos"]:
        photo["file"] += ".moved"
    (model / "model.json").write_text(json.dumps(values))
    return model


@pytest.mark.usefixtures("small_proof")
def test_photos_that_moved_are_asked_for_and_found_where_they_went(run: Path, tmp_path: Path, parts: Dataset) -> None:
    model = as_if_moved(copied(run, tmp_path / "run"))
    for precision in ("fp32", "int8"):
        with pytest.raises(DataError, match="--photos"):
            blemish.export(model, to="onnx", precision=precision)
    folder = parts.train[0].image.parent
    assert blemish.export(model, to="onnx", photos=[folder]).parity.flips == 0


def test_a_photo_that_cannot_be_read_harms_no_other(run: Path, tmp_path: Path, parts: Dataset) -> None:
    model = copied(run, tmp_path / "run")
    (tmp_path / "broken.png").write_bytes(parts.test[0].image.read_bytes()[:200])
    made = blemish.export(model, to="onnx", photos=[tmp_path / "broken.png", parts.test[0].image])
    assert [("broken.png" in str(error)) for error in made.unreadable] == [True]
    assert made.parity.photos > read_artifact(model).calibration.n


@pytest.mark.usefixtures("small_proof")
def test_so_does_a_photo_whose_white_nobody_knows(run: Path, tmp_path: Path, parts: Dataset) -> None:
    model = copied(run, tmp_path / "run")
    odd = tmp_path / "a.png"
    save_png(odd, np.full((64, 64, 3), 3999, np.uint16))
    made = blemish.export(model, to="torch", photos=[odd, parts.test[0].image])
    assert [str(error).startswith(f"{odd}: has 16 bits") for error in made.unreadable] == [True]
    lost = as_if_moved(copied(run, tmp_path / "lost"))
    with pytest.raises(DataError, match=f"of those given none can be used: {odd}: has 16 bits"):
        blemish.export(lost, to="torch", photos=odd)


@pytest.mark.usefixtures("small_proof")
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_photos_as_large_as_training_allowed_are_read(
    run: Path, tmp_path: Path, parts: Dataset, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = read_artifact(copied(run, tmp_path / "run"))
    write_artifact(replace(artifact, framing=replace(artifact.framing, max_pixels=64 * 64)))
    monkeypatch.setattr("PIL.Image.MAX_IMAGE_PIXELS", 1000)
    monkeypatch.setattr("blemish.data.pixel_limit._allowed", 0)  # as in a process that has opened no model yet
    made = blemish.export(artifact.folder, to="onnx", precision=precision, photos=parts.test[0].image)
    assert made.unreadable == ()


@pytest.mark.parametrize(
    ("to", "precision", "named"),
    [
        ("tensorrt", "fp32", "runtime 'tensorrt' is unknown: give one of torch, onnx, openvino"),
        ("auto", "fp32", "runtime 'auto' is unknown: give one of torch, onnx, openvino"),
        ("onnx", "fp8", "precision 'fp8' is unknown"),
        ("onnx", "bf16", "onnx cannot compute in bf16: take torch or openvino"),
        ("torch", "int8", "torch cannot compute in int8: take onnx or openvino"),
    ],
)
def test_what_no_runtime_does_is_refused(run: Path, to: str, precision: str, named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        blemish.export(run, to, precision=precision)
