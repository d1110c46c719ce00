"""The HTTP application: routes, limits, errors, and the page."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.staticfiles import StaticFiles

from blemish.server.engineer_routes import ENGINEER_ROUTES
from blemish.server.faults import add_fault_handlers
from blemish.server.figures_routes import FIGURES_ROUTES
from blemish.server.judge_routes import JUDGE_ROUTES
from blemish.server.level_routes import LEVEL_ROUTES
from blemish.server.limits import RequestLimits
from blemish.server.live_routes import LIVE_ROUTES
from blemish.server.model_routes import MODEL_ROUTES
from blemish.server.region_routes import REGION_ROUTES
from blemish.server.station import Station
from blemish.server.status_routes import STATUS_ROUTES
from blemish.server.verdict_routes import VERDICT_ROUTES
from blemish.server.workshop_routes import WORKSHOP_ROUTES
from blemish.version import __version__

_ROUTES = (
    *(STATUS_ROUTES, JUDGE_ROUTES, VERDICT_ROUTES, MODEL_ROUTES, REGION_ROUTES, FIGURES_ROUTES, ENGINEER_ROUTES),
    *(LIVE_ROUTES, LEVEL_ROUTES, WORKSHOP_ROUTES),
)
_PAGE = Path(__file__).with_name("static")


def create_app(station: Station) -> FastAPI:
    """Returns the application that answers for a station, which is closed with it."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(station.close)

    app = FastAPI(
        title="Blemish",
        version=__version__,
        summary="Visual inspection that learns from good parts only.",
        openapi_url="/api/openapi.json",
        docs_url=None,  # pages that load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.station = station
    add_fault_handlers(app)
    for routes in _ROUTES:
        app.include_router(routes)
    app.mount("/", StaticFiles(directory=_PAGE, html=True), name="page")
    app.add_middleware(RequestLimits, most_bytes=station.settings.most_bytes, timeout=station.settings.timeout)
    return app
