"""What each method costs: photos per second in training and prediction, share of the arithmetic floor, peak memory.

The floor is what the convolutions' arithmetic alone would take at the speed that a 3x3 convolution of 256 channels
reaches here, in the same precision and in the same minute. Each method is trained by the real loop, in a process of its
own, in its paper's setting, on made-up parts with drawn weights: speed does not depend on them. The photos lie still,
so teachers' features of good photos are kept, and no teacher runs in a step that needs those alone.

    python benchmarks/method_cost.py
    python benchmarks/method_cost.py destseg rstpm-lite --device cuda --steps 50
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from blemish.data.made_up import make_up
from blemish.detectors import DETECTORS, DetectorSettings
from blemish.inference.torch_runtime import TorchRuntime, rebuild
from blemish.model.artifact import Artifact
from blemish.networks import build_backbone
from blemish.networks.teacher import Teacher
from blemish.progress import Progress
from blemish.training.settings import TrainingSettings
from blemish.training.train import train_detector

COUNTED_AT = 256  # pixels: width and height of the photos that the arithmetic below is of
PRECISIONS = {"bf16": torch.bfloat16, "fp32": torch.float32}


@dataclass(frozen=True, kw_only=True)
class Method:
    """A method in one of its sizes, and its convolutions' arithmetic: 2 operations per multiplication, per photo."""

    name: str
    steps_of: Callable[[int], dict[str, Any]]
    """Settings that give each stage so many steps, and let it end nowhere else."""
    stages: Mapping[str, float]
    """GFLOP of a training step by stage: what learns, forward and backward, and what else must run forward."""
    prediction: float
    """GFLOP."""


def _selects_nothing(steps: int) -> dict[str, Any]:
    return {"steps": steps, "patience": None, "keep": "last"}


METHODS = {
    "mend": Method(
        name="mend",
        steps_of=lambda steps: {"steps": steps, "decoder_steps": steps, "learns": "decoder_first"},
        stages={"mending": 8.59, "segmenting": 9.55},  # through a wide bottleneck
        prediction=7.25,
    ),
    "stpm": Method(name="stpm", steps_of=_selects_nothing, stages={"student": 10.68}, prediction=7.33),
    "rstpm-full": Method(
        name="rstpm",
        steps_of=_selects_nothing,
        stages={"student": 10.68, "reconstruction": 219.0},
        prediction=94.9,
    ),
    "rstpm-lite": Method(
        name="rstpm",
        steps_of=lambda steps: _selects_nothing(steps) | {"reconstruction": "lite"},
        stages={"student": 10.68, "reconstruction": 110.0},
        prediction=55.0,
    ),
    "destseg": Method(
        name="destseg",
        steps_of=lambda steps: {"steps": 2 * steps, "student_share": 0.5},
        stages={"student": 31.7, "segmentation": 192.6},
        prediction=76.9,
    ),
}


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What was measured of one method, in one process."""

    precision: str
    """Of training."""
    stages: dict[str, float]
    """Photos per second."""
    alone: float
    """Photos per second predicted one by one, fp32."""
    batched: float
    """The same, in batches as large as those trained on."""
    tflops: dict[str, float]
    """What a convolution reaches, by precision."""
    memory: float
    """GB of the process at most."""
    gpu_memory: float | None
    """GB of tensors on the GPU at most, while training."""
    photos: int
    """How many photos' features were kept."""


def costs_of(method: Method, folder: Path, options: argparse.Namespace) -> Costs:
    """Measured in this process, whose peak memory is part of it."""
    device = torch.device(options.device)
    ends: dict[str, list[float]] = {stage: [] for stage in method.stages}

    def note(progress: Progress) -> None:
        if progress.activity in ends:
            _wait(device)
            ends[progress.activity].append(time.perf_counter())

    artifact = trained(method, folder, options, note)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e9
    gpu_memory = torch.cuda.max_memory_allocated(device) / 1e9 if device.type == "cuda" else None
    runtime = TorchRuntime(rebuild(artifact), device)
    photos = torch.rand(options.batch, 3, options.size, options.size).numpy()
    return Costs(
        precision=artifact.training.precision,
        # From the end of the first step, which warms up, to that of the last but one: the last is followed by a check.
        stages={stage: options.batch * (len(at) - 2) / (at[-2] - at[0]) for stage, at in ends.items()},
        alone=1 / best_time(lambda: runtime.run(photos[:1]), times=5),
        batched=options.batch / best_time(lambda: runtime.run(photos), times=3),
        tflops={name: convolution_tflops(device, dtype) for name, dtype in PRECISIONS.items()},
        memory=memory,
        gpu_memory=gpu_memory,
        photos=artifact.training.trained_on,
    )


