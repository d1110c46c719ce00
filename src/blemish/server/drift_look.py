"""Drift of all models and stations, looked up in the history no more than once a minute."""

import threading
import time
from collections.abc import Callable, Mapping

from blemish.history.drifting import StationDrift, drift_at, stations_of
from blemish.history.opening import History
from blemish.server.measures import Measures
from blemish.server.served_model import ServedModel

_SECONDS = 60.0


class DriftLook:
    """Says what has moved, as it was found a minute ago at most."""

    def __init__(self, models: Callable[[], Mapping[str, ServedModel]], history: History, measures: Measures) -> None:
        self._models, self._history, self._measures = models, history, measures
        self._looking, self._measuring = threading.Lock(), threading.Lock()
        self._found: dict[str, tuple[float, str, list[StationDrift]]] = {}

    def of(self, name: str) -> list[StationDrift]:
        """Returns what has moved at each station that the model has judged photos of; raises HistoryError."""
        opened = self._models()[name].now
        state = opened.opened_at.isoformat()
        with self._looking:
            looked, of_state, found = self._found.get(name, (-_SECONDS, "", []))
            if of_state == state and time.monotonic() - looked < _SECONDS:
                return found
            found = [
                drift_at(
                    self._history,
                    station,
                    model=name,
                    weights_sha256=opened.artifact.weights_sha256,
                    calibration=opened.predictor.calibration,
                )
                for station in stations_of(self._history, name)
            ]
            found = [each for each in found if each.photos]
            self._found[name] = time.monotonic(), state, found
            return found

    def measure(self) -> None:
        """Puts it among the figures for Prometheus."""
        looked = {name: self.of(name) for name in self._models()}
        with self._measuring:
            self._measures.drifted(
                [
                    (name, each.station, drift.quantity)
                    for name, found in looked.items()
                    for each in found
                    for drift in each.found
                ]
            )
