"""What RSTPM costs: photos per second in training and in prediction, share of the arithmetic floor, peak memory.

The floor is what the convolutions' arithmetic alone would take at the speed that a 3x3 convolution of 256 channels
reaches here, in the same precision and in the same minute. Each size of the reconstruction student is trained by the
real loop, in a process of its own, in the paper's pairing, on made-up parts with drawn weights: speed does not depend
on them. The teachers' features are kept, so no teacher runs in a step.

    python benchmarks/rstpm_cost.py
    python benchmarks/rstpm_cost.py --device cuda --steps 50
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from blemish.data.made_up import make_up
from blemish.detectors import ImageSize
from blemish.detectors.rstpm import SIZES, RSTPMSettings
from blemish.inference.artifact import Artifact
from blemish.inference.torch_runtime import TorchRuntime, rebuild
from blemish.networks import build_backbone
from blemish.training.fit import Progress
from blemish.training.settings import TrainingSettings
from blemish.training.train import train

# Convolutions per photo at 256x256, 2 operations per multiplication: forward and backward of a student, and forward of
# both teachers and both students.
STEP_GFLOP = {"student": {"full": 10.68, "lite": 10.68}, "reconstruction": {"full": 219.0, "lite": 110.0}}
PREDICTION_GFLOP = {"full": 94.9, "lite": 55.0}


def costs(size: str, folder: Path, options: argparse.Namespace) -> dict[str, float]:
    """Measured in this process, whose peak memory is part of it."""
    ends: dict[str, list[float]] = {stage: [] for stage in STEP_GFLOP}
    device = torch.device(options.device)

    def note(progress: Progress) -> None:
        if progress.activity in ends:
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            ends[progress.activity].append(time.perf_counter())

    artifact = trained(size, folder, options, note)
    photos = artifact.training["trained_on"]
    batch = min(options.batch, photos)
    found = {stage: batch * (len(at) - 2) / (at[-2] - at[0]) for stage, at in ends.items()}  # the last is checked
    found["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    if device.type == "cuda":
        found["gpu_memory"] = torch.cuda.max_memory_allocated(device) / 1e9
    runtime = TorchRuntime(rebuild(artifact), device)
    photo = torch.rand(1, 3, options.size, options.size).numpy()
    found["prediction"] = 1 / best_time(lambda: runtime.run(photo), times=5)
    for precision, kind in (("bf16", torch.bfloat16), ("fp32", torch.float32)):
        found[precision] = convolution_tflops(device, kind)
    found["step_in_bf16"] = artifact.training["precision"] == "bf16"
    return {**found, "photos": photos, "batch": batch}


def trained(size: str, folder: Path, options: argparse.Namespace, note: Callable[[Progress], None]) -> Artifact:
    settings = RSTPMSettings.from_json(
        {"reconstruction": size, "steps": options.steps + 2, "patience": None, "keep": "last"}
    )
    parts = make_up(folder / "parts", seed=0, size=options.size)
    files = []
    for name, levels in ((settings.teacher, 4), (settings.second_teacher, 3)):
        files.append(folder / f"{name}.safetensors")
        save_file(build_backbone(name, levels=levels).state_dict(), files[-1])
    return train(
        "rstpm",
        parts.train,
        run=folder / "run",
        settings=RSTPMSettings(**{**settings.to_json(), "image_size": ImageSize(options.size, options.size)}),
        training=TrainingSettings(
            batch_size=options.batch, device=options.device, check_every=10**6, checkpoint_every=10**6
        ),
        teacher_weights=files,
        on_progress=note,
    )


def convolution_tflops(device: torch.device, dtype: torch.dtype) -> float:
    """What a 3x3 convolution of 256 channels reaches here."""
    channels, side, batch = 256, 16, 32
    image = torch.randn(batch, channels, side, side, device=device).to(dtype, memory_format=torch.channels_last)
    weight = torch.randn(channels, channels, 3, 3, device=device).to(dtype, memory_format=torch.channels_last)

    def run() -> None:
        F.conv2d(image, weight, padding=1)
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    return 2 * batch * side * side * channels * channels * 9 / best_time(run, times=12) / 1e12


def best_time(run: Callable[[], object], *, times: int) -> float:
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return min(taken)


def in_its_own_process(size: str, options: argparse.Namespace) -> dict[str, float]:
    given = ["--device", options.device, "--size", options.size, "--batch", options.batch, "--steps", options.steps]
    command = [sys.executable, __file__, "--only", size, *(str(argument) for argument in given)]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    return dict(json.loads(lines[-1]))


def report(size: str, found: dict[str, float], options: argparse.Namespace) -> None:
    area = (options.size / 256) ** 2
    precision = "bf16" if found["step_in_bf16"] else "fp32"
    print(f"{size}: {precision}, batches of {found['batch']}; convolutions reach {found[precision]:.2f} TFLOP/s")
    for stage, gflop in STEP_GFLOP.items():
        share = found[stage] * gflop[size] * area / (found[precision] * 1e3)
        print(f"  training the {stage:14} {found[stage]:7.2f} photos/s, {share:.0%} of the floor")
    share = found["prediction"] * PREDICTION_GFLOP[size] * area / (found["fp32"] * 1e3)
    print(f"  prediction, one by one, fp32 {found['prediction']:5.2f} photos/s, {share:.0%} of the floor")
    gpu = f", {found['gpu_memory']:.1f} GB on the GPU" if "gpu_memory" in found else ""
    print(
        f"  peak memory of training {found['memory']:.1f} GB{gpu}, {found['photos']} photos' features kept", flush=True
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--only", choices=list(SIZES), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(costs(options.only, Path(folder), options)))
        return
    print(f"{torch.get_num_threads()} threads" if options.device == "cpu" else torch.cuda.get_device_name())
    for size in SIZES:
        report(size, in_its_own_process(size, options), options)


if __name__ == "__main__":
    main()
