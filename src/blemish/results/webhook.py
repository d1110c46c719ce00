"""Verdicts to an address of the user's: one HTTP POST each, signed."""

import hashlib
import hmac
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from blemish.errors import DataError, OutputError, SettingsError
from blemish.results.addresses import split_address
from blemish.results.delivery import Delivery
from blemish.version import __version__

_SECONDS = 10.0  # that the other side may take for an answer
_REFUSED = (400, 413, 415, 422)
"""Answers that speak of the record itself; all others may be mended by who runs the other side."""


class Webhook:
    """A receiver that posts each record as JSON; any answer of 200 to 299 means that it was taken."""

    name = "webhook"

    def __init__(self, address: str, *, secret: bytes | None = None) -> None:
        """Signs with `secret` where there is one; raises SettingsError for what is no address."""
        parts = split_address(address, schemes=("http", "https"), what="webhook", example="https://HOST/PATH")
        if not all(c.isascii() and c.isprintable() and c != " " for c in parts.path + parts.query):
            raise SettingsError(f"webhook: {address!r} is no address; give it with %20 for a space, and the like")
        if "@" in parts.netloc:
            raise SettingsError("webhook: who asks is told by the signature, not by a name and password in the address")
        self._address = address
        self._secret = secret
        self._opener = urllib.request.build_opener(_NoRedirects)

    def resume(self, state: str) -> str:
        """Needs no state: the other side tells records by their id."""
        return state

    def deliver(self, deliveries: Sequence[Delivery]) -> tuple[int, str]:
        """Posts the first of these; raises OutputError where there is no answer or another one, DataError where the
        record is refused."""
        body = json.dumps(deliveries[0].record).encode()
        request = urllib.request.Request(self._address, body, self._headers(deliveries[0], body), method="POST")
        try:
            with self._opener.open(request, timeout=_SECONDS):
                return 1, ""
        except urllib.error.HTTPError as error:
            with error:
                answer = f"answers {error.code} {error.reason}"
            if error.code in _REFUSED:
                raise DataError(answer) from error
            raise OutputError(f"{self._place} {answer}") from error
        except (OSError, http.client.HTTPException) as error:
            raise OutputError(f"{self._place} cannot be reached ({getattr(error, 'reason', error)})") from error

    def close(self) -> None:
        """Has nothing open."""

    @property
    def _place(self) -> str:
        """The address without what may be a secret in it."""
        parts = urlsplit(self._address)
        return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"

    def _headers(self, delivery: Delivery, body: bytes) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"blemish/{__version__}",
            "X-Blemish-Id": delivery.id,
        }
        if self._secret is not None:
            timestamp = str(int(datetime.now(UTC).timestamp()))
            headers["X-Blemish-Timestamp"] = timestamp
            headers["X-Blemish-Signature"] = f"v1={signature_of(body, timestamp, secret=self._secret)}"
        return headers


def signature_of(body: bytes, timestamp: str, *, secret: bytes) -> str:
    """Returns the HMAC-SHA256, in hex digits, of the timestamp, a full stop and the body."""
    return hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def secret_in(file: Path, *, what: str) -> bytes:
    """Returns the secret that a file holds, without line breaks at its end; raises SettingsError, which names `what`
    it is for."""
    try:
        secret = file.read_bytes().rstrip(b"\r\n")
    except OSError as error:
        raise SettingsError(f"{what}: {file} cannot be read ({error.strerror}); check path and permissions") from error
    if not secret:
        raise SettingsError(f"{what}: {file} is empty; write the secret into it, on one line")
    return secret


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Takes an answer that leads elsewhere for a failure: followed, a POST becomes a GET and loses its record."""

    def redirect_request(self, *_: Any) -> None:
        return None
