"""Somebody is told when photos of a station have moved, though nobody looks: by a line, and by a post where asked."""

import logging
import threading
from collections.abc import Callable, Iterable

from blemish.calibration.drift import Drift
from blemish.errors import BlemishError
from blemish.results.alarms import Alarms, drift_alarm
from blemish.results.webhook import Webhook
from blemish.server.drift_look import DriftLook

_log = logging.getLogger("blemish")

_SECONDS = 60.0  # between two looks


class DriftAlarms:
    """A thread that looks for drift until it is closed, and tells each once when it is found, and when it is over."""

    def __init__(self, look: DriftLook, models: Callable[[], Iterable[str]], webhook: Webhook | None) -> None:
        self._look, self._models = look, models
        self._alarms = None if webhook is None else Alarms(webhook)
        self._now: dict[tuple[str, str, str], Drift] = {}
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
        for which in [which for which in self._now if which[0] == model and which not in found]:
            _log.warning("model %s, %s: %s has moved back, or photos are compared with others now", *which)
            self._post(self._now.pop(which), which, is_over=True)
        self._now |= found

    def _post(self, drift: Drift, which: tuple[str, str, str], *, is_over: bool) -> None:
        if self._alarms is not None:
            self._alarms.tell(drift_alarm(drift, model=which[0], station=which[1], is_over=is_over))
