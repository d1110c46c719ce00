"""Commands as a user gives them, each in a process of its own, which begins with what all of them load."""

import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from multiprocessing import forkserver
from pathlib import Path
from typing import NamedTuple

import permissions

_PROCESSES = multiprocessing.get_context("forkserver")
# torch._dynamo is imported by the first optimiser, matplotlib by the first report: neither of them starts a thread.
_PROCESSES.set_forkserver_preload(
    [
        *("blemish.cli.check", "blemish.cli.evaluate", "blemish.cli.train", "blemish.exporting.make"),
        *("torch._dynamo", "matplotlib.figure", "matplotlib.backends.backend_svg"),
    ]
)


QUICK = (
    *("--teacher", "efficientnet_lite0", "--image-size", "64"),
    *("--steps", "2", "--batch-size", "4", "--check-every", "2"),
)
"""A training of seconds."""


class Done(NamedTuple):
    """How a command ended, and the lines that it printed."""

    code: int | None
    out: list[str]
    err: list[str]

    def about(self, name: str) -> list[str]:
        """The lines of standard error that name a file."""
        return [line for line in self.err if name in line]


def blemish(*arguments: str | Path, bound: bool = False, largest_file: int | None = None, first: str = "") -> Done:
    """`bound`: by the permissions of files, even as root; `largest_file`: in bytes, as on a disk that is soon full;
    `first`: Python that the process runs before the command."""
    (done,) = run_together(Work(_command, [str(a) for a in arguments], bound, largest_file, first))
    return done


class Work:
    """A function of a module, and what it is called with."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.function, self.arguments = function, arguments


def run_together(*works: Work, seconds: float = 300) -> list[Done]:
    """Does them at the same time, each in a process of its own, which is killed when it takes longer."""
    with tempfile.TemporaryDirectory() as folder:
        files = [(Path(folder) / f"out{i}", Path(folder) / f"err{i}") for i in range(len(works))]
        processes = [_PROCESSES.Process(target=_do, args=(w, *said)) for w, said in zip(works, files, strict=True)]
        for process in processes:
            process.start()
        until = time.monotonic() + seconds
        for process in processes:
            process.join(max(0, until - time.monotonic()))
            if process.is_alive():
                process.kill()
                process.join()
        lines = [[path.read_text(encoding="utf-8").split("\n")[:-1] for path in said] for said in files]
        return [Done(process.exitcode, *said) for process, said in zip(processes, lines, strict=True)]


def start_server() -> None:
    """Starts the process that all others begin as, with what commands load, before anyone else does with less."""
    forkserver.ensure_running()


def _do(work: Work, out: Path, err: Path) -> None:
    for path, descriptor in ((out, 1), (err, 2)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), descriptor)
    sys.stdout, sys.stderr = (open(d, "w", encoding="utf-8", closefd=False) for d in (1, 2))  # noqa: SIM115
    os.chdir("/")
    work.function(*work.arguments)


def _command(arguments: list[str], bound: bool, largest_file: int | None, first: str) -> None:
    sys.argv = ["blemish", *arguments]
    exec(first, {})
    from blemish.__main__ import main

    with ExitStack() as stack:
        if bound:
            stack.enter_context(permissions.obeyed())
        if largest_file is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
        main()


def one_line(done: Done, *words: str) -> None:
    """Asserts that a command failed with a single line, which holds these words."""
    assert done.code == 2, done
    assert len(done.err) == 1, done.err
    assert done.err[0].startswith("blemish: ")
    for word in words:
        assert word in done.err[0]
