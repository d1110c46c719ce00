"""All that a running server holds: its models, their queues, the history, the photos kept, and who waits for news."""

import hashlib
import secrets
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from anyio import CapacityLimiter

from blemish.errors import DataError
from blemish.history.opening import History
from blemish.history.verdict import StoredVerdict
from blemish.inference.prediction import Prediction
from blemish.server.candidates import Candidates
from blemish.server.drift_alarms import DriftAlarms
from blemish.server.drift_look import DriftLook
from blemish.server.faults import FaultError
from blemish.server.history_check import HistoryCheck
from blemish.server.judging_queue import THREADS, JudgingQueue, PhotoToJudge
from blemish.server.kept_photos import KeptPhotos
from blemish.server.level_look import LevelLook
from blemish.server.live_news import LiveNews
from blemish.server.measures import Measures
from blemish.server.served_model import ServedModel
from blemish.server.settings import ServerSettings
from blemish.server.upkeep import Upkeep
from blemish.server.workshop import Workshop
from blemish.troubles import Troubles

_LINE_THREADS = 8
_MOST_RECENT = 1 << 27
"""Bytes of photos and maps of the latest verdicts, kept in memory so that their pictures can be asked for."""

_MOST_IN_FLIGHT = 1 << 29
"""Bytes of the photos that wait or are at work."""


@dataclass(frozen=True, kw_only=True)
class JudgedLately:
    """What a verdict's pictures are drawn from."""

    prediction: Prediction
    photo: bytes

    @property
    def size(self) -> int:
        """How many bytes it takes."""
        return len(self.photo) + self.prediction.anomaly_map.nbytes


class Station:
    """The one object that every request is answered by."""

    def __init__(self, models: Mapping[str, ServedModel], history: History, settings: ServerSettings) -> None:
        """Takes open models and an open history, both of which are closed with it."""
        self.models, self.history, self.settings = dict(models), history, settings
        self.measures = Measures()
        self.news = LiveNews()
        self.troubles = Troubles()
        self.history_check = HistoryCheck(history, self.troubles)
        self.levels = LevelLook()
        self.drift = DriftLook(lambda: self.models, history, self.measures)
        self.photos = None if settings.keep_photos is None else KeptPhotos(settings.keep_photos)
        self.candidates = None if settings.models_from is None else Candidates(settings.models_from)
        self.workshop = None if settings.workshop is None else Workshop(settings.workshop)
        self.ready = True
        self.line_threads = CapacityLimiter(_LINE_THREADS)
        """For what photos of the line wait for: others, such as pages, have others."""
        self.changing_users = threading.Lock()
        """It is held by whoever looks who is left and changes it."""
        folder = settings.keep_photos
        kept = settings.retention
        self._upkeep = None if kept is None and folder is None else Upkeep(history, kept, photos=folder)
        self.under_way: dict[str, PhotoToJudge] = {}
        """Photos that are not answered yet, by the key that the client gave; of the event loop alone."""
        self._in_flight = self._bytes = 0
        self._seconds = 0.1  # that a photo takes a thread, of late
        self._lately: OrderedDict[int, JudgedLately] = OrderedDict()
        self._lately_size = 0
        self._changing = threading.Lock()
        self._queues = {name: self._new_queue(model) for name, model in models.items()}
        self._drift_alarms = DriftAlarms(self.drift, lambda: self.models, settings.alarms_to)

    def add(self, name: str, folder: Path) -> None:
        """Opens a model that was just learned, proves it, and serves it from now on; raises what `ServedModel` does."""
        model = ServedModel(name, folder, self.settings)
        self._queues = {**self._queues, name: self._new_queue(model)}  # others may be going through them
        self.models = {**self.models, name: model}

    def _new_queue(self, model: ServedModel) -> JudgingQueue:
        return JudgingQueue(
            model,
            self.history,
            self.settings,
            photos=self.photos,
            on_judged=self._judged,
            on_unkept=self.measures.unkept,
            troubles=self.troubles,
        )

    @property
    def in_flight(self) -> int:
        """How many photos wait or are at work."""
        return self._in_flight

    def queue(self, name: str) -> JudgingQueue:
        """Returns the queue of a model; raises FaultError where there is none."""
        self.model(name)
        return self._queues[name]

    def model(self, name: str) -> ServedModel:
        """Returns a model by its name; raises FaultError where there is none."""
        if name not in self.models:
            raise FaultError(404, "no_such_model", f"no model {name[:64]!r} is served, but {', '.join(self.models)}")
        return self.models[name]

    @contextmanager
    def room_for(self, photos: int, *, size: int = 0) -> Iterator[None]:
        """Holds the places of photos, of so many bytes in all, among those that may be in flight; raises FaultError
        where there are none left.

        It is asked before a photo is received, so that what is turned away takes no memory. In the event loop alone.
        """
        if not self.ready:
            raise FaultError(503, "shutting_down", "the server is shutting down: ask again", retry_after=5)
        most = max(_MOST_IN_FLIGHT, self.settings.most_bytes)
        seconds = self._in_flight * self._seconds / THREADS
        too_late = seconds > self.settings.timeout  # it would be judged when nobody waits for it any more
        if too_late or self._in_flight + photos > self.settings.waiting or self._bytes + size > most:
            self.measures.refused()
            line = f"{self._in_flight} photos are waiting: come again"
            raise FaultError(503, "too_many_photos", line, retry_after=max(1, round(seconds)))
        self._in_flight, self._bytes = self._in_flight + photos, self._bytes + size
        try:
            yield
        finally:
            self._in_flight, self._bytes = self._in_flight - photos, self._bytes - size

    def is_drawn(self, key: str) -> bool:
        """Draws by lot whether a photo is for a person to label: by its key, before it is judged, so that no score
        can sway it, and a retry draws the same."""
        lot = int.from_bytes(hashlib.sha256(f"{key}{self._lot}".encode()).digest()[:7]) / (1 << 56)
        return lot < self.settings.draw

    _lot = secrets.token_hex(8)  # so that nobody can choose a key that is drawn, or is not

    def lately(self, number: int) -> JudgedLately | None:
        """Returns what the pictures of a verdict are drawn from, where it is still in memory."""
        with self._changing:
            return self._lately.get(number)

    def _judged(self, stored: StoredVerdict, result: Prediction | DataError, photo: bytes, seconds: float) -> None:
        """Takes note of a verdict, in the thread that judged."""
        self._seconds += (seconds - self._seconds) / 8
        self.measures.judged(stored, seconds)
        if isinstance(result, Prediction):
            with self._changing:
                kept = self._lately[stored.id] = JudgedLately(prediction=replace(result), photo=photo)  # no mask
                self._lately_size += kept.size
                while self._lately_size > _MOST_RECENT and len(self._lately) > 1:
                    self._lately_size -= self._lately.popitem(last=False)[1].size
        self.news.wake()

    def close(self) -> None:
        """Judges what is waiting, then lets go of everything."""
        self.ready = False
        self.news.stop()
        if self.workshop is not None:
            self.workshop.close()
        for queue in self._queues.values():
            queue.close()
        self._drift_alarms.close()
        if self._upkeep is not None:
            self._upkeep.close()
        self.history.close()
