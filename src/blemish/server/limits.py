"""What every request and answer goes through: a limit of bytes that is kept while they arrive, and headers that tell
browsers to run nothing but the page's own files."""

import asyncio
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from blemish.server.faults import FaultError, fault, unforeseen_fault

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; font-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
_BYTES_OF_OTHERS = 1 << 20  # of a request that brings no photo
_BRINGS_PHOTOS = ("/judge", "/judge-many")


class RequestLimits:
    """A layer that lies around the whole application."""

    def __init__(self, app: ASGIApp, *, most_bytes: int, timeout: float) -> None:
        self._app, self._most, self._timeout = app, most_bytes, timeout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send)
        most = self._most if scope["path"].endswith(_BRINGS_PHOTOS) else min(self._most, _BYTES_OF_OTHERS)
        too_many = fault(413, "too_large", f"a request may have {most} bytes: send smaller photos, or fewer at once")
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if not length.isdigit() or int(length) > most:
            await too_many(scope, receive, answer.send)
            return
        body = _Body(receive, most, self._timeout)
        try:
            await self._app(scope, body.receive, answer.send)
        except Exception as error:  # answered here, for what is answered further out has no headers of ours
            if answer.has_begun:
                raise
            await unforeseen_fault(error)(scope, receive, answer.send)


class _Body:
    """The body of a request as it arrives: no more bytes than allowed, and no longer than that takes."""

    def __init__(self, receive: Receive, most: int, timeout: float) -> None:
        self._receive, self._most = receive, most
        self._until = time.monotonic() + timeout
        self._bytes, self._whole = 0, False

    async def receive(self) -> Message:
        if self._whole:
            return await self._receive()  # that the client has gone: this may take as long as the answer
        try:
            message = await asyncio.wait_for(self._receive(), max(0.001, self._until - time.monotonic()))
        except TimeoutError:
            raise FaultError(408, "too_slow", "the request did not arrive in time: send it again") from None
        self._bytes += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._bytes > self._most:
            raise FaultError(413, "too_large", f"a request may have {self._most} bytes: send smaller photos")
        return message


class _Answer:
    """The answer to a request as it is sent, with the headers that every answer has."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.has_begun = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.has_begun = True
            present = {name.lower() for name, _ in message["headers"]}
            message["headers"] = [
                *message["headers"],
                *((n.encode(), v.encode()) for n, v in _HEADERS.items() if n.lower().encode() not in present),
                *([] if b"cache-control" in present else [(b"cache-control", b"no-store")]),
            ]
        await self._send(message)
