"""What a photo costs over HTTP, with its verdict in the history, beside the same photo judged in a program.

    python benchmarks/serving_speed.py RUN PHOTO [SECONDS] [--rounds 5]

Figures are photos per second and latency as clients see them, by the clock, and processor time of the server's process
alone; ratios are of photos per second, to the program's just before. Machines are faster in one minute than in the
next, so program and server take turns, and the ratio to quote is the middle one of all rounds. On a machine that others
use, only the processor time counts.
"""

import argparse
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from station_server import Connection, at, opened

import blemish

CLIENTS = (1, 4)


def taking_turns(options: argparse.Namespace, photo: bytes) -> None:
    """Prints the figures of a predictor without a server, and of a server with one client and with four, by rounds."""
    predictor = blemish.open(options.run, runtime=options.runtime)
    alone: Callable[[], object] = lambda: predictor.predict(photo).to_json()  # noqa: E731
    ratios: dict[int, list[float]] = {clients: [] for clients in CLIENTS}
    with opened(options.run, "--runtime", options.runtime) as server:
        for _ in range(options.rounds):
            for clients in CLIENTS:
                rate = measured("in a program", [alone], time.process_time, options.seconds)
                connections = [Connection(server.port) for _ in range(clients)]
                name = f"{clients} client{'s' * (clients > 1)}"
                asking = [lambda connection=each: judge(connection, photo) for each in connections]
                served = measured(name, asking, server.processor_seconds, options.seconds)
                ratios[clients].append(served / rate)
                for each in connections:
                    each.close()
    for clients, found in ratios.items():
        shares = ", ".join(f"{ratio:.0%}" for ratio in sorted(found))
        whose = f"{clients} client{'s' * (clients > 1)}, of the program's photos per second"
        print(f"{whose}: {statistics.median(found):.0%} in the middle round of {shares}")


def judge(connection: Connection, photo: bytes) -> None:
    status, body = connection.ask("POST", "/api/models/part/judge", photo)
    assert status == 200, body


def measured(name: str, works: Sequence[Callable[[], object]], spent: Callable[[], float], seconds: float) -> float:
    """Prints what each of these does again and again, side by side, and returns how often a second they do it."""
    took: list[float] = []
    for work in works:
        work()  # once, before anything counts
    before, began = spent(), time.perf_counter()

    def repeat(work: Callable[[], object]) -> None:
        while (start := time.perf_counter()) < began + seconds:
            work()
            took.append(time.perf_counter() - start)

    threads = [threading.Thread(target=repeat, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rate, each = len(took) / (time.perf_counter() - began), (spent() - before) / len(took)
    shares = ", ".join(f"p{round(100 * share)} {1000 * at(took, share):.1f} ms" for share in (0.5, 0.95, 0.99))
    print(f"{name:<14}{rate:.1f} photos/s, {shares}, {1000 * each:.1f} ms of processor time a photo")
    return rate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("photo", type=Path)
    parser.add_argument("seconds", type=float, nargs="?", default=4.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--runtime", default="auto")
    options = parser.parse_args()
    taking_turns(options, options.photo.read_bytes())


if __name__ == "__main__":
    main()
