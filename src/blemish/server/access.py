"""Who may ask for what: tokens in the header `Authorization: Bearer TOKEN`, and no cookie that a foreign page could
make a browser send."""

from typing import Annotated, cast
from urllib.parse import urlsplit

from anyio import to_thread
from fastapi import Depends, Request

from blemish.history.audit import LOCAL
from blemish.history.users import Role, any_token_given, user_of_token
from blemish.server.faults import FaultError
from blemish.server.station import Station

_OF_PROXIES = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via")
"""Headers of requests that a proxy on this machine hands on, which come from anywhere."""
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


class Asker:
    """The one who is asking."""

    def __init__(self, name: str, role: Role) -> None:
        self.name, self.role = name, role


async def station_of(request: Request) -> Station:
    """Returns the running server's state; in the event loop, where no thread need be waited for."""
    return _station_in(request)


def _station_in(request: Request) -> Station:
    return cast(Station, request.app.state.station)


def tokens_needed(station: Station) -> bool:
    """Returns whether a request needs a token: where others than this machine can ask, or any was ever given out."""
    return not station.settings.is_loopback or any_token_given(station.history)


def asker_of(request: Request) -> Asker:
    """Returns who asks, an operator at least; raises FaultError for a token that is missing or of no use, and for a
    foreign page's request."""
    station = _station_in(request)
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer" and token.strip():
        user = user_of_token(station.history, token.strip())
        if user is None:
            raise FaultError(401, "unknown_token", "the token is unknown or revoked: ask an engineer for another")
        return Asker(user.name, user.role)
    if tokens_needed(station):
        raise FaultError(401, "no_token", "a token is needed: send the header Authorization: Bearer TOKEN")
    if any(name in request.headers for name in _OF_PROXIES):
        raise FaultError(
            401,
            "no_token",
            "who comes through a proxy needs a token: make one with `blemish token NAME --role engineer`",
        )
    _check_origin(request)
    return Asker(LOCAL, "engineer")


async def line_asker_of(request: Request) -> Asker:
    """Returns who asks as `asker_of` does, in threads that no page can take: photos of the line wait for none."""
    return await to_thread.run_sync(asker_of, request, limiter=_station_in(request).line_threads)


def engineer_of(asker: Annotated[Asker, Depends(asker_of)]) -> Asker:
    """Returns who asks, an engineer; raises FaultError for an operator."""
    if asker.role != "engineer":
        raise FaultError(403, "engineers_only", f"{asker.name} is an operator: this is for engineers")
    return asker


def _check_origin(request: Request) -> None:
    """Raises FaultError where a browser says that another site's page asks, or where the server is reached by a name
    that is not this machine's: without tokens, any page could ask through the browser of whoever opens it. A token is
    sent by nobody but who has it."""
    host = request.headers.get("Host", "")
    origin = request.headers.get("Origin")
    if origin is not None and origin.partition("://")[2] != host:
        raise FaultError(403, "foreign_page", "a page of another site may not ask this server")
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise FaultError(403, "foreign_page", "a page of another site may not ask this server")
    if _name_of(host) not in _LOOPBACK_NAMES:
        raise FaultError(403, "foreign_name", "this server is asked as localhost or 127.0.0.1 alone")


def _name_of(host: str) -> str | None:
    """Returns the name or address in a header Host; None where it is none."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


StationOf = Annotated[Station, Depends(station_of)]
AskedBy = Annotated[Asker, Depends(asker_of)]
AskedByLine = Annotated[Asker, Depends(line_asker_of)]
AskedByEngineer = Annotated[Asker, Depends(engineer_of)]
