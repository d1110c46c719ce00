"""A step of the GPU run: a process of its own with a time limit, whose figures are on the disk once they are known.

What one step does, a crash, a hang, memory that runs out, takes no figure from the steps before it or after it.
"""

import json
import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

Status = Literal["passed", "failed", "timed_out", "skipped"]
LINES_KEPT = 15  # of a failed step's log, in the figures
PRELOADED = ["torch", "torch._dynamo", "blemish.training.train", "blemish.inference.torch_runtime"]
_PROCESSES = multiprocessing.get_context("forkserver")


@dataclass(frozen=True, kw_only=True)
class Case:
    """What all steps are told."""

    device: str
    """cuda, or cpu to try the steps themselves."""
    tiny: bool
    """Whether sizes are as small as they get."""
    scratch: Path
    """Folder for runs and photos that are not kept."""
    photos: Path | None = None
    """Folder of one MVTec AD category; None: made-up parts."""
    weights: Path | None = None
    """Weights file of the teacher resnet18; None: drawn weights, with which speed can be measured but not quality."""
    figures: dict[str, Any] = field(default_factory=dict)
    """The figures of the steps before, by step."""

    @property
    def size(self) -> int:
        return 32 if self.tiny else 256

    @property
    def batch(self) -> int:
        return 4 if self.tiny else 32

    def few(self, tiny: int, full: int) -> int:
        """How many times something is done."""
        return tiny if self.tiny else full


class SkippedError(Exception):
    """A step cannot run on this machine; its text says why."""


class Figures:
    """What a step found out; every note is on the disk before the step goes on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.values: dict[str, Any] = {}
        self.failed: list[str] = []
        self.skipped: str | None = None

    def note(self, **values: Any) -> None:
        self.values |= values
        self._write()

    def check(self, name: str, passed: bool, found: object) -> None:
        """Notes whether something that must be true is; where it is not, the step has failed, and goes on."""
        self.values.setdefault("checks", {})[name] = {"passed": passed, "found": found}
        if not passed:
            self.failed.append(f"{name}: {found}")
        self._write()

    def skip(self, reason: str) -> None:
        self.skipped = reason
        self._write()

    def _write(self) -> None:
        write_json({"figures": self.values, "failed": self.failed, "skipped": self.skipped}, self._path)


@dataclass(frozen=True, kw_only=True)
class Step:
    """What is called, as module:function, with (case, figures, deadline, **arguments), and for how long at most."""

    call: str
    seconds: float
    arguments: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a step ended, and what it found out until then."""

    status: Status
    seconds: float
    budget: float
    """Seconds that the step was given."""
    figures: dict[str, Any]
    reason: str | None = None
    """Why the step failed or was skipped."""


def run_step(step: Step, case: Case, *, budget: float, log: Path) -> Outcome:
    """Runs the step in a process of its own, which is killed with all that it started after `budget` seconds."""
    _PROCESSES.set_forkserver_preload(PRELOADED)
    case.scratch.mkdir(parents=True, exist_ok=True)
    found, own_log = case.scratch / "step.json", case.scratch / "step.log"
    found.unlink(missing_ok=True)
    own_log.write_text("")
    began = time.monotonic()
    process = _PROCESSES.Process(target=_work, args=(step, case, found, own_log, budget))
    process.start()
    process.join(budget)
    late = process.is_alive()
    if late:
        _kill(process.pid)
        process.join()
    text = own_log.read_text(errors="replace")
    with log.open("a") as stream:
        stream.write(f"\n=== {step.call} {step.arguments or ''}\n{text}")
    ended = json.loads(found.read_text()) if found.exists() else {"figures": {}, "failed": [], "skipped": None}
    status, reason = _judged(ended, late=late, code=process.exitcode, text=text)
    seconds = round(time.monotonic() - began, 1)
    return Outcome(status=status, seconds=seconds, budget=round(budget, 1), figures=ended["figures"], reason=reason)


def _judged(ended: dict[str, Any], *, late: bool, code: int | None, text: str) -> tuple[Status, str | None]:
    last = "\n".join(text.strip().splitlines()[-LINES_KEPT:])
    if late:
        return "timed_out", last or None
    if code != 0:
        return "failed", last or f"the process ended with {code}"
    if ended["failed"]:
        return "failed", "; ".join(ended["failed"])
    if ended["skipped"] is not None:
        return "skipped", ended["skipped"]
    return "passed", None


def _work(step: Step, case: Case, found: Path, log: Path, budget: float) -> None:
    """In the step's process, which leads a group of its own."""
    os.setsid()
    deadline = time.monotonic() + budget
    for descriptor in (1, 2):
        os.dup2(os.open(log, os.O_WRONLY | os.O_APPEND), descriptor)
    sys.stdout, sys.stderr = (open(d, "w", buffering=1, closefd=False) for d in (1, 2))  # noqa: SIM115
    figures = Figures(found)
    module, function = step.call.split(":")
    try:
        run: Callable[..., None] = getattr(import_module(module), function)
        run(case, figures, deadline, **step.arguments)
    except SkippedError as reason:
        figures.skip(str(reason))
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)


def _kill(group: int | None) -> None:
    """The process, which leads a group, and all that it started."""
    if group is None:
        return
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:  # it ended this moment, or leads no group yet
        os.kill(group, signal.SIGKILL)


def write_json(values: object, path: Path) -> None:
    """All of it or nothing."""
    beside = path.with_name(f".{path.name}.part")
    beside.write_text(json.dumps(values, indent=1, default=str) + "\n")
    beside.replace(path)
