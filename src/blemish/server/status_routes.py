"""Whether the server lives, takes photos, and how it fares; and who is asking."""

import logging

from fastapi import APIRouter, Response

from blemish.errors import HistoryError
from blemish.history.reading import names_seen
from blemish.server.access import AskedBy, StationOf, tokens_needed
from blemish.server.faults import FAULTS, FaultError
from blemish.server.replies import HealthReply, ReadyReply, SessionReply
from blemish.version import __version__

_log = logging.getLogger("blemish")

STATUS_ROUTES = APIRouter(tags=["status"], responses=FAULTS)


@STATUS_ROUTES.get("/health")
async def health() -> HealthReply:
    """Says that the server lives: in the event loop, also while all threads wait for a database that is away."""
    return HealthReply(status="ok", blemish_version=__version__)


@STATUS_ROUTES.get("/ready")
def ready(at: StationOf) -> ReadyReply:
    """Says that the server takes photos, and that its history takes verdicts; 503 where not.

    What is in trouble besides, such as a full disk where photos are to be kept, is in `troubles`.
    """
    if not at.ready:
        raise FaultError(503, "shutting_down", "the server is shutting down", retry_after=5)
    at.history_check.check()
    kind = "sqlite" if at.history.is_sqlite else "postgresql"
    return ReadyReply(status="ready", models=list(at.models), history=kind, troubles=at.troubles.lines)


@STATUS_ROUTES.get("/metrics", response_class=Response)
def metrics(at: StationOf, _asker: AskedBy) -> Response:
    """Returns figures for Prometheus; those of drift are as they were where the history cannot be read."""
    at.measures.waiting.set(at.in_flight)
    for name, model in at.models.items():
        at.measures.threshold.labels(name).set(model.now.predictor.threshold)
    try:
        at.drift.measure()
    except HistoryError as error:
        _log.error("drift is not measured: %s", error)
    return Response(at.measures.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


@STATUS_ROUTES.get("/api/session")
def session(at: StationOf, asker: AskedBy) -> SessionReply:
    """Says who is asking, and what a page needs to know of the server."""
    _, stations = names_seen(at.history)
    kept = "none" if at.photos is None else at.settings.keep
    return SessionReply(
        user=asker.name,
        role=asker.role,
        tokens_needed=tokens_needed(at),
        models=list(at.models),
        stations=list(stations),
        workshop=at.workshop is not None,
        photos_kept=kept,
        draw=at.settings.draw,
        blemish_version=__version__,
    )
