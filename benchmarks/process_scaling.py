"""How training scales over processes of one machine: time, processor time and exchanges per step.

    python benchmarks/process_scaling.py                          # every method, 1 and 2 processes, made-up parts
    python benchmarks/process_scaling.py stpm --processes 1 2 4 --image-size 256 --batch-size 32 --steps 30

Processes talk by gloo over the loopback device, as torchrun's do without GPUs. The global batch is the same for every
number of processes. Efficiency is the time of one process over N times that of N; on a machine that does other work,
too, read the one of processor time instead: what one process spends on a step over what all N spend, which says how
much is done twice and how much the exchange costs, but not how long anyone waits.
"""

import argparse
import json
import multiprocessing
import os
import socket
import statistics
import tempfile
import time
from dataclasses import asdict, dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from blemish.data.made_up import make_up
from blemish.detectors import DETECTORS

_EXCHANGES = ("all_gather_object", "all_reduce", "broadcast", "barrier")
_OF_RSTPM = {"second_teacher": "efficientnet_lite0"}


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """One method on so many processes."""

    method: str
    processes: int
    step_ms: float
    """Median, of the first process, from its second step on."""
    step_cpu_ms: float
    """Of all processes together, all threads; mean from the second step on."""
    exchanges_per_step: dict[str, float]
    """Calls per step of one process, checks left out; gradients are exchanged besides, in `buckets`."""
    buckets: int
    """How many messages the gradients of one step go in."""


def train_here(rank: int, world: int, port: int, method: str, asked: dict[str, Any], photos: Path, out: Path) -> None:
    """One process's training; notes when each step ended, and what was exchanged until then."""
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(world), "LOCAL_WORLD_SIZE": str(world)}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    import torch
    from torch import distributed

    from blemish import api
    from blemish.training import fit as loop

    torch.set_num_threads(1)
    calls, steps, buckets = dict.fromkeys(_EXCHANGES, 0), list[tuple[float, float, dict[str, int]]](), [0]
    hooked: Any = distributed
    for name in _EXCHANGES:
        setattr(hooked, name, partial(_counted, calls, name, getattr(distributed, name)))
    step = loop.StageRun._step

    def noted(self: loop.StageRun, *arguments: Any) -> None:
        step(self, *arguments)
        steps.append((time.perf_counter(), time.process_time(), dict(calls)))
        if world > 1:
            logged: Any = self.loss_parts
            buckets.append(int(logged._get_ddp_logging_data().get("num_buckets_reduced", 0)))

    setattr(loop.StageRun, "_step", noted)  # noqa: B010
    api.train(method, photos, out / f"run-{world}", overwrite=True, **asked)
    figures = {"steps": steps, "buckets": buckets[-1]}  # those of the first step are other ones
    (out / f"{method}-{world}-{rank}.json").write_text(json.dumps(figures), encoding="utf-8")


def _counted(calls: dict[str, int], name: str, function: Any, *arguments: Any, **options: Any) -> Any:
    calls[name] += 1
    return function(*arguments, **options)


def scaling_of(method: str, world: int, asked: dict[str, Any], photos: Path, out: Path) -> Scaling:
    """Trains on so many processes and returns what was noted."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = multiprocessing.get_context("spawn")
    own = asked | (_OF_RSTPM if method == "rstpm" else {})
    processes = [
        context.Process(target=train_here, args=(rank, world, port, method, own, photos, out)) for rank in range(world)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0, f"{method} on {world} processes failed"
    noted = [json.loads((out / f"{method}-{world}-{rank}.json").read_text(encoding="utf-8")) for rank in range(world)]
    times, _, counts = zip(*noted[0]["steps"], strict=True)
    between = len(times) - 1
    cpu = sum(one["steps"][-1][1] - one["steps"][0][1] for one in noted)
    per_step = {name: statistics.median(b[name] - a[name] for a, b in pairwise(counts)) for name in _EXCHANGES}
    return Scaling(
        method=method,
        processes=world,
        step_ms=1e3 * statistics.median(b - a for a, b in pairwise(times)),
        step_cpu_ms=1e3 * cpu / between,
        exchanges_per_step=per_step,
        buckets=noted[0]["buckets"],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("methods", nargs="*", default=list(DETECTORS))
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--image-size", type=int, default=128)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    asked = {name: getattr(given, name) for name in ("image_size", "batch_size", "steps")}
    asked |= {"teacher": "efficientnet_lite0", "device": "cpu", "checkpoint_every": 10**6}
    found = []
    with tempfile.TemporaryDirectory() as folder:
        make_up(Path(folder) / "parts", seed=0, size=given.image_size)
        photos = Path(folder) / "parts" / "train" / "good"
        for method in given.methods:
            first: Scaling | None = None
            for world in given.processes:
                one = scaling_of(method, world, asked, photos, Path(folder))
                first = first or one
                found.append(one)
                time_kept = first.step_ms * first.processes / (one.step_ms * one.processes)
                print(
                    f"{method:<8} {world} processes: {one.step_ms:8.1f} ms a step (efficiency {time_kept:.2f}), "
                    f"{one.step_cpu_ms:8.1f} ms of processor time ({first.step_cpu_ms / one.step_cpu_ms:.2f}), "
                    f"{one.buckets} messages of gradients; besides, calls: "
                    + ", ".join(f"{name} {count:g}" for name, count in one.exchanges_per_step.items()),
                    flush=True,
                )
    if given.output is not None:
        given.output.write_text(json.dumps([asdict(one) for one in found], indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
