"""What does a server of one model do under load, and what is lost when it, or its database, is killed?

    python benchmarks/station.py overload RUN PHOTOS --seconds 300 --times 4
    python benchmarks/station.py killed RUN PHOTOS --rounds 100
    python benchmarks/station.py database RUN PHOTOS --rounds 100

`overload` measures how many photos a second the server judges, then sends `times` as many, at random times that wait
for no answer, and counts what was accepted, turned away and recorded, and the memory. `killed` kills the server with
SIGKILL at random moments while four clients ask, and starts it again; `database` does so with a PostgreSQL of its own,
while the server, and a watch that writes into the same history, go on. Clients send again, under the same key, what got
no verdict; then the history is compared with what was accepted. PHOTOS is a folder.
"""

import argparse
import itertools
import json
import math
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from own_postgresql import OwnPostgresql
from station_server import (
    NO_ANSWER,
    VERDICTS,
    Clients,
    Connection,
    Server,
    at,
    compared,
    opened,
    photos_in,
    recorded,
    stored_key,
)


class Load:
    """Photos sent at random times, so many a second, whatever the server answers."""

    def __init__(self, server: Server, photos: Sequence[bytes], *, rate: float, seconds: float, clients: int) -> None:
        self.accepted: list[str] = []
        self.took: defaultdict[int, list[float]] = defaultdict(list)
        """Seconds of the answers, by status."""
        self.late: list[float] = []
        """Seconds that each was sent too late, for all connections were waiting."""
        self._server, self._photos, self._rate, self._clients = server, photos, rate, clients
        self._until = time.monotonic() + seconds
        self._next, self._number, self._taking = time.monotonic(), 0, threading.Lock()
        self._own = random.Random(0)

    def send(self) -> None:
        threads = [threading.Thread(target=self._send) for _ in range(self._clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _send(self) -> None:
        with Connection(self._server.port) as connection:
            while True:
                with self._taking:
                    when, key = self._next, f"load {self._number}"
                    self._next += self._own.expovariate(self._rate)
                    self._number += 1
                    photo = self._own.choice(self._photos)
                if when > self._until:
                    return
                time.sleep(max(0.0, when - time.monotonic()))
                begun = time.monotonic()
                status, _ = connection.judge(photo, key)
                ended = time.monotonic()
                with self._taking:
                    self.late.append(begun - when)
                    self.took[status].append(ended - begun)
                    if status in VERDICTS:
                        self.accepted.append(key)


def overload(options: argparse.Namespace) -> None:
    photos = photos_in(options.photos_in)
    with opened(options.run, "--runtime", options.runtime) as server:
        able = capacity(server, photos)
        load = Load(server, photos, rate=options.times * able, seconds=options.seconds, clients=options.clients)
        memory, ended = [server.memory()], threading.Event()

        def look() -> None:
            while not ended.wait(1):
                memory.append(server.memory())

        looking = threading.Thread(target=look)
        looking.start()
        begun, before = time.monotonic(), server.processor_seconds()
        load.send()
        seconds, spent = time.monotonic() - begun, server.processor_seconds() - before
        ended.set()
        looking.join()
        server.end()
        sent = len(load.late)
        print(
            f"judged {able:.1f} a second alone; sent {sent / seconds:.1f} a second for {seconds:.0f} s, "
            f"{1000 * at(load.late, 0.5):.0f} ms late (p50), {1000 * at(load.late, 0.99):.0f} ms (p99)"
        )
        for status, took in sorted(load.took.items()):
            print(
                f"answer {status}: {len(took)}, {len(took) / seconds:.1f} a second, p50 {1000 * at(took, 0.5):.0f} "
                f"ms, p99 {1000 * at(took, 0.99):.0f} ms"
            )
        fifths = [memory[len(memory) * part // 5] for part in range(5)]
        print(
            f"memory {', '.join(f'{each:.0f}' for each in [*fifths, memory[-1]])} MB, {max(memory):.0f} at most; "
            f"{spent:.0f} s of CPU"
        )
        print(compared(load.accepted, recorded(server.history)), f"({CAPACITY_PHOTOS + WARM_PHOTOS} before)")


WARM_PHOTOS, CAPACITY_PHOTOS = 40, 400


def capacity(server: Server, photos: Sequence[bytes]) -> float:
    """Photos per second that the server judges for sixteen clients, who wait for their answers."""
    numbers = iter(range(WARM_PHOTOS + CAPACITY_PHOTOS))
    taking, begun = threading.Lock(), [0.0]

    def ask() -> None:
        with Connection(server.port) as connection:
            while True:
                with taking:
                    if (number := next(numbers, None)) is None:
                        return
                    if number == WARM_PHOTOS:
                        begun[0] = time.monotonic()
                assert connection.judge(photos[number % len(photos)], f"capacity {number}")[0] in VERDICTS

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return CAPACITY_PHOTOS / (time.monotonic() - begun[0])


def killed(options: argparse.Namespace) -> None:
    own = random.Random(options.seed)
    with opened(options.run, "--runtime", options.runtime) as server:
        clients = Clients(server, photos_in(options.photos_in))
        rounds = idle = 0
        with clients.asking():
            for _ in rounds_of(options):
                rounds += 1
                before = len(clients.accepted)
                time.sleep(own.uniform(0.02, 1.0))
                server.end(signal.SIGKILL)
                idle += len(clients.accepted) == before
                server.start()
            clients.wait_for_a_verdict()
        server.end()
        print(
            f"server killed {rounds} times, {idle} times before its first verdict; "
            f"answers {dict(clients.answers)} ({NO_ANSWER}: none)"
        )
        print(compared(clients.accepted, recorded(server.history)))


def database(options: argparse.Namespace) -> None:
    photos, own = photos_in(options.photos_in), random.Random(options.seed)
    with (
        OwnPostgresql() as base,
        opened(options.run, "--runtime", options.runtime, history=base.url) as server,
        watched(server.folder, options, history=base.url) as incoming,
    ):
        clients, back = Clients(server, photos), []
        with clients.asking():
            for number in rounds_of(options):
                beside = incoming / f"p{number}.part"
                beside.write_bytes(own.choice(photos))
                beside.rename(beside.with_suffix(".png"))
                time.sleep(own.uniform(0.02, 1.0))
                base.kill()
                time.sleep(own.choice([0.0, 0.0, 0.5, 3.0]))
                base.start()
                back.append(clients.wait_for_a_verdict())
        print(
            f"PostgreSQL killed {len(back)} times; answers {dict(clients.answers)}; first verdict behind its "
            f"return after {at(back, 0.5):.1f} s (p50), {max(back):.1f} s at most"
        )
        deadline = time.monotonic() + 120  # a receiver that failed is tried again after a minute at the latest
        while sum(not is_of_client(key) for key in recorded(base.url)) < len(back) and time.monotonic() < deadline:
            time.sleep(1)
        found = recorded(base.url)
        table = (server.folder / "out/predictions.jsonl").read_text()
        ids = [json.loads(line)["id"] for line in table.splitlines()]
        print(
            compared(clients.accepted, Counter({key: n for key, n in found.items() if len(key) == len(stored_key(""))}))
        )
        print(
            f"watch: {len(ids)} of {len(back)} photos judged, {sum(found[each] == 0 for each in ids)} missing "
            f"in the history, {sum(found[each] > 1 for each in ids)} twice"
        )
        print("\n".join(line[:200] for line in server.said().splitlines()[:5]))


def rounds_of(options: argparse.Namespace) -> Iterable[int]:
    """Numbers of rounds, as many as are asked for, and as there is time for."""
    until = time.monotonic() + 60 * options.minutes
    return itertools.takewhile(lambda _: time.monotonic() < until, range(options.rounds))


@contextmanager
def watched(folder: Path, options: argparse.Namespace, *, history: str) -> Iterator[Path]:
    """A watch that writes into a history, of a folder that it gives."""
    incoming = folder / "in"
    incoming.mkdir()
    command = [sys.executable, "-m", "blemish", "watch", str(incoming), str(options.run), "--into", str(folder / "out")]
    more = ["--history", history, "--quiet", "0", "--save", "none", "--runtime", options.runtime]
    with (folder / "watch.txt").open("wb") as log:
        watch = subprocess.Popen([*command, *more], stdout=subprocess.DEVNULL, stderr=log)
    try:
        yield incoming
    finally:
        watch.terminate()
        watch.wait()


def is_of_client(key: str) -> bool:
    """Whether a key of the history is a client's, not the watch's."""
    return len(key) == len(stored_key(""))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for work in (overload, killed, database):
        one = commands.add_parser(work.__name__)
        one.set_defaults(work=work)
        one.add_argument("run", type=Path)
        one.add_argument("photos_in", type=Path, metavar="PHOTOS")
        one.add_argument("--clients", type=int, default=96, help="connections of `overload`")
        one.add_argument("--seconds", type=float, default=300)
        one.add_argument("--times", type=float, default=4)
        one.add_argument("--rounds", type=int, default=100)
        one.add_argument("--minutes", type=float, default=math.inf, help="so long kills go on at most")
        one.add_argument("--seed", type=int, default=0)
        one.add_argument("--runtime", default="auto")
    options = parser.parse_args()
    options.work(options)


if __name__ == "__main__":
    main()
