"""How fast and how alike trained models judge: torch on the device, ONNX Runtime beside it, both against the CPU."""

import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from gpu_card import timed
from gpu_steps import Case, Figures, SkippedError
from gpu_training import photos_of, settings_of, typed
from method_cost import METHODS, drawn_weights

import blemish
from blemish.inference.predictor import Predictor
from blemish.inference.torch_runtime import TorchRuntime, rebuild
from blemish.model.artifact import Artifact

BATCHES = (1, 8, 32)
ALIKE = 1e-3  # of the highest value of the CPU's map: how far float32 maps may be from it
CPU = torch.device("cpu")  # for waiting: runtimes return when the map lies in the processor's memory


def torch_runtime(case: Case, figures: Figures, deadline: float, *, method: str) -> None:
    """Photos per second from pixels in memory to maps in memory, and the float32 map beside the CPU's."""
    artifact = _model(case, method)
    photos = [sample.image for sample in photos_of(case).test[:2]]
    on_cpu = blemish.open(artifact.folder, runtime="torch", device="cpu")
    on_device = blemish.open(artifact.folder, runtime="torch", device=case.device)
    difference = max(_difference(on_cpu, on_device, photo) for photo in photos)
    figures.check("float32 maps agree with the CPU's", difference <= ALIKE, difference)
    device, found = torch.device(case.device), dict[str, float]()
    for precision in ("fp32", "bf16"):
        runtime = TorchRuntime(rebuild(artifact), device, precision=precision)
        for batch in BATCHES[: case.few(1, 3)]:
            if time.monotonic() > deadline - 5:
                figures.note(cut_short=True)
                return
            images = _images(case, batch)
            seconds = timed(partial(runtime.run, images), CPU, times=case.few(1, 20), warm=case.few(1, 5))
            found[f"{precision}_batch{batch}"] = batch / seconds
            figures.note(photos_per_s=found)
    if device.type == "cuda":
        figures.note(gpu_memory_gb=round(torch.cuda.max_memory_allocated() / 1e9, 2))


def onnx_runtime(case: Case, figures: Figures, _deadline: float) -> None:
    """The exported STPM: the same maps as torch on the CPU, and how fast."""
    missing = [name for name in ("onnx", "onnxscript", "onnxruntime") if find_spec(name) is None]
    if missing:
        raise SkippedError(f"not installed: {', '.join(missing)}")
    import onnxruntime

    providers = onnxruntime.get_available_providers()
    figures.note(version=onnxruntime.__version__, providers=providers)
    if case.device == "cuda" and "CUDAExecutionProvider" not in providers:
        raise SkippedError(f"this ONNX Runtime has no CUDA, only {', '.join(providers)}: install onnxruntime-gpu")
    artifact = _model(case, "stpm")
    photos = photos_of(case)
    blemish.export(artifact.folder, "onnx")
    predictor = blemish.open(artifact.folder, runtime="onnx", device=case.device)
    on_cpu = blemish.open(artifact.folder, runtime="torch", device="cpu")
    difference = max(_difference(on_cpu, predictor, sample.image) for sample in photos.test[:2])
    figures.check("maps agree with torch on the CPU", difference <= ALIKE, difference)
    found = {}
    for batch in BATCHES[: case.few(1, 3)]:
        images = _images(case, batch)
        seconds = timed(partial(predictor.runtime.run, images), CPU, times=case.few(1, 20), warm=case.few(1, 5))
        found[f"fp32_batch{batch}"] = batch / seconds
    figures.note(photos_per_s=found)


def _model(case: Case, method: str) -> Artifact:
    """A model of two steps: what it costs to judge does not depend on what was learnt."""
    chosen = METHODS[method]
    return blemish.train(
        chosen.name,
        photos_of(case),
        case.scratch / f"judges{time.monotonic_ns()}",
        teacher_weights=drawn_weights(chosen, typed(case, chosen, steps=2), case.scratch),
        device=case.device,
        batch_size=4,
        **settings_of(case, chosen, steps=2),
    )


def _images(case: Case, batch: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.random.default_rng(0).random((batch, 3, case.size, case.size), np.float32)


def _difference(reference: Predictor, other: Predictor, photo: Path) -> float:
    """The largest difference of two maps, as a share of the reference's highest value."""
    expected, found = (predictor.predict(photo).anomaly_map for predictor in (reference, other))
    return float(np.abs(found - expected).max() / np.abs(expected).max())
