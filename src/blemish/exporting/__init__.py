"""A trained detector as a graph that needs no torch, kept only if it agrees with the detector."""

from collections.abc import Callable
from pathlib import Path

from blemish.exporting.writers import write_nothing, write_onnx, write_openvino
from blemish.inference import RUNTIMES

WriteGraph = Callable[[Path, Path, str], None]
"""(ONNX file, folder, description) -> graph files in the folder, with the description in them."""

EXPORTERS: dict[str, WriteGraph] = {
    "torch": write_nothing,  # it computes from the artifact's weights; what is exported is a precision's thresholds
    "onnx": write_onnx,
    "openvino": write_openvino,
}
assert EXPORTERS.keys() == RUNTIMES.keys()

__all__ = ["EXPORTERS", "WriteGraph"]
