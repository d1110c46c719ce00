"""What must hold on a GPU: the contract tests, and equal weights in two processes on one card."""

import hashlib
import json
import multiprocessing
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from gpu_steps import Case, Figures
from gpu_training import settings_of, typed
from method_cost import METHODS, drawn_weights
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook

import blemish
from blemish.data.dataset import Dataset
from blemish.data.made_up import make_up

ROOT = Path(__file__).resolve().parents[1]


def contract(case: Case, figures: Figures, _deadline: float) -> None:
    """pytest -m gpu, in this process; tiny: of STPM alone."""
    import pytest

    os.environ["BLEMISH_GPU_TESTS_ON"] = case.device
    noted = _Noted()
    chosen = ["-k", "stpm and not rstpm"] if case.tiny else []
    # Versions here are not those that the project is tested with: what they warn of is no failure.
    options = ["-q", "-m", "gpu", "-p", "no:cacheprovider", "-o", "filterwarnings=default", "--rootdir", str(ROOT)]
    code = pytest.main([*options, *chosen, str(ROOT / "tests" / "contract" / "test_gpu.py")], plugins=[noted])
    figures.note(tests=noted.tests)
    passed = sum(test["outcome"] == "passed" for test in noted.tests.values())
    failed = [name for name, test in noted.tests.items() if test["outcome"] == "failed"]
    figures.check("every contract test passes", code == 0 and passed > 0, f"{passed} passed, failed: {failed}")


class _Noted:
    """A pytest plugin that keeps every test's outcome and seconds."""

    def __init__(self) -> None:
        self.tests: dict[str, dict[str, Any]] = {}

    def pytest_runtest_logreport(self, report: Any) -> None:
        name = report.nodeid.rpartition("::")[2]
        test = self.tests.setdefault(name, {"outcome": report.outcome, "seconds": 0.0})
        test["seconds"] = round(test["seconds"] + report.duration, 2)
        if report.outcome != "passed":
            test["outcome"] = report.outcome
            test["why"] = str(report.longrepr)[-1500:]


class Given(NamedTuple):
    """What the ranks train with."""

    method: str
    settings: dict[str, Any]
    photos: Dataset
    weights: list[Path]


def processes(case: Case, figures: Figures, deadline: float) -> None:
    """One process and two on the same card: through gloo, for NCCL refuses two ranks on one."""
    method = METHODS["stpm" if case.tiny else "destseg"]
    photos = make_up(case.scratch / "ranks", seed=0, size=max(64, case.size), train=40, good=1, defective=1)
    steps = case.few(4, 30)
    given = Given(
        method.name,
        settings_of(case, method, steps=steps),
        photos,
        drawn_weights(method, typed(case, method, steps=steps), case.scratch),
    )
    steps *= len(method.stages)
    for world in (1, 2):
        seen = _on_ranks(world, case, given, deadline=deadline)
        figures.note(**{f"processes_{world}": seen})
        counted = [len(rank["weights"]) for rank in seen]
        figures.check(f"{world} ran to the end", counted == [steps] * world, f"steps of each rank: {counted}")
    first, second = (rank["weights"] for rank in figures.values["processes_2"])
    equal = sum(a == b for a, b in zip(first, second, strict=True))
    figures.check("two have equal weights after every step", first == second, f"{equal} of {len(first)} steps")
    for seen in (figures.values["processes_1"], figures.values["processes_2"]):
        for rank in seen:
            rank["weights"] = rank["weights"][-1]
    figures.note()


def _on_ranks(world: int, case: Case, given: Given, *, deadline: float) -> list[dict[str, Any]]:
    """The ranks' results; they are started as torchrun would, but forked, so that nothing is imported anew."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    files = [case.scratch / f"rank{rank}of{world}.json" for rank in range(world)]
    forked = multiprocessing.get_context("fork")  # nothing here has touched the GPU yet
    ranks = [
        forked.Process(target=_rank, args=(case, given, file, rank, world, port)) for rank, file in enumerate(files)
    ]
    for process in ranks:
        process.start()
    for process in ranks:
        process.join(max(1.0, deadline - time.monotonic()))
    if codes := [process.exitcode for process in ranks if process.exitcode != 0]:
        raise RuntimeError(f"ranks of {world} ended with {codes}")
    return [json.loads(file.read_text()) for file in files]


def _rank(case: Case, given: Given, result: Path, rank: int, world: int, port: int) -> None:
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(world)}
    os.environ |= {"LOCAL_WORLD_SIZE": str(world), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    weights: list[str] = []
    times: list[float] = []

    def note(optimizer: Optimizer, *_: object) -> None:
        digest = hashlib.sha256()
        for parameter in parameters_of(optimizer):
            digest.update(parameter.detach().float().cpu().contiguous().numpy().tobytes())
        weights.append(digest.hexdigest())
        times.append(time.perf_counter())

    register_optimizer_step_post_hook(note)
    blemish.train(
        given.method,
        given.photos,
        case.scratch / f"processes{world}",
        teacher_weights=given.weights,
        device="cuda:0" if case.device == "cuda" else case.device,  # named: every rank's
        batch_size=case.batch,
        check_every=10**6,
        **given.settings,
    )
    memory = torch.cuda.max_memory_allocated() / 1e9 if case.device == "cuda" else None
    rate = case.batch * (len(times) - 2) / (times[-1] - times[1])
    result.write_text(json.dumps({"weights": weights, "photos_per_s_with_digests": rate, "gpu_memory_gb": memory}))


def parameters_of(optimizer: Optimizer) -> Iterator[torch.Tensor]:
    for group in optimizer.param_groups:
        yield from group["params"]
