"""Programs in processes that have loaded nothing of Blemish and no torch, each forked from one that has loaded the
packages which any of them would: what a program loads itself, and what it does without torch, can be asked there."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from commands import Done

_SERVER = """
import json, os, sys
import cyclopts, numpy, PIL.Image, platformdirs, rich.console, rich.progress, safetensors.numpy, scipy.special
import scipy.ndimage, scipy.stats
for line in sys.stdin:
    program, words, out, err = json.loads(line)
    if os.fork() == 0:
        for path, descriptor in ((os.devnull, 0), (out, 1), (err, 2)):
            os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), descriptor)
        sys.argv = ["-c", *words]
        exec(program, {"__name__": "__main__"})
        sys.exit()
    print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
"""

HIDE_TORCH = """
import sys, importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "torch" else found(name, *rest)
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Hidden())
"""
"""After it, importing torch fails as if it were not installed."""


class Bare:
    """The process that programs are forked from."""

    def __init__(self) -> None:
        self._server = subprocess.Popen(
            [sys.executable, "-c", _SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, program: str, *words: str | Path) -> Done:
        """As `python -c` does."""
        assert self._server.stdin is not None and self._server.stdout is not None
        with tempfile.TemporaryDirectory() as folder:
            out, err = Path(folder) / "out", Path(folder) / "err"
            print(json.dumps([program, [str(word) for word in words], str(out), str(err)]), file=self._server.stdin)
            self._server.stdin.flush()
            code = int(self._server.stdout.readline())
            return Done(code, *(path.read_text(encoding="utf-8").split("\n")[:-1] for path in (out, err)))

    def close(self) -> None:
        with self._server:
            assert self._server.stdin is not None
            self._server.stdin.close()
