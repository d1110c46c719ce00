"""Commands as a user gives them, each in a process of its own, which begins with what all of them load."""

import multiprocessing
import os
import resource
import sys
import tempfile
from contextlib import ExitStack
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
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        process = _PROCESSES.Process(
            target=_run, args=([str(a) for a in arguments], out, err, bound, largest_file, first)
        )
        process.start()
        process.join()
        lines = [path.read_text(encoding="utf-8").split("\n")[:-1] for path in (out, err)]
        return Done(process.exitcode, *lines)


def _run(arguments: list[str], out: Path, err: Path, bound: bool, largest_file: int | None, first: str) -> None:
    for path, descriptor in ((out, 1), (err, 2)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), descriptor)
    sys.stdout, sys.stderr = (open(d, "w", encoding="utf-8", closefd=False) for d in (1, 2))  # noqa: SIM115
    sys.argv = ["blemish", *arguments]
    os.chdir("/")
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
