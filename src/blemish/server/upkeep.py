"""What a running server forgets, once an hour, where it is told how much to keep."""

import logging
import threading
from pathlib import Path

from blemish.errors import BlemishError
from blemish.history.audit import SERVER
from blemish.history.opening import History
from blemish.history.retention import Retention, forget

_log = logging.getLogger("blemish")

_SECONDS = 3600.0


class Upkeep:
    """A thread that deletes what is not to be kept, until it is closed."""

    def __init__(self, history: History, retention: Retention, *, photos: Path | None) -> None:
        self._history, self._retention, self._photos = history, retention, photos
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._work, name="upkeep", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the thread, after what it has begun."""
        self._closed.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._closed.is_set():
            try:
                done = forget(self._history, self._retention, photos=self._photos, who=SERVER)
                if done.verdicts or done.photos:
                    _log.info("deleted by age or size: %d verdicts, %d photos", done.verdicts, done.photos)
            except BlemishError as error:
                _log.error("nothing is deleted: %s", error)
            self._closed.wait(_SECONDS)
