"""Errors as the server answers them: one shape of JSON, a code for programs and one line for people."""

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from blemish.errors import (
    ArtifactError,
    BlemishError,
    DataError,
    ExportError,
    HistoryError,
    HistoryUnavailableError,
    MissingExtraError,
    OutputError,
    SettingsError,
)
from blemish.server.replies import FaultReply
from blemish.wording import on_one_line

_log = logging.getLogger("blemish")

_STATUS: dict[type[BlemishError], tuple[int, str]] = {
    DataError: (422, "unusable_photo"),
    SettingsError: (422, "bad_setting"),
    HistoryError: (500, "history_refused"),
    OutputError: (507, "cannot_write"),
    ArtifactError: (500, "model_unusable"),
    ExportError: (500, "proof_failed"),
    MissingExtraError: (500, "not_installed"),
}
_SECONDS_AWAY = 5  # after which to ask again, where the history cannot be used
_CODES = {400: "bad_request", 401: "no_token", 403: "not_allowed", 404: "not_found", 405: "wrong_method"}


class FaultError(HTTPException):
    """An error that is answered as it says.

    It is one of HTTP's, for what else is raised while a body arrives FastAPI takes for a body that cannot be read.
    """

    def __init__(self, status: int, code: str, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(status, message)
        self.code, self.retry_after = code, retry_after

    def __str__(self) -> str:
        return str(self.detail)


def fault(status: int, code: str, message: str, *, retry_after: int | None = None) -> JSONResponse:
    """Returns the answer to a request that failed."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if status in (408, 413):
        headers["Connection"] = "close"  # what is still under way is not waited for
    return JSONResponse({"error": {"code": code, "message": on_one_line(message)}}, status, headers)


def add_fault_handlers(app: FastAPI) -> None:
    """Lets whatever goes wrong in `app` be answered in the one shape; in the event loop, for in threads the line's
    answers would wait for the pages."""

    @app.exception_handler(FaultError)
    async def ours(_request: Request, error: FaultError) -> JSONResponse:
        return fault(error.status_code, error.code, str(error), retry_after=error.retry_after)

    @app.exception_handler(HistoryUnavailableError)
    async def away(request: Request, error: HistoryUnavailableError) -> JSONResponse:
        request.app.state.station.troubles.say("history", error)
        return fault(503, "history_unavailable", str(error), retry_after=_SECONDS_AWAY)

    @app.exception_handler(BlemishError)
    async def blemish(_request: Request, error: BlemishError) -> JSONResponse:
        status, code = _STATUS.get(type(error), (500, "failed"))
        if status >= 500:
            _log.error("%s", error)
        return fault(status, code, str(error))

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        first: dict[str, Any] = dict(error.errors()[0])
        place = ".".join(str(part) for part in first["loc"])
        return fault(422, "invalid_request", f"{place}: {first['msg']}")

    @app.exception_handler(HTTPException)
    async def http(_request: Request, error: HTTPException) -> JSONResponse:
        return fault(error.status_code, _CODES.get(error.status_code, "failed"), str(error.detail))


def unforeseen_fault(error: Exception) -> JSONResponse:
    """Returns the answer to a request that met a mistake of ours, which goes to the log."""
    _log.error("a request failed", exc_info=error)
    return fault(500, "failed", "a mistake in blemish, not yours: the server's log has the details")


FAULTS: dict[int | str, dict[str, Any]] = {
    status: {"model": FaultReply, "description": words}
    for status, words in (
        (401, "A token is needed, or is unknown or revoked."),
        (403, "The token's role may not do this."),
        (404, "There is no such model, verdict or page."),
        (422, "The photo cannot be read, or a value means nothing."),
        (503, "Too many photos wait, or the history cannot be used: come again after Retry-After seconds."),
    )
}
"""The errors that most addresses may answer, for OpenAPI."""
