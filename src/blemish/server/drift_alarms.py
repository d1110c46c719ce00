"""Somebody is told when photos of a station have moved, though nobody looks: by a line, and by a post where asked."""

import logging
import threading
from collections.abc import Callable, Iterable
from time import monotonic

from blemish.calibration.drift import Drift
from blemish.errors import BlemishError
from blemish.results.alarms import Alarms, drift_alarm
from blemish.results.webhook import Webhook
from blemish.server.drift_look import DriftLook

_log = logging.getLogger("blemish")

_SECONDS = 60.0  # between two looks
_CALM = 3600.0  # seconds without it until drift is over: what is near the limit is found at one look, not at the next


class DriftAlarms:
    """A thread that looks for drift until it is closed, and tells each once when it is found, and when it is over."""

    def __init__(self, look: DriftLook, models: Callable[[], Iterable[str]], webhook: Webhook | None) -> None:
        self._look, self._models = look, models
        self._alarms = None if webhook is None else Alarms(webhook)
        self._now: dict[tuple[str, str, str], tuple[Drift, float]] = {}  # when it was seen last
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._work, name="drift", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the thread, after what it has begun."""
        self._closed.set()
        self._thread.join()
        if self._alarms is not None:
            self._alarms.close()

    def _work(self) -> None:
        while not self._closed.wait(_SECONDS):
            for model in self._models():
                try:
                    self._tell(model)
                except Exception as error:  # whatever it is, the next look may find what matters
                    how = None if isinstance(error, BlemishError) else error
                    _log.error("drift of model %s is not looked for: %s", model, error, exc_info=how)

    def _tell(self, model: str) -> None:
        found = {(model, at.station, drift.quantity): drift for at in self._look.of(model) for drift in at.found}
        for which, drift in found.items():
            if which not in self._now:
                _log.warning(
                    "model %s, %s: photos have become others than those calibrated with: %s", *which[:2], drift
                )
                self._post(drift, which, is_over=False)
        seen = monotonic()
        self._now |= {which: (drift, seen) for which, drift in found.items()}
        for which, (drift, last) in list(self._now.items()):
            if which[0] == model and last < seen and seen - last >= _CALM:
                _log.warning("model %s, %s: %s is no more what has moved", *which)
                del self._now[which]
                self._post(drift, which, is_over=True)

    def _post(self, drift: Drift, which: tuple[str, str, str], *, is_over: bool) -> None:
        if self._alarms is not None:
            self._alarms.tell(drift_alarm(drift, model=which[0], station=which[1], is_over=is_over))
