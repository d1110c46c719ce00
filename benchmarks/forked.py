"""Commands of blemish in processes that need not load the program first, so that they can be killed a hundred times."""

import os
import signal
import sys
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path

_FORKS = get_context("forkserver")
_FORKS.set_forkserver_preload(
    ["__main__", "blemish.server.serving", "blemish.watching.live", "blemish.results.history", "onnxruntime", "psycopg"]
)


class Forked:
    """A command at work, in a process of its own (Linux)."""

    def __init__(self, arguments: Sequence[str], log: Path) -> None:
        self._process = _FORKS.Process(target=_work, args=(list(arguments), str(log)))
        self._process.start()

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        """Its exit code; None while it is at work."""
        self._process.join(0)
        return self._process.exitcode

    def wait(self) -> int:
        """Its exit code, when it has ended."""
        self._process.join()
        assert self._process.exitcode is not None
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)


def _work(arguments: list[str], log: str) -> None:
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (1, 2):
        os.dup2(file, stream)
    from blemish.__main__ import main

    sys.argv = ["blemish", *arguments]
    sys.exit(main())
