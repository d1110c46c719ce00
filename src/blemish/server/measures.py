"""What Prometheus reads of the server."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from blemish.history.verdict import StoredVerdict

_SECONDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


class Measures:
    """The figures of one server, which has a registry of its own."""

    def __init__(self) -> None:
        own = self.registry = CollectorRegistry()
        self._verdicts = Counter("blemish_verdicts", "Verdicts.", ("model", "station", "verdict"), registry=own)
        self._seconds = Histogram("blemish_judging_seconds", "Per photo.", ("model",), buckets=_SECONDS, registry=own)
        self._scores = Gauge("blemish_anomaly_score", "Of the last photo.", ("model", "station"), registry=own)
        self._refused = Counter("blemish_refused_photos", "Photos turned away.", registry=own)
        self._unkept = Counter("blemish_unkept_photos", "Photos that could not be kept.", registry=own)
        self.waiting = Gauge("blemish_waiting_photos", "Photos in the queue.", registry=own)
        self.drift = Gauge("blemish_drift", "1: photos have moved.", ("model", "station", "quantity"), registry=own)
        self.threshold = Gauge("blemish_threshold", "Above it a score is anomalous.", ("model",), registry=own)

    def judged(self, stored: StoredVerdict, seconds: float) -> None:
        """Counts a verdict."""
        self._verdicts.labels(stored.model, stored.station, stored.verdict).inc()
        self._seconds.labels(stored.model).observe(seconds)
        if stored.anomaly_score is not None:
            self._scores.labels(stored.model, stored.station).set(stored.anomaly_score)

    def refused(self) -> None:
        """Counts a photo that was turned away."""
        self._refused.inc()

    def unkept(self) -> None:
        """Counts a photo that could not be kept, as where the disk is full."""
        self._unkept.inc()

    def text(self) -> bytes:
        """Returns all figures in Prometheus's format."""
        return generate_latest(self.registry)
