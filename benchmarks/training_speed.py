"""Training speed: Blemish's loop against a plain float32 loop of the same network, side by side in one run.

The plain loop is what one writes first: photos decoded anew for every batch, teacher and student forward, both in
float32 and torch's default memory format, nothing kept. Both do the same mathematics on the same photos. The two take
turns, and the ratio is taken pair by pair, so that a machine whose speed drifts does not decide.

    python benchmarks/training_speed.py      # made-up parts, drawn weights: speed does not depend on them
    python benchmarks/training_speed.py --photos GOOD --pairs 5
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from blemish.data.dataset import Sample
from blemish.data.images import read_image, resize_image
from blemish.data.listing import list_photos
from blemish.data.made_up import make_up
from blemish.detectors import ImageSize
from blemish.detectors.stpm import STPMSettings
from blemish.networks import build_backbone
from blemish.networks.device import has_fast_bf16
from blemish.progress import Progress
from blemish.training.settings import Precision, TrainingSettings
from blemish.training.train import train_detector

STEP_GFLOP = 10.68  # ResNet-18 to layer3 at 256x256, forward and backward, per photo, teacher features kept


def ours(photos: list[Path], weights: Path, *, size: int, batch: int, steps: int, precision: Precision) -> float:
    """Photos per second of the real loop, from its first step's end to its last but one's; checks included."""
    at: list[float] = []

    def note(progress: Progress) -> None:
        if progress.activity == "student":
            at.append(time.perf_counter())

    settings = STPMSettings(image_size=ImageSize(size, size), steps=steps + 2, patience=None)
    training = TrainingSettings(batch_size=batch, check_every=25, checkpoint_every=10**6)
    with tempfile.TemporaryDirectory() as run:
        train_detector(
            "stpm",
            [Sample(image=path) for path in photos],
            run=Path(run) / "run",
            settings=settings,
            training=replace(training, precision=precision),
            teacher_weights=[weights],
            on_progress=note,
        )
    return batch * (len(at) - 2) / (at[-2] - at[0])  # the very last step ends with a check and a checkpoint


def plain(photos: list[Path], *, size: int, batch: int, steps: int) -> float:
    """Photos per second of the plain loop."""
    teacher, student = (build_backbone("resnet18", levels=3) for _ in range(2))
    teacher.eval()
    student.train()
    optimizer = torch.optim.SGD(student.parameters(), lr=0.4, momentum=0.9, weight_decay=1e-4)
    order = np.random.default_rng(0)
    started = 0.0
    for step in range(steps + 1):
        chosen = order.choice(len(photos), batch, replace=len(photos) < batch)
        pixels = np.stack([resize_image(read_image(photos[i]), (size, size)) for i in chosen])
        images = torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous().float() / 255
        with torch.no_grad():
            targets = teacher(images)
        loss: Tensor = sum(  # type: ignore[assignment]
            (F.normalize(t, dim=1) - F.normalize(s, dim=1)).square().sum(1).mean()
            for t, s in zip(targets, student(images), strict=True)
        )
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if step == 0:
            started = time.perf_counter()
    return batch * steps / (time.perf_counter() - started)


def convolution_tflops(dtype: torch.dtype) -> float:
    """What a 3x3 convolution of 256 channels reaches here: the floor's denominator."""
    channels, side, batch = 256, 16, 32
    image = torch.randn(batch, channels, side, side).to(dtype=dtype, memory_format=torch.channels_last)
    weight = torch.randn(channels, channels, 3, 3).to(dtype=dtype, memory_format=torch.channels_last)
    operations = 2 * batch * side * side * channels * channels * 9
    return operations / best_time(lambda: F.conv2d(image, weight, padding=1)) / 1e12


def best_time(run: Callable[[], object]) -> float:
    times = []
    for _ in range(12):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def measure(side: str, photos: list[Path], weights: Path, options: argparse.Namespace) -> float:
    size, batch, steps = options.size, options.batch, options.steps
    if side == "ours":
        return ours(photos, weights, size=size, batch=batch, steps=steps, precision=options.precision)
    return plain(photos, size=size, batch=batch, steps=max(2, steps // 3))


def in_its_own_process(side: str, folder: Path, weights: Path, options: argparse.Namespace) -> float:
    """Ours changes how the process allocates memory; the plain loop must not profit from it."""
    given = ["--photos", folder, "--size", options.size, "--batch", options.batch, "--steps", options.steps]
    given += ["--precision", options.precision, "--side", side, "--weights", weights]
    command = [sys.executable, __file__, *(str(argument) for argument in given)]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, help="folder of good photos; default: made-up parts")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--precision", choices=["auto", "fp32", "bf16"], default="auto")
    parser.add_argument("--side", choices=["ours", "plain"], help=argparse.SUPPRESS)
    parser.add_argument("--weights", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def compare(options: argparse.Namespace, folder: Path, weights: Path) -> None:
    fast = has_fast_bf16(torch.device("cpu"))
    chosen = ("bf16" if fast else "fp32") if options.precision == "auto" else options.precision
    speed = convolution_tflops(torch.bfloat16 if chosen == "bf16" else torch.float32)
    floor = speed * 1e3 / (STEP_GFLOP * (options.size / 256) ** 2)
    print(f"{torch.get_num_threads()} threads; fast bf16: {fast}; ours in {chosen}")
    print(f"convolutions here: {speed:.2f} TFLOP/s in {chosen}; floor of a step: {floor:.1f} photos/s", flush=True)
    ratios = []
    for pair in range(options.pairs):
        turns = ("ours", "plain") if pair % 2 == 0 else ("plain", "ours")
        rates = {side: in_its_own_process(side, folder, weights, options) for side in turns}
        a, b = rates["ours"], rates["plain"]
        ratios.append(a / b)
        share = f"{a / floor:.0%} of the floor"
        print(f"pair {pair + 1}: ours {a:6.1f} photos/s ({share}), plain {b:5.1f}: {a / b:.2f} times", flush=True)
    print(f"ratio: median {statistics.median(ratios):.2f}, from {min(ratios):.2f} to {max(ratios):.2f}")


def main() -> None:
    options = arguments()
    if options.side:
        print(measure(options.side, list(list_photos(options.photos)), options.weights, options))
        return
    with tempfile.TemporaryDirectory() as temporary:
        weights = Path(temporary) / "resnet18.safetensors"
        save_file(build_backbone("resnet18", levels=3).state_dict(), weights)
        folder = options.photos
        if folder is None:
            make_up(Path(temporary) / "parts", seed=0, size=options.size)
            folder = Path(temporary) / "parts" / "train" / "good"
        compare(options, folder, weights)


if __name__ == "__main__":
    main()
