"""What Prometheus reads of the server."""

from collections.abc import Collection

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from blemish.history.verdict import StoredVerdict

_MOST_STATIONS = 256
_OTHERS = "(others)"
"""What stations beyond so many are counted as: their names come from whoever sends photos, and each stays in memory."""
_SECONDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


class Measures:
    """The figures of one server, which has a registry of its own."""

    def __init__(self) -> None:
        own = self.registry = CollectorRegistry()
        self._verdicts = Counter("blemish_verdicts", "Verdicts.", ("model", "station", "verdict"), registry=own)
        self._seconds = Histogram("blemish_judging_seconds", "Per photo.", ("model",), buckets=_SECONDS, registry=own)
        self._scores = Gauge("blemish_anomaly_score", "Of the last photo.", ("model", "station"), registry=own)
        self._stations, self._drifted = set[str](), set[tuple[str, str, str]]()
        self._refused = Counter("blemish_refused_photos", "Photos turned away.", registry=own)
        self._unkept = Counter("blemish_unkept_photos", "Photos that could not be kept.", registry=own)
        self.waiting = Gauge("blemish_waiting_photos", "Photos in the queue.", registry=own)
        self._drift = Gauge("blemish_drift", "1: photos have moved.", ("model", "station", "quantity"), registry=own)
        self.threshold = Gauge("blemish_threshold", "Above it a score is anomalous.", ("model",), registry=own)

    def judged(self, stored: StoredVerdict, seconds: float) -> None:
        """Counts a verdict."""
        station = self._station(stored.station)
        self._verdicts.labels(stored.model, station, stored.verdict).inc()
        self._seconds.labels(stored.model).observe(seconds)
        if stored.anomaly_score is not None:
            self._scores.labels(stored.model, station).set(stored.anomaly_score)

    def drifted(self, found: Collection[tuple[str, str, str]]) -> None:
        """Takes (model, station, quantity) of all that has moved; what has moved back is no longer told."""
        now = {(model, self._station(station), quantity) for model, station, quantity in found}
        for labels in now:
            self._drift.labels(*labels).set(1)
        for labels in self._drifted - now:
            self._drift.remove(*labels)
        self._drifted = now

    def _station(self, name: str) -> str:
        if name not in self._stations and len(self._stations) >= _MOST_STATIONS:
            return _OTHERS
        self._stations.add(name)
        return name

    def refused(self) -> None:
        """Counts a photo that was turned away."""
        self._refused.inc()

    def unkept(self) -> None:
        """Counts a photo that could not be kept, as where the disk is full."""
        self._unkept.inc()

    def text(self) -> bytes:
        """Returns all figures in Prometheus's format."""
        return generate_latest(self.registry)
