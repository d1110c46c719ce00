"""Commands as a user gives them, each in a process of its own, which begins with what all of them load."""

import multiprocessing
import os
import resource
import shutil
import sys
import tempfile
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


class Started:
    """A function of a module at work in a process of its own; what it prints goes to files, or where it is told."""

    def __init__(
        self,
        work: Callable[..., object],
        *arguments: object,
        out: Path | None = None,
        err: Path | None = None,
        daemon: bool = False,
    ) -> None:
        """`daemon`: it ends when the tests end, and starts no such processes itself."""
        self._folder = Path(tempfile.mkdtemp())
        self.out, self.err = out or self._folder / "out", err or self._folder / "err"
        self._process = _PROCESSES.Process(target=_do, args=(work, arguments, self.out, self.err), daemon=daemon)
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def is_alive(self) -> bool:
        return self._process.is_alive()

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def wait(self, seconds: float = 300) -> Done:
        """Ends it when it takes longer: processes that wait for one another do so for ever."""
        self._process.join(seconds)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        lines = [path.read_text("utf-8").split("\n")[:-1] if path.is_file() else [] for path in (self.out, self.err)]
        shutil.rmtree(self._folder)
        return Done(self._process.exitcode, *lines)


def started(*arguments: str | Path, first: str = "", out: Path | None = None, err: Path | None = None) -> Started:
    """The command, which goes on beside the test."""
    return Started(_command, [str(a) for a in arguments], False, None, first, out=out, err=err, daemon=True)


def blemish(*arguments: str | Path, bound: bool = False, largest_file: int | None = None, first: str = "") -> Done:
    """`bound`: by the permissions of files, even as root; `largest_file`: in bytes, as on a disk that is soon full;
    `first`: Python that the process runs before the command."""
    return Started(_command, [str(a) for a in arguments], bound, largest_file, first).wait()


def start_server() -> None:
    """Starts the process that all others are forked from, with what commands load, before anyone else does with
    less."""
    forkserver.ensure_running()


def _do(work: Callable[..., object], arguments: tuple[object, ...], out: Path, err: Path) -> None:
    for path, descriptor in ((out, 1), (err, 2)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOCTTY), descriptor)
    sys.stdout, sys.stderr = (open(d, "w", encoding="utf-8", closefd=False) for d in (1, 2))  # noqa: SIM115
    os.chdir("/")
    work(*arguments)


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
