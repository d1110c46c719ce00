"""Predicting with OpenVINO."""

import logging
from pathlib import Path
from threading import local

import numpy as np
from numpy.typing import NDArray

from blemish.errors import ArtifactError, SettingsError
from blemish.inference.graph_output import maps_from_graph
from blemish.inference.openvino_untold import openvino
from blemish.model.artifact import Artifact
from blemish.model.exports import Export
from blemish.wording import brief

# Left to itself, OpenVINO computes in bf16 wherever the processor can, whatever the file holds. In an int8 graph the
# hint is for the layers that were not quantised.
HINTS = {"fp32": openvino.Type.f32, "bf16": openvino.Type.bf16, "int8": openvino.Type.f32}

# A thread that is bound to a core waits where other work has it, such as the server's, and all others wait for it.
_THREADS = {"PERFORMANCE_HINT": "LATENCY", "ENABLE_CPU_PINNING": False}

_log = logging.getLogger("blemish")


class OpenVINORuntime:
    """A compiled graph; every thread that calls it gets a request of its own."""

    def __init__(self, graph: Path, *, precision: str) -> None:
        self._graph = graph
        core = openvino.Core()
        if precision == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            _log.warning("this processor has no bf16 instructions: OpenVINO imitates them, slower than fp32")
        hint = HINTS[precision]
        try:
            properties = {"INFERENCE_PRECISION_HINT": hint, **_THREADS}
            self._model = core.compile_model(core.read_model(graph), "CPU", properties)
        except Exception as error:  # whatever its parser raises for a file that is none
            raise ArtifactError(f"{graph} cannot be opened by OpenVINO ({brief(error)}); export anew") from error
        taken = self._model.get_property("INFERENCE_PRECISION_HINT")
        if taken != hint:
            raise SettingsError(f"OpenVINO would compute in {taken.get_type_name()} here, not in {precision}")
        self._of_thread = local()

    def run(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        if not hasattr(self._of_thread, "request"):
            self._of_thread.request = self._model.create_infer_request()
        request = self._of_thread.request
        return maps_from_graph(lambda given: request.infer({"images": given})["anomaly_map"], images, graph=self._graph)


def open_openvino(_artifact: Artifact, export: Export | None, device: str) -> OpenVINORuntime:
    """Opens the graph; raises ArtifactError where it is missing, damaged or of no use, SettingsError for another
    device."""
    assert export is not None
    if device not in ("auto", "cpu"):
        raise SettingsError(f"device {device!r}: Blemish runs OpenVINO on the processor; give auto or cpu")
    return OpenVINORuntime(export.path(".xml"), precision=export.precision)
