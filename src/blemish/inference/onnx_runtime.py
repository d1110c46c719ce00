"""Predicting with ONNX Runtime."""

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from blemish.errors import ArtifactError, SettingsError
from blemish.inference.graph_output import maps_from_graph
from blemish.inference.one_by_one import one_by_one
from blemish.model.artifact import Artifact
from blemish.model.exports import Export
from blemish.wording import brief

PROVIDERS: dict[str, tuple[str, dict[str, str]]] = {
    "cpu": ("CPUExecutionProvider", {}),
    "cuda": ("CUDAExecutionProvider", {"use_tf32": "0"}),  # else float32 would be rounded to 10 bits without a word
}


class OnnxRuntime:
    """A graph in a session, which threads may share."""

    def __init__(self, graph: Path, *, device: str = "cpu") -> None:
        provider, options = PROVIDERS[device]
        if provider not in onnxruntime.get_available_providers():
            raise SettingsError(f"device {device}: this ONNX Runtime was built without it; give cpu")
        self._graph = graph
        self._alone = device == "cpu"
        settings = onnxruntime.SessionOptions()
        settings.log_severity_level = 3  # errors; what it warns of is its own optimising
        settings.add_session_config_entry("session.intra_op.allow_spinning", "0")  # or it holds cores that readers need
        try:
            self._session = onnxruntime.InferenceSession(
                graph, settings, providers=[(provider, options)], enable_fallback=0
            )
        except Exception as error:  # whatever its parser raises for a file that is none
            raise ArtifactError(f"{graph} cannot be opened by ONNX Runtime ({brief(error)}); export anew") from error
        if provider not in self._session.get_providers():
            raise SettingsError(f"device {device} cannot be used by ONNX Runtime: its drivers are missing; give cpu")

    def run(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        return one_by_one(self._maps, images) if self._alone else self._maps(images)

    def _maps(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        return maps_from_graph(
            lambda given: self._session.run(["anomaly_map"], {"images": given})[0], images, graph=self._graph
        )


def open_onnx(_artifact: Artifact, export: Export | None, device: str) -> OnnxRuntime:
    """Opens the graph; raises ArtifactError where it is missing, damaged or of no use, SettingsError for an unknown
    device."""
    assert export is not None
    name = "cpu" if device == "auto" else device
    if name not in PROVIDERS:
        raise SettingsError(f"device {device!r} is unknown to ONNX Runtime: give auto, {' or '.join(PROVIDERS)}")
    return OnnxRuntime(export.path(".onnx"), device=name)
