"""Predicting with torch: the detector rebuilt from its artifact."""

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file

from blemish.detectors import DETECTORS, Detector
from blemish.errors import ArtifactError, SettingsError, WeightsError, brief
from blemish.inference.artifact import WEIGHTS_FILE, Artifact
from blemish.networks.pretrained import load_weights


class TorchRuntime:
    """A detector in eval mode on a device, in float32."""

    def __init__(self, detector: Detector, device: torch.device) -> None:
        self._device = device
        self._detector = detector.eval().requires_grad_(False)
        self._detector.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def run(self, images: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        with torch.inference_mode():
            batch = torch.from_numpy(images).to(self._device, memory_format=torch.channels_last)
            output = self._detector(batch)
            return output.anomaly_map[:, 0].cpu().numpy(), output.anomaly_score.cpu().numpy()


def open_runtime(artifact: Artifact, device: str) -> TorchRuntime:
    """Raises ArtifactError where settings or weights do not fit the method."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        place = torch.device(device)
    except RuntimeError as error:
        raise SettingsError(f"device {device!r} is unknown: give auto, cpu or cuda") from error
    return TorchRuntime(rebuild(artifact), place)


def rebuild(artifact: Artifact) -> Detector:
    """The detector as it was trained, on the CPU."""
    if artifact.method not in DETECTORS:
        raise ArtifactError(f"{artifact.folder}: method {artifact.method[:40]!r} is unknown here: upgrade blemish")
    kind = DETECTORS[artifact.method]
    try:
        detector = kind(kind.Settings.from_json(artifact.settings))
        load_weights(detector, load_file(artifact.weights), origin=WEIGHTS_FILE)
    except (SettingsError, WeightsError, SafetensorError, RuntimeError, OSError) as error:
        raise ArtifactError(
            f"{artifact.folder}: settings and weights do not make a detector ({brief(error)}); train or copy it anew"
        ) from error
    return detector