def trained(method: Method, folder: Path, options: argparse.Namespace, note: Callable[[Progress], None]) -> Artifact:
    values = {"image_size": [options.size, options.size], **method.steps_of(options.steps + 2)}
    settings = DETECTORS[method.name].Settings.from_json(values)
    parts = make_up(folder / "parts", seed=0, size=options.size, train=max(90, 2 * options.batch), good=1, defective=1)
    return train_detector(
        method.name,
        parts.train,
        run=folder / "run",
        settings=settings,
        training=TrainingSettings(
            batch_size=options.batch, device=options.device, check_every=10**6, checkpoint_every=10**6
        ),
        teacher_weights=drawn_weights(method, settings, folder),
        on_progress=note,
    )


def drawn_weights(method: Method, settings: DetectorSettings, folder: Path) -> list[Path]:
    """A file for each teacher, in the method's order."""
    with torch.device("meta"):
        teachers = [m for m in DETECTORS[method.name](settings).modules() if isinstance(m, Teacher)]
    files: list[Path] = []
    for teacher in teachers:
        assert teacher.name is not None
        files.append(folder / f"{len(files)}-{teacher.name}.safetensors")
        save_file(build_backbone(teacher.name, levels=len(teacher.channels)).state_dict(), files[-1])
    return files


def convolution_tflops(device: torch.device, dtype: torch.dtype) -> float:
    """What a 3x3 convolution of 256 channels reaches here, of enough photos to keep the device busy."""
    channels, side, batch = 256, 16, 1024 if device.type == "cuda" else 32
    image = torch.randn(batch, channels, side, side, device=device).to(dtype, memory_format=torch.channels_last)
    weight = torch.randn(channels, channels, 3, 3, device=device).to(dtype, memory_format=torch.channels_last)

    def run() -> None:
        F.conv2d(image, weight, padding=1)
        _wait(device)

    return 2 * batch * side * side * channels * channels * 9 / best_time(run, times=12) / 1e12


def best_time(run: Callable[[], object], *, times: int) -> float:
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return min(taken)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def in_its_own_process(method: str, options: argparse.Namespace) -> Costs:
    given = ["--device", options.device, "--size", options.size, "--batch", options.batch, "--steps", options.steps]
    command = [sys.executable, __file__, method, "--here", *(str(argument) for argument in given)]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    return Costs(**json.loads(lines[-1]))


def report(name: str, found: Costs, options: argparse.Namespace) -> None:
    area = (options.size / COUNTED_AT) ** 2

    def line(what: str, speed: float, gflop: float, precision: str) -> str:
        share = speed * gflop * area / (found.tflops[precision] * 1e3)
        return f"  {what:<36}{speed:9.2f} photos/s {share:5.0%} of the floor, {precision}"

    reached = ", ".join(f"{speed:.2f} in {precision}" for precision, speed in found.tflops.items())
    print(f"{name}: convolutions reach {reached} TFLOP/s")
    for stage, gflop in METHODS[name].stages.items():
        print(line(f"training, {stage}", found.stages[stage], gflop, found.precision))
    print(line("prediction, one by one", found.alone, METHODS[name].prediction, "fp32"))
    print(line(f"prediction, batches of {options.batch}", found.batched, METHODS[name].prediction, "fp32"))
    gpu = "" if found.gpu_memory is None else f", {found.gpu_memory:.1f} GB on the GPU"
    print(f"  peak memory of training {found.memory:.1f} GB{gpu}; {found.photos} photos", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("methods", nargs="*", choices=list(METHODS), metavar="METHOD", help=", ".join(METHODS))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--size", type=int, default=COUNTED_AT)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=6, help="that are timed, of each stage; at least 1")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(asdict(costs_of(METHODS[options.methods[0]], Path(folder), options))))
        return
    where = f"{torch.get_num_threads()} threads" if options.device == "cpu" else torch.cuda.get_device_name()
    print(f"{where}, photos of {options.size}x{options.size}, {options.batch} per step, {options.steps} steps timed")
    for name in options.methods or METHODS:
        report(name, in_its_own_process(name, options), options)


if __name__ == "__main__":
    main()
