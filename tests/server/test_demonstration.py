"""The station that shows itself: parts arrive on their own, and what is judged stays."""

import signal
import socket
import time
from pathlib import Path
from typing import Any

import httpx

from commands import Started, started
from copies import copied


def test_parts_arrive_until_it_is_told_to_end(stpm_run: Path, tmp_path: Path) -> None:
    copied(stpm_run, tmp_path / "demo" / "gravel" / "model")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = started("demo", tmp_path / "demo", "--station", "--port", str(port))
    try:
        told = _verdicts(f"http://127.0.0.1:{port}", process)
    finally:
        process.signal(signal.SIGTERM)
    done = process.wait(30)
    assert done.code == 0
    assert f"http://127.0.0.1:{port}" in "\n".join(done.out)
    assert {verdict["model"] for verdict in told} == {"gravel-parts"}
    assert all(verdict["photo"]["kept"] for verdict in told)
    assert len(list((tmp_path / "demo" / "line" / "workshop" / "gravel").glob("*.png"))) == 24


def _verdicts(address: str, process: Started) -> list[dict[str, Any]]:
    """The verdicts that are there as soon as there are two."""
    with httpx.Client(base_url=address, verify=False) as client:  # no authorities to load
        while process.is_alive():
            try:
                found = list(client.get("/api/verdicts").json()["verdicts"])
                if len(found) >= 2:
                    return found
            except httpx.TransportError:
                pass
            time.sleep(0.2)
    raise AssertionError("the station has ended")
