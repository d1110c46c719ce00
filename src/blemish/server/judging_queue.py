"""Photos of all requests, judged in batches by two threads per model; each verdict is in the history before it is
answered."""

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import partial

from blemish.errors import BlemishError, DataError, HistoryError, HistoryUnavailableError, OutputError
from blemish.history.opening import History
from blemish.history.reading import one, paths_of_photos
from blemish.history.verdict import StoredVerdict, VerdictRecord, verdict_of
from blemish.history.writing import WrittenRow, write_verdicts
from blemish.inference.prediction import Prediction
from blemish.server.faults import FaultError
from blemish.server.kept_photos import KeptFiles, KeptPhotos
from blemish.server.served_model import ServedModel
from blemish.server.settings import ServerSettings
from blemish.troubles import Troubles
from blemish.wording import on_one_line

_log = logging.getLogger("blemish")

THREADS = 2
"""How many judge photos of one model: one reads photos or writes verdicts while the other computes."""


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
    """The photos that are waiting for one model, and the threads that judge them."""

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
        self._kept: dict[str, KeptFiles] = {}  # for verdicts that are not in the history yet, by their keys
        self._waiting: deque[PhotoToJudge] = deque()
        self._come = threading.Condition()
        self._closed = False
        names = [f"judge {model.name} {number}" for number in range(THREADS)]
        self._threads = [threading.Thread(target=self._work, name=name, daemon=True) for name in names]
        for thread in self._threads:
            thread.start()

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
        """Judges what is waiting, then ends the threads."""
        with self._come:
            self._closed = True
            self._come.notify_all()
        for thread in self._threads:
            thread.join()

    def _drop(self, photo: PhotoToJudge) -> None:
        with self._come:
            self._waiting = deque(each for each in self._waiting if each is not photo)

    def _work(self) -> None:
        while batch := self._next_batch():
            try:
                self._take(batch)
            except Exception as error:  # of an error's own handling: the line goes on, and nobody waits for these
                _log.exception("model %s: %d photos are given up", self.model.name, len(batch))
                for photo in batch:
                    if not photo.answer.done():
                        photo.answer.set_exception(error)

    def _take(self, batch: list[PhotoToJudge]) -> None:
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
            self._refuse(batch, error)
        except BaseException as error:
            how = None if isinstance(error, BlemishError) else error
            _log.error("model %s: %d photos failed: %s", self.model.name, len(batch), error, exc_info=how)
            if len(batch) > 1:
                return False
            self._refuse(batch, error)
        else:
            self._troubles.mended("history", "the history takes verdicts again")
        return True

    def _next_batch(self) -> list[PhotoToJudge]:
        """Returns this thread's share of what is waiting, so that all threads together have a batch at most; nothing
        when the queue is closed and empty."""
        with self._come:
            self._come.wait_for(lambda: self._waiting or self._closed)
            most = math.ceil(min(self._settings.batch_size, len(self._waiting)) / THREADS)
            return [self._waiting.popleft() for _ in range(most)]

    def _judge(self, batch: list[PhotoToJudge]) -> None:
        started = time.perf_counter()
        opened = self.model.now  # of this batch, whatever replaces it meanwhile
        data = [photo.data for photo in batch]
        results = list(opened.predictor.predict_many(data, batch_size=self._settings.batch_size))
        records = [self._record(photo, result) for photo, result in zip(batch, results, strict=True)]
        rows = write_verdicts(self._history, records)
        seconds = (time.perf_counter() - started) / len(batch)
        kept = [self._kept.pop(photo.key, None) for photo in batch]
        there: list[tuple[PhotoToJudge, VerdictRecord, WrittenRow, KeptFiles | None]] = []
        for photo, result, record, row, files in zip(batch, results, records, rows, kept, strict=True):
            if not row.is_new:
                there.append((photo, record, row, files))
                continue
            stored = StoredVerdict(**vars(record), id=row.id, label=None, defect_type=None)
            self._on_judged(stored, result, photo.data, seconds)
            _answer(photo, stored)
        for each in there:  # now that a history that goes away harms no other
            self._answer_as_written(*each)

    def _answer_as_written(
        self, photo: PhotoToJudge, record: VerdictRecord, row: WrittenRow, kept: KeptFiles | None
    ) -> None:
        """Answers with what is in the history under the photo's key, for it holds: another server that was sent the
        same photo was first, or a try of this one that seemed to have failed."""
        stored = one(self._history, row.id)
        if stored is None:
            raise HistoryError(f"verdict {row.id} was deleted while it was written: ask again")
        if kept is not None and stored.map_path != record.map_path:
            self._discard([kept])
        if stored.photo_sha256 == record.photo_sha256:
            _answer(photo, stored)
        elif not photo.answer.done():
            photo.answer.set_exception(key_of_another())

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
            kept = self._photos.keep(photo.data, result, key=photo.key)
        except Exception as error:  # whatever it is, a verdict is worth more than its photo
            self._troubles.say("photos", f"photos are not kept: {on_one_line(error)}")
            self._on_unkept()
            return record()
        self._troubles.mended("photos", "photos are kept again")
        before = self._kept.get(photo.key)  # where all of a batch has failed, and each is tried alone
        self._kept[photo.key] = replace(kept, is_new=kept.is_new or (before is not None and before.is_new))
        return record(photo_path=str(kept.photo), map_path=str(kept.map))

    def _is_kept(self, photo: PhotoToJudge, result: Prediction) -> bool:
        return photo.drawn or self._settings.keep == "all" or result.verdict != "normal"

    def _refuse(self, batch: list[PhotoToJudge], error: BaseException) -> None:
        """Answers with an error, and deletes what was kept for verdicts that nobody will find."""
        kept = [files for photo in batch if (files := self._kept.pop(photo.key, None)) is not None]
        for photo in batch:
            if not photo.answer.done():
                photo.answer.set_exception(error)
        if not (isinstance(error, HistoryUnavailableError) and error.may_be_written):
            self._discard(kept)  # else upkeep finds out whether a verdict has it

    def _discard(self, kept: list[KeptFiles]) -> None:
        """Deletes maps, and photos that were not there before; one that a verdict has, as of another model, stays."""
        if self._photos is None or not kept:
            return
        try:
            known = paths_of_photos(self._history, [files.photo.stem for files in kept])
        except HistoryError:
            known = set()
        for files in kept:
            try:
                self._photos.discard(files, photo_too=files.is_new and str(files.photo) not in known)
            except OutputError as error:
                _log.warning("a photo of no verdict: %s", error)


def _answer(photo: PhotoToJudge, stored: StoredVerdict) -> None:
    if not photo.answer.done():
        photo.answer.set_result(stored)


def key_of_another() -> FaultError:
    """Returns the error to answer with where one key was given to two photos."""
    return FaultError(409, "key_of_another", "this Idempotency-Key was used for another photo")
