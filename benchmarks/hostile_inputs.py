"""Damages real files in many ways and counts what happens: read, refused with one line, or crashed.

python benchmarks/hostile_inputs.py (Linux) [--count 20000] [--seed 0] [--only TIFF masks ...] [--keep FOLDER]

A crash is anything but a value or a BlemishError of one line: another exception or warning, a dead process, more than
SECONDS for one file, more than MEMORY. Every file follows from seed, kind and number, whatever ran before.
"""

import argparse
import logging
import multiprocessing
import os
import random
import resource
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import numpy as np
from damage import damaged, encode, written_as
from hostile_models import Trial, Use, export_trial, make_model, model_trial, teacher_trial
from PIL import Image

from blemish.data.images import read_header, read_image, read_mask, resize_image, resize_mask
from blemish.data.made_up import make_up
from blemish.errors import BlemishError

SECONDS = 10.0
MEMORY = 2 << 30  # beyond what a process holds when it begins
AT_ONCE = 500  # files damaged by one process
LONGEST_LINE = 600


class Outcome(NamedTuple):
    number: int
    status: str
    """read, refused or crashed"""
    detail: str = ""
    seconds: float = 0.0
    peak: int = 0
    """Resident memory that it took at most, bytes."""


def photo_trial(kind: str, folder: Path) -> Trial:
    photos = [Image.open(path) for path in sorted((folder / "parts/train/good").iterdir())]
    files = [data for photo in photos for data in written_as(kind, photo)]
    path = folder / f"{os.getpid()}.png"

    def use() -> None:
        image = read_image(path)
        assert image.dtype == np.uint8, image.dtype
        resize_image(image, (64, 64))
        read_header(path)

    def trial(rng: random.Random) -> tuple[bytes, Use]:
        data = damaged(rng.choice(files), files, rng)
        path.write_bytes(data)
        return data, use

    return trial


def mask_trial(folder: Path) -> Trial:
    masks = [Image.open(path) for path in sorted((folder / "parts/ground_truth").rglob("*.png"))]
    files = [encode(m, kind) for mask in masks for m in (mask, mask.convert("1")) for kind in ("PNG", "BMP", "TIFF")]
    path = folder / f"{os.getpid()}.png"

    def trial(rng: random.Random) -> tuple[bytes, Use]:
        data = damaged(rng.choice(files), files, rng)
        path.write_bytes(data)
        return data, lambda: resize_mask(read_mask(path), (64, 64))

    return trial


MODEL_TRIALS: dict[str, tuple[float, Callable[[Path], Trial]]] = {
    "model.json": (0.05, partial(model_trial, damage_weights=False)),
    "model's weights": (0.015, partial(model_trial, damage_weights=True)),
    "export.json": (0.02, partial(export_trial, runtime="onnx", damage_graph=False)),
    "ONNX graph": (0.01, partial(export_trial, runtime="onnx", damage_graph=True)),
    "OpenVINO graph": (0.01, partial(export_trial, runtime="openvino", damage_graph=True)),
    "teacher .safetensors": (0.0075, partial(teacher_trial, suffix=".safetensors")),
    "teacher .pth": (0.0075, partial(teacher_trial, suffix=".pth")),
}
TRIALS: dict[str, tuple[float, Callable[[Path], Trial]]] = {
    **{kind: (0.17, partial(photo_trial, kind)) for kind in ("PNG", "JPEG", "BMP", "TIFF", "WEBP")},
    "masks": (0.07, mask_trial),
    **MODEL_TRIALS,
}
"""Share of all files, and how a kind is tried."""


def prepare(folder: Path, *, model: bool) -> None:
    """Parts; and where it is asked for, what MODEL_TRIALS damage."""
    parts = make_up(folder / "parts", seed=0, size=48, train=3, good=1, defective=6)
    if model:
        make_model(folder, parts)


def outcome_of(number: int, use: Use) -> Outcome:
    Path("/proc/self/clear_refs").write_text("5")  # forgets VmHWM
    before, start = _memory("VmRSS"), perf_counter()
    try:
        use()
        status, detail = "read", ""
    except BlemishError as error:
        line = str(error)
        fine = line.isprintable() and len(line) <= LONGEST_LINE and "MemoryError" not in line
        status, detail = ("refused", line) if fine else ("crashed", f"no clear line: {line[:1000]!r}")
    except Exception:
        status, detail = "crashed", traceback.format_exc(limit=-3)
    seconds = perf_counter() - start
    if seconds > SECONDS:
        status, detail = "crashed", f"took {seconds:.0f} s"
    return Outcome(number, status, detail, seconds, _memory("VmHWM") - before)


