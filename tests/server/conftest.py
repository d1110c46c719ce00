"""A server in this process, over a real model and a real history."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from httpx import Client

from blemish.data.dataset import Dataset
from blemish.history.opening import open_history
from blemish.server.served_model import ServedModel
from blemish.server.serving import LineServer
from blemish.server.settings import ServerSettings
from blemish.server.station import Station

OpenServer = Callable[..., Client]
"""Takes settings of the server and returns a client of it."""


@contextmanager
def serving(station: Station) -> Iterator[Client]:
    """A server at a free port, ended as SIGTERM ends it."""
    server = LineServer(station)
    thread = threading.Thread(target=server.run)
    thread.start()
    while server.address is None and thread.is_alive():
        time.sleep(0.005)
    try:
        with Client(base_url=str(server.address), timeout=30) as client:
            yield client
    finally:
        server.handle_exit(signal.SIGTERM, None)
        thread.join()


@pytest.fixture
def open_server(stpm_exported: Path, tmp_path: Path) -> Iterator[OpenServer]:
    with ExitStack() as open_ones:

        def opened(run: Path = stpm_exported, **settings: Any) -> Client:
            asked = ServerSettings(runtime="onnx", port=0, **settings)
            models = {"part": ServedModel("part", run, asked)}
            station = Station(models, open_history(settings.get("history", tmp_path / "history.db")), asked)
            return open_ones.enter_context(serving(station))

        yield opened


@pytest.fixture
def photo(parts: Dataset) -> bytes:
    """The file of a photo with a defect."""
    sample = next(sample for sample in parts.test if sample.anomalous)
    return Path(sample.image).read_bytes()
