"""From a photo to a verdict; imports no torch (but for torch_runtime.py)."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from blemish.errors import SettingsError
from blemish.inference.artifact import Artifact, read_artifact
from blemish.inference.predictor import Predictor, Runtime

RUNTIMES: dict[str, str] = {
    "torch": "blemish.inference.torch_runtime:open_runtime",
}
"""Where each runtime is: imported only when chosen, for each needs packages of its own."""

OpenRuntime = Callable[[Artifact, str], Runtime]
"""(artifact, device) -> runtime."""


def open_predictor(folder: str | Path, *, runtime: str = "torch", device: str = "auto", min_area: int = 1) -> Predictor:
    """The artifact in `folder`, ready to judge; raises ArtifactError where it is missing or damaged.

    Marked regions of fewer than `min_area` pixels of a photo are dropped; verdicts do not change by it.
    """
    if min_area < 1:
        raise SettingsError(f"min_area is {min_area}: a region has at least 1 pixel")
    artifact = read_artifact(folder)
    if runtime not in RUNTIMES:
        raise SettingsError(f"runtime {runtime!r} is unknown: give one of {', '.join(RUNTIMES)}")
    module, name = RUNTIMES[runtime].split(":")
    open_runtime: OpenRuntime = getattr(import_module(module), name)
    return Predictor(
        open_runtime(artifact, device), artifact.image_size, calibration=artifact.calibration, min_area=min_area
    )


__all__ = ["RUNTIMES", "Artifact", "Predictor", "Runtime", "open_predictor", "read_artifact"]
