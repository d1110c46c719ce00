"""What does a server of one model do under load, and what is lost when it is killed?

    python benchmarks/station.py overload RUN PHOTOS --seconds 300 --times 4
    python benchmarks/station.py killed RUN PHOTOS --rounds 100

`overload` asks `times` as often as the server can answer, and counts what was accepted,
turned away and recorded, and the memory. `killed` kills the server with SIGKILL at random moments while photos come,
starts it again, sends again what got no answer, and counts what was accepted and is missing, or is there twice.
PHOTOS is a folder. The history is SQLite, or what --history says.
"""

import argparse
import hashlib
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
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from sqlalchemy import text

from blemish.history.opening import open_history

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"}


@dataclass
class Server:
    """A server in a process of its own, over a history that outlives it."""

    run: Path
    history: str
    port: int
    options: list[str] = field(default_factory=list)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "blemish", "serve", f"part={self.run}", "--port", str(self.port)]
        self.process = subprocess.Popen([*command, "--history", self.history, *self.options], stderr=subprocess.DEVNULL)
        while True:
            if self.process.poll() is not None:
                raise SystemExit(f"the server ended with {self.process.returncode}")
            try:
                if httpx.get(f"{self.address}/ready").status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.05)

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        assert self.process is not None
        self.process.send_signal(how)
        self.process.wait()

    def memory(self) -> float:
        """Megabytes that it holds."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1000


@contextmanager
def opened(options: argparse.Namespace, *more: str) -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        history = options.history or str(Path(folder, "history.db"))
        server = Server(options.run, history, free.getsockname()[1], [*more, "--runtime", options.runtime])
        free.close()
        server.start()
        yield server
        if server.process is not None and server.process.poll() is None:
            server.end()


def judge(client: httpx.Client, photo: bytes, key: str) -> int:
    """The status of the answer; 0 where there was none."""
    try:
        return client.post("/api/models/part/judge", content=photo, headers={"Idempotency-Key": key}).status_code
    except httpx.TransportError:
        return 0


def recorded(history: str) -> Counter[str]:
    """How often each key is in the history."""
    stored = open_history(history)
    try:
        with stored.engine.connect() as connection:
            return Counter(row[0] for row in connection.execute(text("SELECT key FROM verdicts")))
    finally:
        stored.close()


def overload(options: argparse.Namespace) -> None:
    photos = files(options.photos_in)
    with opened(options) as server:
        answers: Counter[int] = Counter()
        accepted: list[str] = []
        counting = threading.Lock()
        rate = options.times * capacity(server, photos)
        ends = time.monotonic() + options.seconds
        memory = [server.memory()]

        def keep_asking(number: int) -> None:
            own = random.Random(number)
            with httpx.Client(base_url=server.address, timeout=60) as client:
                while time.monotonic() < ends:
                    key = f"overload {number} {own.random()}"
                    status = judge(client, own.choice(photos), key)
                    with counting:
                        answers[status] += 1
                        if status == 200:
                            accepted.append(key)
                    if number == 0:
                        memory.append(server.memory())
                    time.sleep(own.expovariate(rate / options.clients))

        with ThreadPoolExecutor(options.clients) as pool:
            list(pool.map(keep_asking, range(options.clients)))
        server.end()
        found = recorded(server.history)
        print(f"asked {rate:.0f} times a second for {options.seconds} s: answers {dict(answers)}")
        print(f"memory {memory[0]:.0f} MB at first, {max(memory):.0f} MB at most, {memory[-1]:.0f} MB at last")
        print(f"accepted {len(accepted)}: {told(accepted, found)}")


def capacity(server: Server, photos: list[bytes]) -> float:
    """Photos per second that the server judges for four clients."""
    with httpx.Client(base_url=server.address, timeout=60) as client, ThreadPoolExecutor(4) as pool:
        begun = time.perf_counter()
        assert set(pool.map(lambda n: judge(client, photos[n % len(photos)], f"capacity {n}"), range(60))) == {200}
        return 60 / (time.perf_counter() - begun)


def killed(options: argparse.Namespace) -> None:
    photos = files(options.photos_in)
    own = random.Random(options.seed)
    with opened(options) as server:
        accepted: list[str] = []
        unanswered: list[str] = []
        for number in range(options.rounds):
            timer = threading.Timer(own.uniform(0.02, 0.6), server.end, [signal.SIGKILL])
            timer.start()
            with httpx.Client(base_url=server.address, timeout=60) as client:
                again, unanswered = unanswered, []
                keys = [*again, *(f"round {number} {own.random()}" for _ in range(1000))]
                for place, key in enumerate(keys):
                    if judge(client, photos[hash(key) % len(photos)], key) == 200:
                        accepted.append(key)
                    else:
                        unanswered = [key, *keys[place + 1 : len(again)]]
                        break
            timer.join()
            server.start()
        server.end()
        found = recorded(server.history)
        print(f"killed {options.rounds} times: accepted {len(accepted)}: {told(accepted, found)}")


def told(accepted: list[str], found: Counter[str]) -> str:
    missing = sum(found[stored_key(key)] == 0 for key in accepted)
    return f"{missing} missing, {sum(times > 1 for times in found.values())} twice, {found.total()} in the history"


def stored_key(key: str) -> str:
    """The key in the history of a photo that was sent with a key, by nobody in particular."""
    return hashlib.sha256(f"local\0part\0{key}".encode()).hexdigest()


def files(folder: Path) -> list[bytes]:
    found = [path.read_bytes() for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES]
    if not found:
        raise SystemExit(f"{folder} holds no photos")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for work in (overload, killed):
        one = commands.add_parser(work.__name__)
        one.set_defaults(work=work)
        one.add_argument("run", type=Path)
        one.add_argument("photos_in", type=Path, metavar="PHOTOS")
        one.add_argument("--clients", type=int, default=64)
        one.add_argument("--seconds", type=float, default=300)
        one.add_argument("--times", type=float, default=4)
        one.add_argument("--rounds", type=int, default=100)
        one.add_argument("--seed", type=int, default=os.getpid())
        one.add_argument("--history", help="postgresql://...; by default SQLite")
        one.add_argument("--runtime", default="auto")
    options = parser.parse_args()
    options.work(options)


if __name__ == "__main__":
    main()
