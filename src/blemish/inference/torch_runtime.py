"""Predicting with torch: the detector rebuilt from its artifact."""

import logging

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from blemish.detectors import DETECTORS, Detector
from blemish.errors import ArtifactError, SettingsError, WeightsError
from blemish.inference.one_by_one import one_by_one
from blemish.inference.predictor import LevelMaps
from blemish.model.artifact import WEIGHTS_FILE, Artifact
from blemish.model.exports import Export
from blemish.networks.device import device_of, enforce_float32, has_fast_bf16
from blemish.networks.pretrained import load_weights
from blemish.networks.random_weights import WithoutRandomWeights
from blemish.wording import brief

_log = logging.getLogger("blemish")


class TorchRuntime:
    """A detector that runs in eval mode on a device."""

    def __init__(self, detector: Detector, device: torch.device, *, precision: str = "fp32") -> None:
        self._device = device
        self._bf16 = precision == "bf16"
        if self._bf16 and not has_fast_bf16(device):
            _log.warning("this machine has no AMX instructions: torch is slower in bf16 than in fp32 here")
        enforce_float32(device)
        self._detector = detector.eval().requires_grad_(False)
        self._detector.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def run(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns maps as every runtime does; on a GPU, which takes much longer for single ones, of a batch at once."""
        return self._maps(images) if self._device.type == "cuda" else one_by_one(self._maps, images)

    def _maps(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode(), torch.autocast(self._device.type, torch.bfloat16, enabled=self._bf16):
            return _first_channel(self._detector(self._batch(images)))

    def run_with_levels(self, images: NDArray[np.float32]) -> tuple[NDArray[np.float32], LevelMaps]:
        """Returns the same maps, and the detector's level maps; raises SettingsError where it has none."""
        if self._device.type == "cuda":
            return self._with_levels(images)
        found = [self._with_levels(images[i : i + 1]) for i in range(len(images))]
        levels = {name: np.concatenate([level_maps[name] for _, level_maps in found]) for name in found[0][1]}
        return np.concatenate([maps for maps, _ in found]), levels

    def _with_levels(self, images: NDArray[np.float32]) -> tuple[NDArray[np.float32], LevelMaps]:
        with torch.inference_mode(), torch.autocast(self._device.type, torch.bfloat16, enabled=self._bf16):
            maps, levels = self._detector.forward_with_levels(self._batch(images))
        if not levels:
            raise SettingsError(f"{type(self._detector).__name__} has no level maps: it does not say what levels gave")
        return _first_channel(maps), {name: _first_channel(found) for name, found in levels.items()}

    def _batch(self, images: NDArray[np.float32]) -> Tensor:
        return torch.from_numpy(images).to(self._device, memory_format=torch.channels_last)


def _first_channel(maps: Tensor) -> NDArray[np.float32]:
    values: NDArray[np.float32] = maps[:, 0].cpu().numpy()
    return values


def open_torch(artifact: Artifact, export: Export | None, device: str) -> TorchRuntime:
    """Opens the trained detector; raises ArtifactError where settings or weights do not fit the method."""
    place = device_of(device)
    return TorchRuntime(rebuild(artifact), place, precision="fp32" if export is None else export.precision)


def rebuild(artifact: Artifact) -> Detector:
    """Returns the detector as it was trained, on the CPU."""
    artifact.check_weights()
    if artifact.method not in DETECTORS:
        raise ArtifactError(f"{artifact.folder}: method {artifact.method[:40]!r} is unknown here: upgrade blemish")
    kind = DETECTORS[artifact.method]
    try:
        with WithoutRandomWeights():
            detector = kind(kind.Settings.from_json(artifact.settings))
        load_weights(detector, load_file(artifact.weights), origin=WEIGHTS_FILE)
    except (SettingsError, WeightsError, SafetensorError, RuntimeError, OSError) as error:
        raise ArtifactError(
            f"{artifact.folder}: settings and weights do not make a detector ({brief(error)}); train or copy it anew"
        ) from error
    return detector
