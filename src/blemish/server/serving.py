"""Runs the server until it is told to stop, and lets it finish what it has begun."""

import logging
import math
from collections.abc import Sequence
from pathlib import Path
from socket import socket
from types import FrameType

import uvicorn

from blemish.errors import SettingsError
from blemish.history.opening import default_history, open_history
from blemish.history.users import any_token
from blemish.process import stop_requests
from blemish.server.app import create_app
from blemish.server.served_model import open_models
from blemish.server.settings import ServerSettings
from blemish.server.station import Station
from blemish.wording import as_argument

_log = logging.getLogger("blemish")

_SECONDS_TO_END = 30  # at least, for requests that are under way when the server is told to stop


def open_station(runs: Sequence[str | Path], settings: ServerSettings) -> Station:
    """Opens the history and the models, in this order, for the first is quick to refuse.

    Raises SettingsError where others than this machine could ask, and no token was given out.
    """
    place = str(default_history()) if settings.history is None else settings.history
    history = open_history(place)
    try:
        if not settings.is_loopback and not any_token(history):
            raise SettingsError(
                f"at {settings.host} others than this machine can ask, and nobody has a token: make one with `blemish "
                f"token NAME --role engineer --history {as_argument(history.place)}`, or leave --host out"
            )
        station = Station(open_models(runs, settings), history, settings)
    except BaseException:
        history.close()
        raise
    _tell_unserved(station)
    return station


def _tell_unserved(station: Station) -> None:
    """Says which models were learned in the page and are served no more: a server serves what its command names."""
    learned = {} if station.workshop is None else station.workshop.learned()
    for name, run in learned.items():
        if name not in station.models:
            _log.warning("model %s was learned here and is not served: name it, %s=%s", name, name, as_argument(run))


def run_server(station: Station) -> None:
    """Serves until SIGTERM or SIGINT: what was received is judged, written down and answered before it returns."""
    with stop_requests():  # uvicorn raises the signal again when it has ended, which then is no reason to die
        StationServer(station).run()


class StationServer(uvicorn.Server):
    """The server of one station; it closes the station when it ends."""

    def __init__(self, station: Station) -> None:
        settings = station.settings
        config = uvicorn.Config(
            create_app(station),
            host=settings.host,
            port=settings.port,
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=max(_SECONDS_TO_END, math.ceil(settings.timeout)),
            timeout_keep_alive=15,
            ws="none",
        )
        super().__init__(config)
        self._station = station
        self.address: str | None = None
        """The URL that it is reached at, once it serves."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Notes that the server should end, and ends streams of news, for which it would wait."""
        self._station.news.stop()
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Opens the port, and says where."""
        await super().startup(sockets)
        opened = [each for server in self.servers for each in server.sockets] if self.started else []
        for host, port in (each.getsockname()[:2] for each in opened[:1]):
            self.address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
            _log.info("serving %s at %s", ", ".join(self._station.models), self.address)
