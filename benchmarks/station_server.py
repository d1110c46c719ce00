"""A server of one model in a process of its own, its clients, and what is in its history: what station*.py share."""

import hashlib
import http.client
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from forked import Forked
from sqlalchemy import text

from blemish.history.opening import open_history

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"}
NO_ANSWER = 0
VERDICTS = (200, 422)  # 422: the photo cannot be read, which is in the history, too


def at(values: Sequence[float], share: float) -> float:
    """The value that a share of them is below."""
    return sorted(values)[int(share * (len(values) - 1))]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@dataclass
class Server:
    """A server that may be killed and started again, over a history that outlives it."""

    run: Path
    history: str
    folder: Path
    options: Sequence[str] = ()
    environment: Mapping[str, str] | None = None
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | Forked | None" = None

    def start(self) -> None:
        log = self.folder / "log.txt"
        command = ["serve", f"part={self.run}", "--port", str(self.port), "--history", self.history, *self.options]
        if self.environment is None:
            self.process = Forked(command, log)
        else:
            with log.open("ab") as file:
                whole = [sys.executable, "-m", "blemish", *command]
                self.process = subprocess.Popen(whole, stderr=file, env=self.environment)
        while self.ask("GET", "/ready")[0] != 200:
            if self.process.poll() is not None:
                raise SystemExit(f"the server ended with {self.process.returncode}:\n{self.said()}")
            time.sleep(0.05)

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        assert self.process is not None
        self.process.send_signal(how)
        self.process.wait()

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """The status and the body of an answer; NO_ANSWER where there is none."""
        with Connection(self.port) as connection:
            return connection.ask(method, path, body)

    def said(self) -> str:
        """What is in its log."""
        return (self.folder / "log.txt").read_text()

    def memory(self) -> float:
        """Megabytes that it holds."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1000

    def processor_seconds(self) -> float:
        """How long its threads have computed."""
        assert self.process is not None
        words = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


class Connection(http.client.HTTPConnection):
    """One client's connection, which is made anew where it broke."""

    def __init__(self, port: int) -> None:
        super().__init__("127.0.0.1", port, timeout=90)

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        try:
            self.request(method, path, body, dict(headers or {}))
            answer = self.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            self.close()
            return NO_ANSWER, b""

    def judge(self, photo: bytes, key: str, name: str = "") -> tuple[int, bytes]:
        return self.ask("POST", f"/api/models/part/judge?name={name or 'photo'}", photo, {"Idempotency-Key": key})

    def judge_at_last(self, photo: bytes, key: str) -> tuple[int, bytes]:
        """Sends a photo, again under the same key where it has no verdict, until it has one."""
        while (answer := self.judge(photo, key))[0] not in VERDICTS:
            time.sleep(0.2)
        return answer


class Clients:
    """Clients that send photos, each under a key of its own, until it has its verdict."""

    def __init__(self, server: Server, photos: Sequence[bytes], *, count: int = 4, pause: float = 0.1) -> None:
        self.answers: Counter[int] = Counter()
        self.accepted: list[str] = []
        self.last = 0.0
        """When the last verdict came, by the monotonic clock."""
        self._server, self._photos, self._count, self._pause = server, photos, count, pause
        self._ending, self._counting = threading.Event(), threading.Lock()

    @contextmanager
    def asking(self) -> Iterator[None]:
        """They ask, in here; behind it, all that they sent has its verdict."""
        self._ending.clear()
        threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(self._count)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._ending.set()
            for thread in threads:
                thread.join()

    def wait_for_a_verdict(self) -> float:
        """Seconds until the next verdict comes."""
        begun = time.monotonic()
        while self.last < begun:
            time.sleep(0.01)
        return self.last - begun

    def _ask(self, number: int) -> None:
        own = random.Random(f"{number} {time.time_ns()}")
        with Connection(self._server.port) as connection:
            while not self._ending.is_set():
                key, photo, status = f"client {number}: {own.random()}", own.choice(self._photos), NO_ANSWER
                while status not in VERDICTS:
                    status, _ = connection.judge(photo, key)
                    with self._counting:
                        self.answers[status] += 1
                    if status not in VERDICTS:
                        time.sleep(self._pause)
                with self._counting:
                    self.accepted.append(key)
                    self.last = time.monotonic()


@contextmanager
def opened(
    run: Path, *options: str, history: str | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """A server that runs, with a history of its own where no other is named."""
    with tempfile.TemporaryDirectory() as folder:
        place = history or str(Path(folder, "history.db"))
        server = Server(run, place, Path(folder), options, environment)
        try:
            server.start()
            yield server
        finally:
            if server.process is not None and server.process.poll() is None:
                server.end()


def recorded(history: str) -> Counter[str]:
    """How often each key is in the history."""
    with open_history(history) as stored, stored.engine.connect() as connection:
        return Counter(row[0] for row in connection.execute(text("SELECT key FROM verdicts")))


def compared(accepted: Sequence[str], found: Counter[str]) -> str:
    """How many of the accepted photos are missing, how many are there twice, and how many are there in all."""
    missing = sum(found[stored_key(key)] == 0 for key in accepted)
    twice = sum(times > 1 for times in found.values()) + len(accepted) - len(set(accepted))
    return f"{len(accepted)} accepted: {missing} missing, {twice} twice; {found.total()} in the history"


def stored_key(key: str) -> str:
    """The key in the history of a photo that was sent with a key, by nobody in particular."""
    return hashlib.sha256(f"local\0part\0{key}".encode()).hexdigest()


def photos_in(folder: Path) -> list[bytes]:
    found = [path.read_bytes() for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES]
    if not found:
        raise SystemExit(f"{folder} holds no photos")
    return found
