"""Opening an export: which is taken, and one clear line where it is missing, damaged or foreign."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import openvino
import pytest

import blemish
from bare import HIDE_TORCH, Bare
from blemish.data.dataset import Dataset
from blemish.errors import ArtifactError, ExportError, SettingsError
from blemish.inference import open_predictor
from blemish.model.artifact import file_sha256, read_artifact
from blemish.model.exports import kinds_of_exports

GRAPHS = {"onnx": "model.onnx", "openvino": "model.bin"}


@pytest.mark.parametrize("runtime", GRAPHS)
def test_predicting_with_an_export_needs_no_torch_and_no_weights(
    copy: Path, parts: Dataset, runtime: str, bare: Bare
) -> None:
    expected = blemish.open(copy, runtime="torch").predict(parts.test[0].image)
    (copy / "weights.safetensors").unlink()
    judge = f"p = blemish.open({str(copy)!r}, runtime={runtime!r}).predict({str(parts.test[0].image)!r})"
    done = bare.run(f"{HIDE_TORCH}import blemish; {judge}; print(p.anomaly_score, p.verdict)")
    assert done.code == 0, done.err
    score, verdict = done.out[0].split()
    assert float(score) == pytest.approx(expected.anomaly_score, rel=1e-4)
    assert verdict == expected.verdict


def test_without_torch_a_model_that_was_not_exported_says_what_to_install(run: Path, bare: Bare) -> None:
    done = bare.run(HIDE_TORCH + f"import blemish; blemish.open({str(run)!r})")
    assert "runtime torch needs torch, which is not installed: pip install 'blemish[train]'" in done.err[-1]


def test_auto_takes_an_export_that_is_there_and_installed(copy: Path, run: Path) -> None:
    def chosen(folder: Path) -> str:
        return type(blemish.open(folder).runtime).__name__

    assert chosen(copy) == "OpenVINORuntime"
    shutil.rmtree(copy / "exports" / "openvino-fp32")
    assert chosen(copy) == "OnnxRuntime"
    assert chosen(run) == "TorchRuntime"


def test_auto_says_what_it_took(copy: Path, run: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="blemish"):
        predictor = blemish.open(copy)
        assert blemish.open(run).provenance.runtime == "torch"  # type: ignore[union-attr]
    assert predictor.provenance is not None
    assert (predictor.provenance.runtime, predictor.provenance.precision) == ("openvino", "fp32")
    assert caplog.messages[0] == "runtime auto takes openvino fp32 on device cpu; a GPU is taken by device cuda alone"
    assert caplog.messages[1] == "runtime auto takes torch fp32 on device auto"


def test_auto_takes_torch_for_a_gpu_else_onnx(copy: Path, bare: Bare) -> None:
    """Here is none, so that each says that it cannot."""
    with pytest.raises(SettingsError, match="torch") as caught:
        blemish.open(copy, device="cuda")
    assert "ONNX" not in str(caught.value)
    done = bare.run(HIDE_TORCH + f"import blemish; blemish.open({str(copy)!r}, device='cuda')")
    assert "ONNX Runtime" in done.err[-1]


@pytest.mark.parametrize(
    ("precision", "device", "able"),
    [("int8", "auto", "openvino or onnx"), ("bf16", "auto", "openvino or torch"), ("bf16", "cuda", "torch")],
)
def test_auto_without_an_export_in_a_precision_says_how_to_make_one(
    run: Path, precision: str, device: str, able: str
) -> None:
    with pytest.raises(ArtifactError) as caught:
        blemish.open(run, precision=precision, device=device)
    assert str(caught.value) == (
        f"{run} has no {precision} export that could be taken: `blemish export {run} --to {able} --precision "
        f"{precision}` makes one"
    )


def test_an_unknown_runtime_or_precision_is_one_line(run: Path) -> None:
    with pytest.raises(SettingsError, match="runtime 'abacus' is unknown: give one of auto, torch, onnx, openvino"):
        blemish.open(run, runtime="abacus")
    with pytest.raises(SettingsError, match="precision 'fp8' is unknown: give one of fp32, bf16, int8"):
        blemish.open(run, precision="fp8")


def test_kinds_of_exports_lists_them_all(exported: Path) -> None:
    found = kinds_of_exports(read_artifact(exported))
    assert found == [("onnx", "fp32"), ("openvino", "fp32"), ("openvino", "int8")]


def test_an_export_that_was_not_made_is_named_with_the_command_that_makes_it(run: Path) -> None:
    with pytest.raises(ArtifactError, match=r"holds no int8 export for onnx: `blemish export .* --to onnx"):
        open_predictor(run, runtime="onnx", precision="int8")


@pytest.mark.parametrize("runtime", GRAPHS)
def test_a_damaged_graph_is_noticed_by_its_checksum(copy: Path, runtime: str) -> None:
    path = copy / "exports" / f"{runtime}-fp32" / GRAPHS[runtime]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.unlink()
    path.write_bytes(data)
    with pytest.raises(ArtifactError, match=f"{path.name} is damaged or another file: its checksum differs"):
        open_predictor(copy, runtime=runtime)


@pytest.mark.parametrize("runtime", GRAPHS)
def test_a_missing_graph_is_named(copy: Path, runtime: str) -> None:
    (copy / "exports" / f"{runtime}-fp32" / GRAPHS[runtime]).unlink()
    with pytest.raises(ArtifactError, match=f"holds no {GRAPHS[runtime]}"):
        open_predictor(copy, runtime=runtime)


@pytest.mark.parametrize(("runtime", "graph"), [("onnx", "model.onnx"), ("openvino", "model.xml")])
def test_a_foreign_graph_with_the_right_checksum_is_one_line(copy: Path, runtime: str, graph: str) -> None:
    folder = copy / "exports" / f"{runtime}-fp32"
    (folder / graph).unlink()
    (folder / graph).write_text("no graph")
    values = json.loads((folder / "export.json").read_text())
    values["graph"][graph] = file_sha256(folder / graph)
    (folder / "export.json").write_text(json.dumps(values))
    with pytest.raises(ArtifactError, match=f"{graph} cannot be opened by") as caught:
        open_predictor(copy, runtime=runtime)
    assert "\n" not in str(caught.value)


def graph_of(operator: str, *inputs: list[int]) -> onnx.ModelProto:
    """A valid graph of one operator, which no export writes."""
    numbers = [onnx.numpy_helper.from_array(np.array(value), f"n{i}") for i, value in enumerate(inputs)]
    node = onnx.helper.make_node(operator, ["images", *(number.name for number in numbers)], ["anomaly_map"])
    given = onnx.helper.make_tensor_value_info("images", onnx.TensorProto.FLOAT, ["batch", 3, 64, 64])
    found = onnx.helper.make_tensor_value_info("anomaly_map", onnx.TensorProto.FLOAT, None)
    body = onnx.helper.make_graph([node], "graph", [given], [found], initializer=numbers)
    return onnx.helper.make_model(body, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize("runtime", GRAPHS)
@pytest.mark.parametrize(
    ("graph", "named"),
    [
        (graph_of("Relu"), r"gives float32 \(1, 3, 64, 64\) for images \(1, 3, 64, 64\)"),
        (graph_of("Reshape", [5, -1]), "cannot be computed"),
    ],
    ids=["another shape", "fails"],
)
def test_a_graph_that_opens_and_is_of_no_use_is_one_line(
    copy: Path, runtime: str, graph: onnx.ModelProto, named: str
) -> None:
    folder = copy / "exports" / f"{runtime}-fp32"
    for path in folder.glob("model.*"):
        path.unlink()
    if runtime == "onnx":
        onnx.save(graph, folder / "model.onnx")
    else:
        onnx.save(graph, copy / "graph.onnx")
        openvino.save_model(openvino.Core().read_model(copy / "graph.onnx"), folder / "model.xml")
    values = json.loads((folder / "export.json").read_text())
    values["graph"] = {name: file_sha256(folder / name) for name in values["graph"]}
    (folder / "export.json").write_text(json.dumps(values))
    predictor = open_predictor(copy, runtime=runtime)
    with pytest.raises(ArtifactError, match=named) as caught:
        predictor.predict(np.zeros((48, 48, 3), np.uint8))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"format_version": 9}, "format 9"),
        ({"runtime": "openvino"}, "as its folder's name is not"),
        ({"weights_sha256": "0" * 64}, "exported from other weights"),
        ({"graph": {"../model.json": "0"}}, "outside the export"),
        ({"graph": [1]}, "damaged or edited"),
        ({"graph": {}}, "names 0 .onnx files"),
        ({"runtime": "x" * 1000}, f"is of {'x' * 40}, as"),
        ({"calibration": {}}, "damaged or edited"),
    ],
)
def test_an_edited_export_is_refused_with_what_is_wrong(copy: Path, change: dict[str, object], named: str) -> None:
    path = copy / "exports" / "onnx-fp32" / "export.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ArtifactError, match=named) as caught:
        open_predictor(copy, runtime="onnx")
    assert "\n" not in str(caught.value)


def test_half_a_file_is_refused(copy: Path) -> None:
    (copy / "exports" / "onnx-fp32" / "export.json").write_text('{"format_version": 1')
    with pytest.raises(ArtifactError, match="it is no JSON"):
        open_predictor(copy, runtime="onnx")


@pytest.mark.parametrize(("runtime", "device"), [("onnx", "tpu"), ("openvino", "cuda"), ("onnx", "cuda")])
def test_a_device_that_is_not_there_is_refused(copy: Path, runtime: str, device: str) -> None:
    with pytest.raises(SettingsError, match=device):
        open_predictor(copy, runtime=runtime, device=device)


@pytest.mark.parametrize(("runtime", "precision"), [("onnx", "fp32"), ("openvino", "fp32"), ("openvino", "int8")])
def test_verify_repeats_the_proof_without_torch(copy: Path, runtime: str, precision: str, bare: Bare) -> None:
    verb = f"blemish.verify({str(copy)!r}, runtime={runtime!r}, precision={precision!r})"
    done = bare.run(f"{HIDE_TORCH}import blemish\nprint(*{verb}.values())")
    assert done.code == 0, done.err
    assert "0 of 12 verdicts differ" in "\n".join(done.out)


def test_verify_tells_a_graph_of_other_answers(rounded_in_secret: Path) -> None:
    wrong = blemish.verify(rounded_in_secret)[("openvino", "fp32")]
    assert isinstance(wrong, ExportError)
    assert str(wrong).startswith("openvino fp32 disagrees with the trained detector on 12 photos")


def test_a_damaged_proof_is_noticed(copy: Path) -> None:
    (copy / "exports" / "onnx-fp32" / "proof" / "2.png").write_bytes(b"")
    (wrong,) = blemish.verify(copy, runtime="onnx").values()
    assert isinstance(wrong, ArtifactError)
    assert "2.png is damaged" in str(wrong)
