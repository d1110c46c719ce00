"""The detector's forward as an ONNX graph: images (B, 3, H, W) -> anomaly_map (B, 1, H, W)."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from blemish.errors import ExportError
from blemish.inference.torch_runtime import rebuild
from blemish.model.artifact import Artifact
from blemish.wording import brief


def trace(artifact: Artifact, path: Path) -> None:
    """Writes the graph, pixel normalisation in it, the batch of any size, height and width those of a frame.

    Raises ExportError where torch cannot trace the detector.
    """
    detector = rebuild(artifact).eval().requires_grad_(False)
    example = torch.zeros(2, 3, *artifact.framing.frame_size)  # of one, torch would take the batch for a constant
    with _quiet():
        try:
            program = torch.onnx.export(
                detector,
                (example,),
                dynamo=True,
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                input_names=["images"],
                output_names=["anomaly_map"],
                verbose=False,
            )
        except (torch.onnx.errors.OnnxExporterError, RuntimeError) as error:
            raise ExportError(f"{artifact.folder}: torch cannot trace this detector ({brief(error)})") from error
        assert program is not None
        program.save(path)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences the exporter, which reports its own innards, and packages that nobody asked for."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
