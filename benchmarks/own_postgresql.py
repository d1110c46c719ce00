"""A PostgreSQL that nobody else has, at a socket of its own, to be killed and started again (Linux)."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Self


class OwnPostgresql:
    """A cluster in a folder that goes with it; where root asks, the user postgres runs it, for initdb refuses root."""

    def __init__(self) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parts[-2]))
        if not found:
            raise SystemExit("needs PostgreSQL in /usr/lib/postgresql: apt install postgresql")
        self._programs = found[-1]
        self._folder = Path(tempfile.mkdtemp(prefix="base"))
        self._data = self._folder / "data"
        self._as_other = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]
        if os.geteuid():
            self._as_other = []
        else:
            shutil.chown(self._folder, "postgres", "postgres")
        made = ["-D", self._data, "-U", "blemish", "--auth=trust", "--no-sync", "-E", "UTF8"]
        self._run("initdb", *map(str, made))

    @property
    def url(self) -> str:
        return f"postgresql://blemish@/postgres?host={self._folder}"

    def start(self) -> None:
        """Starts it, as soon as what was killed has let go of its memory; returns when it takes connections."""
        options = f"-c listen_addresses='' -k {self._folder} -c shared_buffers=32MB"
        command = ["pg_ctl", "-D", str(self._data), "-w", "-l", str(self._folder / "log"), "-o", options, "start"]
        for _ in range(100):
            with suppress(subprocess.CalledProcessError):
                self._run(*command)
                return
            time.sleep(0.1)
        raise SystemExit(f"PostgreSQL does not start:\n{(self._folder / 'log').read_text()[-2000:]}")

    def kill(self) -> None:
        """Kills its first process, and by it all others, as a power cut would."""
        os.kill(int((self._data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        with suppress(subprocess.CalledProcessError):
            self._run("pg_ctl", "-D", str(self._data), "-m", "immediate", "stop")
        shutil.rmtree(self._folder)

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as_other, str(self._programs / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd=self._folder)
