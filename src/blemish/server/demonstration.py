"""A station that shows itself: made-up parts arrive on their own, some defective, while the light slowly falls."""

import logging
import random
import shutil
import threading
import urllib.request
from http.client import HTTPException
from io import BytesIO
from itertools import count
from pathlib import Path
from urllib.parse import quote

import numpy as np
from PIL import Image

from blemish.data.images import read_image
from blemish.data.made_up import make_up
from blemish.process import stop_requests
from blemish.server.serving import StationServer, open_station
from blemish.server.settings import ServerSettings
from blemish.studies.demo import DEMO_CLOSER, DEMO_SIZE

_log = logging.getLogger("blemish")

KIND = "gravel"
MODEL = "gravel-parts"
_LEARNED, _GOOD, _DEFECTIVE = 24, 95, 5
_DIMMER = 0.0005  # of the light, from part to part
_DARKEST = 0.8
_SECONDS_TO_JUDGE = 60


def serve_demonstration(folder: Path, *, port: int, seed: int, every: float) -> None:
    """Serves the model that the demo left in a folder, and gives it a part `every` so many seconds, until SIGTERM or
    SIGINT; what is judged stays in the folder.

    Raises OutputError where the folder cannot be written, SettingsError for a port that is none.
    """
    place = folder / "line"
    parts = place / "parts"
    if not parts.exists():
        counts = {"train": _LEARNED, "good": _GOOD, "defective": _DEFECTIVE}
        make_up(parts, seed=seed + 1, size=DEMO_SIZE, textures=(KIND,), closer=DEMO_CLOSER, **counts)
        shutil.copytree(parts / "train" / "good", place / "workshop" / KIND, dirs_exist_ok=True)
    settings = ServerSettings(
        port=port,
        history=str(place / "history.db"),
        station="demo line",
        keep_photos=place / "kept",
        keep="all",
        workshop=place / "workshop",
        draw=0.05,
    )
    station = open_station([f"{MODEL}={folder / KIND / 'model'}"], settings)
    ended = threading.Event()
    with stop_requests():
        server = StationServer(station)
        arriving = threading.Thread(target=_arrive, args=(server, parts, seed, every, ended), daemon=True)
        arriving.start()
        server.run()
        ended.set()
        arriving.join()


def _arrive(server: StationServer, parts: Path, seed: int, every: float, ended: threading.Event) -> None:
    """Sends parts to the server, as a camera would, until it ends."""
    photos = sorted(parts.glob("test/*/*.png"))
    order = random.Random(seed)
    for number in count():
        if ended.wait(every):
            return
        if server.address is None:
            continue
        photo = order.choice(photos)
        name = f"{photo.parent.name}-{number:05}.png"
        address = f"{server.address}/api/models/{MODEL}/judge?name={quote(name)}"
        try:
            request = urllib.request.Request(address, data=_dimmed(photo, number), method="POST")
            with urllib.request.urlopen(request, timeout=_SECONDS_TO_JUDGE):
                pass
        except (OSError, HTTPException) as error:  # the server may hang up while it ends
            _log.warning("a part was not judged: %s", error)


def _dimmed(photo: Path, number: int) -> bytes:
    """Returns a part's file as it looks after so many others: the light falls."""
    light = max(_DARKEST, 1 - _DIMMER * number)
    file = BytesIO()
    Image.fromarray(np.round(read_image(photo) * light).astype(np.uint8)).save(file, format="PNG")
    return file.getvalue()
