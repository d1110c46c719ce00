"""Asks a server for a file: soon an error where there is no network, patience where there is one."""

import socket
from collections.abc import Callable
from http.client import HTTPResponse
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread
from typing import TypeVar
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass, urlopen

_T = TypeVar("_T")

ANSWER_SECONDS = 10.0  # connection and first answer, for which a proxy may take its time
_NAME_SECONDS = 1.6  # without a network no name is found, and the error comes within two seconds
_STALL_SECONDS = 30.0


def ask(url: str) -> HTTPResponse:
    """Returns the server's answer, or raises an OSError soon: in threads, because a name lookup has no time limit."""
    host, port = _first_host(url)
    _within(_NAME_SECONDS, lambda: socket.getaddrinfo(host, port), failure=f"{host} not found", late=lambda _: None)
    return _within(ANSWER_SECONDS, lambda: _opened(url), failure="no answer", late=HTTPResponse.close)


def _opened(url: str) -> HTTPResponse:
    response: HTTPResponse = urlopen(url, timeout=_STALL_SECONDS)
    return response


def _first_host(url: str) -> tuple[str, int | None]:
    """Returns whose name must be found: the server's, or that of the proxy that is asked in its place."""
    asked = urlsplit(url)
    proxy = getproxies().get(asked.scheme)
    if proxy and not proxy_bypass(asked.netloc):
        asked = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    return asked.hostname or "", asked.port


def _within(seconds: float, do: Callable[[], _T], *, failure: str, late: Callable[[_T], object]) -> _T:
    """Returns or raises what `do` does, or a TimeoutError after so many seconds; what comes later is handed to
    `late`."""
    results: SimpleQueue[_T | Exception] = SimpleQueue()
    given_up, turn = Event(), Lock()

    def run() -> None:
        result: _T | Exception
        try:
            result = do()
        except Exception as error:
            result = error
            if isinstance(error, HTTPError):
                error.close()  # it is a response too, and holds the connection
        with turn:
            if not given_up.is_set():
                results.put(result)
                return
        if not isinstance(result, Exception):
            late(result)

    Thread(target=run, daemon=True).start()
    try:
        result = results.get(timeout=seconds)
    except Empty:
        with turn:
            given_up.set()
            if results.empty():
                raise TimeoutError(f"{failure} within {seconds} s") from None
        result = results.get()
    if isinstance(result, Exception):
        raise result
    return result
