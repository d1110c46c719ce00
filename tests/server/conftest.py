"""A server in this process, over a real model and a real history, asked over real sockets."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from httpx import Client, Response

from blemish.data.dataset import Dataset
from blemish.history.opening import History, open_history
from blemish.server.served_model import ServedModel
from blemish.server.serving import StationServer
from blemish.server.settings import ServerSettings
from blemish.server.station import Station
from copies import copied


@dataclass(frozen=True, kw_only=True)
class Served:
    """A running server: a client of it, and what it runs on."""

    client: Client
    station: Station
    server: StationServer

    @property
    def history(self) -> History:
        return self.station.history

    def judge(self, photo: bytes, **params: Any) -> Response:
        return self.client.post("/api/models/part/judge", params=params, content=photo)

    def get(self, address: str, **params: Any) -> Any:
        return self.client.get(address, params=params).json()


OpenServer = Callable[..., Served]
"""Takes settings of the server and returns it, running."""


@contextmanager
def serving(station: Station) -> Iterator[Served]:
    """A server at a free port, ended as SIGTERM ends it."""
    server = StationServer(station)
    thread = threading.Thread(target=server.run)
    thread.start()
    while server.address is None and thread.is_alive():
        time.sleep(0.005)
    try:
        with Client(base_url=str(server.address), timeout=60, verify=False) as client:  # no authorities to load
            yield Served(client=client, station=station, server=server)
    finally:
        server.handle_exit(signal.SIGTERM, None)
        thread.join()


def settings_of(*, runtime: str = "onnx", **settings: Any) -> ServerSettings:
    return ServerSettings(runtime=runtime, port=0, **settings)


@pytest.fixture(scope="session")
def open_model(stpm_exported: Path) -> ServedModel:
    """A model that is open and proven already; no test changes it."""
    return ServedModel("part", stpm_exported, settings_of())


@pytest.fixture
def open_server(open_model: ServedModel, tmp_path: Path) -> Iterator[OpenServer]:
    """Servers that a test changes or sets up itself."""
    with ExitStack() as open_ones:

        def opened(run: Path | None = None, **settings: Any) -> Served:
            asked = settings_of(**settings)
            model = open_model if run is None else ServedModel("part", run, asked)
            station = Station({"part": model}, open_history(tmp_path / "history.db"), asked)
            return open_ones.enter_context(serving(station))

        yield opened


@pytest.fixture(scope="module")
def served(open_model: ServedModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for all tests of a file, which keeps every photo."""
    folder = tmp_path_factory.mktemp("served")
    asked = settings_of(keep_photos=folder / "kept", keep="all")
    with serving(Station({"part": open_model}, open_history(folder / "history.db"), asked)) as opened:
        yield opened


@pytest.fixture
def own_run(stpm_run: Path, tmp_path: Path) -> Path:
    """A model that a test may change; without exports, whose proofs take time."""
    return copied(stpm_run, tmp_path / "run")


@pytest.fixture
def own_export(stpm_exported: Path, tmp_path: Path) -> Path:
    """A model with exports that a test may change."""
    return copied(stpm_exported, tmp_path / "exported")


@pytest.fixture(scope="session")
def photo_files(parts: Dataset) -> list[bytes]:
    """Files of photos, good ones and others."""
    return [Path(sample.image).read_bytes() for sample in parts.test]


@pytest.fixture(scope="session")
def photo(parts: Dataset) -> bytes:
    """The file of a photo with a defect."""
    return Path(next(sample for sample in parts.test if sample.anomalous).image).read_bytes()
