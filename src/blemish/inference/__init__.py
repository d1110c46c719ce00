"""From a photo to a verdict; imports no torch (but for torch_runtime.py)."""

import logging
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from blemish.errors import ArtifactError, MissingExtraError, SettingsError
from blemish.inference.predictor import Predictor, Runtime
from blemish.model.artifact import Artifact, read_artifact
from blemish.model.exports import PRECISIONS, Export, has_export, read_export
from blemish.model.provenance import Provenance
from blemish.version import __version__
from blemish.wording import as_argument


class RuntimeKind(NamedTuple):
    """The place of a runtime's file; it is imported only when chosen, for each needs a package of its own."""

    opener: str
    """The OpenRuntime, as module:function."""
    package: str
    extra: str
    """The extra of ours that brings the package."""
    precisions: tuple[str, ...]


RUNTIMES: dict[str, RuntimeKind] = {
    "torch": RuntimeKind("blemish.inference.torch_runtime:open_torch", "torch", "train", ("fp32", "bf16")),
    "onnx": RuntimeKind("blemish.inference.onnx_runtime:open_onnx", "onnxruntime", "onnx", ("fp32", "int8")),
    "openvino": RuntimeKind(
        "blemish.inference.openvino_runtime:open_openvino", "openvino", "openvino", ("fp32", "bf16", "int8")
    ),
}
FASTEST_FIRST = ("openvino", "onnx")  # of those without torch

OpenRuntime = Callable[[Artifact, Export | None, str], Runtime]
"""(artifact, export, device) -> runtime; the export is None where the artifact's own weights are computed in fp32."""


_log = logging.getLogger("blemish")


def open_predictor(
    folder: str | Path, *, runtime: str = "auto", precision: str = "fp32", device: str = "auto", min_area: int = 1
) -> Predictor:
    """Returns the artifact in `folder`, ready to judge; raises ArtifactError where it is missing or damaged.

    `runtime` auto takes OpenVINO or ONNX Runtime, on the processor, where the artifact was exported to it and it is
    installed, which is faster there than torch; they agree. So it is where there is a GPU, too: it is taken when
    `device` is cuda, by torch where that is installed, else by ONNX Runtime. Without exports, torch takes a GPU by
    itself. What was taken is in the predictor's provenance, and logged. A precision other than fp32 must have been
    exported. Marked regions of fewer than `min_area` pixels of a photo are dropped, but for an anomalous photo's
    strongest; verdicts do not change by it.
    """
    if min_area < 1:
        raise SettingsError(f"min_area is {min_area}: a region has at least 1 pixel")
    artifact = read_artifact(folder)
    name = _chosen(artifact, precision, device) if runtime == "auto" else runtime
    check_runtime(name, precision, besides=("auto",))
    export = None if (name, precision) == ("torch", "fp32") else read_export(artifact, name, precision)
    return Predictor(
        runtime_of(artifact, name, export, device=device),
        artifact.framing,
        score=artifact.score,
        calibration=artifact.calibration if export is None or export.calibration is None else export.calibration,
        min_area=min_area,
        usual=artifact.usual,
        interest=artifact.interest,
        rules=artifact.rules,
        provenance=Provenance(
            method=artifact.method,
            weights_sha256=artifact.weights_sha256,
            runtime=name,
            precision=precision,
            blemish_version=__version__,
        ),
    )


def runtime_of(artifact: Artifact, name: str, export: Export | None, *, device: str) -> Runtime:
    """Returns what computes; raises MissingExtraError where its package is not installed."""
    kind = RUNTIMES[name]
    if not _installed(name):
        raise MissingExtraError(package=kind.package, extra=kind.extra, purpose=f"runtime {name}")
    module, _, function = kind.opener.partition(":")
    opened: OpenRuntime = getattr(import_module(module), function)
    return opened(artifact, export, device)


def check_runtime(name: str, precision: str, *, besides: tuple[str, ...] = ()) -> None:
    """Raises SettingsError where there is no such runtime, or it knows no such precision.

    The line advises `besides`, which mean a runtime where the question was asked, as auto does.
    """
    _check_precision(precision)
    if name not in RUNTIMES:
        raise SettingsError(f"runtime {name!r} is unknown: give one of {', '.join((*besides, *RUNTIMES))}")
    if precision not in RUNTIMES[name].precisions:
        able = [other for other, kind in RUNTIMES.items() if precision in kind.precisions]
        raise SettingsError(f"runtime {name} cannot compute in {precision}: take {' or '.join(able)}")


def _check_precision(precision: str) -> None:
    if precision not in PRECISIONS:
        raise SettingsError(f"precision {precision!r} is unknown: give one of {', '.join(PRECISIONS)}")


def _chosen(artifact: Artifact, precision: str, device: str) -> str:
    """Returns the runtime that auto stands for, see `open_predictor`; raises ArtifactError where there is none."""
    _check_precision(precision)
    able = [name for name in _order(device) if precision in RUNTIMES[name].precisions]
    there = [name for name in able if (name, precision) == ("torch", "fp32") or has_export(artifact, name, precision)]
    if not there:
        how = f"`blemish export {as_argument(artifact.folder)} --to {' or '.join(able)} --precision {precision}`"
        raise ArtifactError(f"{artifact.folder} has no {precision} export that could be taken: {how} makes one")
    name = next((name for name in there if _installed(name)), there[0])  # `runtime_of` says what is not installed
    _log.info("runtime auto takes %s %s on device %s", name, precision, _device(name, device))
    return name


def _order(device: str) -> tuple[str, ...]:
    """Returns the runtimes for a device, the one to be preferred first."""
    return (*FASTEST_FIRST, "torch") if device in ("auto", "cpu") else ("torch", "onnx")


def _device(name: str, device: str) -> str:
    """Returns where a runtime computes, in words; torch alone takes a GPU that it was not told to take."""
    return "cpu; a GPU is taken by device cuda alone" if device == "auto" and name != "torch" else device


def _installed(name: str) -> bool:
    return find_spec(RUNTIMES[name].package) is not None


__all__ = ["RUNTIMES", "Artifact", "Export", "Predictor", "Runtime", "open_predictor", "read_artifact"]
