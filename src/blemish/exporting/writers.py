"""A graph's files as each runtime reads them, with a description inside, so that a stray file explains itself."""

from pathlib import Path

from blemish.errors import MissingExtraError
from blemish.files import write_atomically

DESCRIPTION = "blemish"
"""Under which name the description lies in the file: ONNX metadata, OpenVINO rt_info."""


def write_nothing(_graph: Path, _folder: Path, _description: str) -> None:
    """Writes nothing, for a runtime that reads the artifact's own weights."""


def write_onnx(graph: Path, folder: Path, description: str) -> None:
    """Writes model.onnx, self-contained."""
    try:
        import onnx
    except ImportError as error:
        raise MissingExtraError(package="onnx", extra="export", purpose="exporting") from error
    model = onnx.load(graph)
    onnx.checker.check_model(model)
    model.model_version = 1  # torch leaves the highest number there is, which programs show
    onnx.helper.set_model_props(model, {DESCRIPTION: description})
    write_atomically(folder / "model.onnx", lambda beside: onnx.save(model, beside))


def write_openvino(graph: Path, folder: Path, description: str) -> None:
    """Writes model.xml, and model.bin with weights as exact as they were."""
    try:
        from blemish.inference.openvino_untold import openvino
    except ImportError as error:
        raise MissingExtraError(package="openvino", extra="openvino", purpose="exporting to OpenVINO") from error
    model = openvino.Core().read_model(graph)
    model.set_rt_info(description, DESCRIPTION)
    folder.mkdir(parents=True, exist_ok=True)
    openvino.save_model(model, folder / "model.xml", compress_to_fp16=False)
