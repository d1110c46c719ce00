"""What a running server forgets: once an hour what is not to be kept, once a day files that no verdict has."""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from blemish.errors import BlemishError
from blemish.history.audit import SERVER
from blemish.history.opening import History
from blemish.history.retention import Retention, forget
from blemish.server.strays import delete_strays, own_folder

_log = logging.getLogger("blemish")

_SECONDS = 3600.0
_DAY = 86_400.0


class Upkeep:
    """A thread that deletes what is not to be kept, until it is closed."""

    def __init__(self, history: History, retention: Retention | None, *, photos: Path | None) -> None:
        """Keeps the `photos` in a folder; what is older or larger than `retention` says is deleted."""
        self._history, self._retention, self._photos = history, retention, photos
        self._next_strays = time.monotonic() + _SECONDS  # not while whoever starts it may have named another history
        if photos is not None:
            _or_say(lambda: own_folder(history, photos))  # before the first photo is in it
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._work, name="upkeep", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the thread, after what it has begun."""
        self._closed.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._closed.is_set():
            _or_say(self._forget)
            if time.monotonic() >= self._next_strays:
                _or_say(self._delete_strays)
                self._next_strays = time.monotonic() + _DAY
            self._closed.wait(_SECONDS)

    def _forget(self) -> None:
        if self._retention is None:
            return
        done = forget(self._history, self._retention, photos=self._photos, who=SERVER)
        if done.verdicts or done.photos:
            _log.info("deleted by age or size: %d verdicts, %d photos", done.verdicts, done.photos)

    def _delete_strays(self) -> None:
        if self._photos is not None and (count := delete_strays(self._history, self._photos)):
            _log.info("deleted in %s: %d files that no verdict has", self._photos, count)


def _or_say(act: Callable[[], object]) -> None:
    """Does something that is tried again later where it fails."""
    try:
        act()
    except Exception as error:  # whatever it is, what comes later is not to be kept for ever
        _log.error("nothing is deleted: %s", error, exc_info=None if isinstance(error, BlemishError) else error)
