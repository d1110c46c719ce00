"""What a photo costs over HTTP, with its verdict in the history, beside the same photo judged in a program.

    python benchmarks/serving_speed.py RUN PHOTO [SECONDS]

Figures are processor time of the server's process, and latency as clients see it.
"""

import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx

import blemish

_TICKS = 100  # a second, in /proc


def processor_seconds(process: int) -> float:
    """Returns the time that a process has computed."""
    words = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / _TICKS


def served(run: str, photo: bytes, seconds: float) -> None:
    """Prints the figures of a server, with one client and with four."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["-m", "blemish", "serve", f"part={run}", "--port", "8799", "--history", f"{folder}/history.db"]
        with subprocess.Popen([sys.executable, *command]) as server:
            address = "http://127.0.0.1:8799"
            while not _is_ready(address):
                time.sleep(0.1)
            for clients in (1, 4):
                _measure(server.pid, address, photo, clients=clients, seconds=seconds)
            server.terminate()


def _is_ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/ready").status_code == 200
    except httpx.TransportError:
        return False


def _measure(process: int, address: str, photo: bytes, *, clients: int, seconds: float) -> None:
    latencies: list[float] = []
    until = time.perf_counter() + seconds

    def ask() -> None:
        with httpx.Client(base_url=address, timeout=60) as client:
            while time.perf_counter() < until:
                began = time.perf_counter()
                client.post("/api/models/part/judge", content=photo).raise_for_status()
                latencies.append(time.perf_counter() - began)

    before, threads = processor_seconds(process), [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    latencies.sort()
    each = (processor_seconds(process) - before) / len(latencies)
    p50, p95 = (1000 * latencies[int(share * (len(latencies) - 1))] for share in (0.5, 0.95))
    print(
        f"{clients} clients: {len(latencies) / seconds:.1f} photos/s, {1000 * each:.1f} ms of processor time a photo, "
        f"latency p50 {p50:.0f} ms, p95 {p95:.0f} ms"
    )


def main() -> None:
    """Measures both."""
    run, photo = sys.argv[1], Path(sys.argv[2]).read_bytes()
    seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 10.0
    predictor = blemish.open(run)
    predictor.predict(photo)
    count, began = 0, time.process_time()
    while time.process_time() - began < seconds / 2:
        predictor.predict(photo).to_json()
        count += 1
    print(f"in a program: {1000 * (time.process_time() - began) / count:.1f} ms of processor time a photo")
    served(run, photo, seconds)


if __name__ == "__main__":
    main()
