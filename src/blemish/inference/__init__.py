"""From a photo to a verdict; imports no torch (but for torch_runtime.py)."""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from blemish.errors import MissingExtraError, SettingsError
from blemish.inference.predictor import Predictor, Runtime
from blemish.model.artifact import Artifact, read_artifact
from blemish.model.exports import PRECISIONS, Export, has_export, read_export
from blemish.model.provenance import Provenance
from blemish.version import __version__


class RuntimeKind(NamedTuple):
    """Where a runtime is; imported only when chosen, for each needs a package of its own."""

    module: str
    """Holds `open_runtime`."""
    package: str
    extra: str
    """Of ours, that brings the package."""
    precisions: tuple[str, ...]


RUNTIMES: dict[str, RuntimeKind] = {
    "torch": RuntimeKind("blemish.inference.torch_runtime", "torch", "train", ("fp32", "bf16")),
    "onnx": RuntimeKind("blemish.inference.onnx_runtime", "onnxruntime", "onnx", ("fp32", "int8")),
    "openvino": RuntimeKind("blemish.inference.openvino_runtime", "openvino", "openvino", ("fp32", "bf16", "int8")),
}
FASTEST_FIRST = ("openvino", "onnx")  # of those without torch

OpenRuntime = Callable[[Artifact, Export | None, str], Runtime]
"""(artifact, export, device) -> runtime; the export is None where the artifact's own weights are computed in fp32."""


def open_predictor(
    folder: str | Path, *, runtime: str = "auto", precision: str = "fp32", device: str = "auto", min_area: int = 1
) -> Predictor:
    """The artifact in `folder`, ready to judge; raises ArtifactError where it is missing or damaged.

    `runtime` auto takes OpenVINO or ONNX Runtime where the artifact was exported to it and it is installed, which is
    faster on a processor, else torch; they agree. A precision other than fp32 must have been exported. Marked regions
    of fewer than `min_area` pixels of a photo are dropped, but for an anomalous photo's strongest; verdicts do not
    change by it.
    """
    if min_area < 1:
        raise SettingsError(f"min_area is {min_area}: a region has at least 1 pixel")
    artifact = read_artifact(folder)
    name = _chosen(artifact, precision, device) if runtime == "auto" else runtime
    check_runtime(name, precision)
    export = None if (name, precision) == ("torch", "fp32") else read_export(artifact, name, precision)
    return Predictor(
        open_runtime(artifact, name, export, device=device),
        artifact.framing,
        score=artifact.score,
        calibration=artifact.calibration if export is None or export.calibration is None else export.calibration,
        min_area=min_area,
        provenance=Provenance(
            method=artifact.method,
            weights_sha256=artifact.weights_sha256,
            runtime=name,
            precision=precision,
            blemish_version=__version__,
        ),
    )


def open_runtime(artifact: Artifact, name: str, export: Export | None, *, device: str) -> Runtime:
    """What computes; raises MissingExtraError where its package is not installed."""
    kind = RUNTIMES[name]
    if not _installed(name):
        raise MissingExtraError(package=kind.package, extra=kind.extra, purpose=f"runtime {name}")
    opened: OpenRuntime = import_module(kind.module).open_runtime
    return opened(artifact, export, device)


def check_runtime(name: str, precision: str) -> None:
    """Raises SettingsError where there is no such runtime, or it knows no such precision."""
    if name not in RUNTIMES:
        raise SettingsError(f"runtime {name!r} is unknown: give auto or one of {', '.join(RUNTIMES)}")
    if precision not in PRECISIONS:
        raise SettingsError(f"precision {precision!r} is unknown: give one of {', '.join(PRECISIONS)}")
    if precision not in RUNTIMES[name].precisions:
        able = [other for other, kind in RUNTIMES.items() if precision in kind.precisions]
        raise SettingsError(f"runtime {name} cannot compute in {precision}: take {' or '.join(able)}")


def _chosen(artifact: Artifact, precision: str, device: str) -> str:
    """The fastest that is there; on another device than the processor, torch."""
    if device in ("auto", "cpu"):
        for name in FASTEST_FIRST:
            if has_export(artifact, name, precision) and _installed(name):
                return name
    return "torch"


def _installed(name: str) -> bool:
    return find_spec(RUNTIMES[name].package) is not None


__all__ = ["RUNTIMES", "Artifact", "Export", "Predictor", "Runtime", "open_predictor", "read_artifact"]