def _memory(name: str) -> int:
    """A figure of this process in bytes: VmSize, VmRSS, or VmHWM, the highest VmRSS since it was forgotten."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def work(kind: str, folder: Path, seed: int, indices: Sequence[int], keep: Path | None, parent: Connection) -> None:
    """Tries some files in a process of its own, which may die of it; warnings count as the command takes them."""
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", module="PIL")
    logging.getLogger("PIL").setLevel(logging.CRITICAL)
    trial = TRIALS[kind][1](folder)
    resource.setrlimit(resource.RLIMIT_AS, (_memory("VmSize") + MEMORY,) * 2)
    parent.send(None)
    for index in indices:
        data, use = trial(random.Random(f"{seed} {kind} {index}"))
        if keep is not None:
            (keep / f"{kind} {index}").write_bytes(data)
        outcome = outcome_of(index, use)
        if keep is not None and outcome.status != "crashed":
            (keep / f"{kind} {index}").unlink()
        parent.send(outcome)


def try_all(kind: str, indices: Sequence[int], *, folder: Path, seed: int, keep: Path | None) -> list[Outcome]:
    """Outcomes of these files; a process that dies or hangs costs one file, and another goes on."""
    outcomes: list[Outcome] = []
    context = multiprocessing.get_context("spawn")
    while len(outcomes) < len(indices):
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=work, args=(kind, folder, seed, indices[len(outcomes) :], keep, theirs))
        process.start()
        theirs.close()
        try:
            assert ours.poll(120), f"{kind}: the process does not begin"
            ours.recv()
            while len(outcomes) < len(indices):
                if not ours.poll(3 * SECONDS):
                    outcomes.append(Outcome(indices[len(outcomes)], "crashed", "hangs", 3 * SECONDS))
                    break
                outcomes.append(ours.recv())
        except EOFError:
            process.join()
            outcomes.append(Outcome(indices[len(outcomes)], "crashed", f"the process died ({process.exitcode})"))
        finally:
            process.kill()
            process.join()
    return outcomes


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20_000, help="files in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=TRIALS, default=list(TRIALS), metavar="KIND")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--keep", type=Path, help="folder for the files that crashed something")
    args = parser.parse_args()

    if args.keep is not None:
        args.keep.mkdir(parents=True, exist_ok=True)
    share = sum(TRIALS[kind][0] for kind in args.only)
    everything = Counter[str]()
    print(f"{'kind':<22}{'files':>8}{'read':>8}{'refused':>9}{'crashed':>9}{'seconds':>9}{'slowest':>9}{'peak MB':>9}")
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(args.jobs) as pool:
        folder = Path(name)
        prepare(folder, model=any(kind in MODEL_TRIALS for kind in args.only))
        attempt = partial(try_all, folder=folder, seed=args.seed, keep=args.keep)
        for kind in args.only:
            count = round(args.count * TRIALS[kind][0] / share)
            begun = perf_counter()
            chunks = [range(at, min(at + AT_ONCE, count)) for at in range(0, count, AT_ONCE)]
            outcomes = [outcome for some in pool.map(partial(attempt, kind), chunks) for outcome in some]
            seen = Counter(outcome.status for outcome in outcomes)
            everything += seen
            slowest, peak = max(o.seconds for o in outcomes), max(o.peak for o in outcomes) / 1e6
            print(
                f"{kind:<22}{count:>8}{seen['read']:>8}{seen['refused']:>9}{seen['crashed']:>9}"
                f"{perf_counter() - begun:>9.1f}{slowest:>9.2f}{peak:>9.0f}",
                flush=True,
            )
            for outcome in outcomes:
                if outcome.status == "crashed":
                    print(f"  number {outcome.number}: {outcome.detail}", flush=True)
    total = everything.total()
    print(f"{'together':<22}{total:>8}{everything['read']:>8}{everything['refused']:>9}{everything['crashed']:>9}")
    return int(everything["crashed"] > 0)


if __name__ == "__main__":
    sys.exit(main())
