"""Photos of all requests, judged in batches by one thread per model; each verdict is in the history before it is
answered."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial

from blemish.errors import BlemishError, DataError, HistoryUnavailableError, OutputError
from blemish.history.opening import History
from blemish.history.verdict import StoredVerdict, VerdictRecord, verdict_of
from blemish.history.writing import add_verdicts
from blemish.inference.prediction import Prediction
from blemish.server.kept_photos import KeptPhotos
from blemish.server.served_model import ServedModel
from blemish.server.settings import ServerSettings
from blemish.troubles import Troubles

_log = logging.getLogger("blemish")


@dataclass(frozen=True, kw_only=True)
class PhotoToJudge:
    """A photo of a request, and where its verdict goes."""

    data: bytes
    name: str | None
    """The name that the client has for it."""
    station: str
    key: str
    drawn: bool
    answer: "Future[StoredVerdict]" = field(default_factory=Future)


OnJudged = Callable[[StoredVerdict, Prediction | DataError, bytes, float], object]
"""Is told of each verdict that is in the history: with its photo, and the seconds that it took."""


class JudgingQueue:
    """The photos that are waiting for one model, and the thread that judges them."""

    def __init__(
        self,
        model: ServedModel,
        history: History,
        settings: ServerSettings,
        *,
        photos: KeptPhotos | None,
        on_judged: OnJudged,
        on_unkept: Callable[[], object],
        troubles: Troubles,
    ) -> None:
        self.model = model
        self._history, self._settings, self._photos = history, settings, photos
        self._on_judged, self._on_unkept, self._troubles = on_judged, on_unkept, troubles
        self._waiting: deque[PhotoToJudge] = deque()
        self._come = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name=f"judge {model.name}", daemon=True)
        self._thread.start()

    def submit(self, photo: PhotoToJudge) -> "Future[StoredVerdict]":
        """Takes a photo; its verdict comes in the future, or HistoryError where it could not be written down.

        Whoever no longer waits for it cancels the future, and the photo is let go of, however long the queue stands.
        """
        with self._come:
            self._waiting.append(photo)
            self._come.notify()
        photo.answer.add_done_callback(lambda answer: self._drop(photo) if answer.cancelled() else None)
        return photo.answer

    def close(self) -> None:
        """Judges what is waiting, then ends the thread."""
        with self._come:
            self._closed = True
            self._come.notify()
        self._thread.join()

    def _drop(self, photo: PhotoToJudge) -> None:
        with self._come:
            self._waiting = deque(each for each in self._waiting if each is not photo)

    def _work(self) -> None:
        while batch := self._next_batch():
            wanted = [photo for photo in batch if photo.answer.set_running_or_notify_cancel()]
            if wanted and not self._are_answered(wanted):
                for photo in wanted:  # so that one harms no other; what is in the history already is not doubled
                    if not photo.answer.done():
                        self._are_answered([photo])

    def _are_answered(self, batch: list[PhotoToJudge]) -> bool:
        """Judges photos and answers, with the error where there is one that is no single photo's; returns whether they
        are answered."""
        try:
            self._judge(batch)
        except HistoryUnavailableError as error:  # nor would it take any of them alone
            self._troubles.say("history", error)
            _refuse(batch, error)
        except BaseException as error:
            how = None if isinstance(error, BlemishError) else error
            _log.error("model %s: %d photos failed: %s", self.model.name, len(batch), error, exc_info=how)
            if len(batch) > 1:
                return False
            _refuse(batch, error)
        else:
            self._troubles.mended("history", "the history takes verdicts again")
        return True

    def _next_batch(self) -> list[PhotoToJudge]:
        """Returns what is waiting, at most a batch, when there is anything; nothing when the queue is closed and
        empty."""
        with self._come:
            self._come.wait_for(lambda: self._waiting or self._closed)
            most = min(self._settings.batch_size, len(self._waiting))
            return [self._waiting.popleft() for _ in range(most)]

    def _judge(self, batch: list[PhotoToJudge]) -> None:
        started = time.perf_counter()
        opened = self.model.now  # of this batch, whatever replaces it meanwhile
        data = [photo.data for photo in batch]
        results = list(opened.predictor.predict_many(data, batch_size=self._settings.batch_size))
        records = [self._record(photo, result) for photo, result in zip(batch, results, strict=True)]
        ids = add_verdicts(self._history, records)
        seconds = (time.perf_counter() - started) / len(batch)
        for photo, result, record, number in zip(batch, results, records, ids, strict=True):
            stored = StoredVerdict(**vars(record), id=number, label=None, defect_type=None)
            self._on_judged(stored, result, photo.data, seconds)
            if not photo.answer.done():
                photo.answer.set_result(stored)

    def _record(self, photo: PhotoToJudge, result: Prediction | DataError) -> VerdictRecord:
        record = partial(
            verdict_of,
            result,
            model=self.model.name,
            station=photo.station,
            key=photo.key,
            photo=photo.data,
            photo_name=photo.name,
            drawn=photo.drawn,
        )
        if self._photos is None or isinstance(result, DataError) or not self._is_kept(photo, result):
            return record()
        try:
            photo_path, map_path = self._photos.keep(photo.data, result, key=photo.key)
        except OutputError as error:  # a verdict is worth more than its photo
            self._troubles.say("photos", f"photos are not kept: {error}")
            self._on_unkept()
            return record()
        self._troubles.mended("photos", "photos are kept again")
        return record(photo_path=photo_path, map_path=map_path)

    def _is_kept(self, photo: PhotoToJudge, result: Prediction) -> bool:
        return photo.drawn or self._settings.keep == "all" or result.verdict != "normal"


def _refuse(batch: list[PhotoToJudge], error: BaseException) -> None:
    for photo in batch:
        if not photo.answer.done():
            photo.answer.set_exception(error)
