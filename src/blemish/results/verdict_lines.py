"""Verdicts as lines of text over TCP, for controllers of machines (PLCs): one line a photo, to whoever is connected."""

import logging
import selectors
import socket
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from time import sleep

from blemish.errors import SettingsError
from blemish.inference.prediction import UNREADABLE
from blemish.results.delivery import Delivery
from blemish.wording import on_one_line

WORDS = {"normal": "OK", "check": "CHECK", "anomalous": "NG", "unusual": "UNUSUAL", UNREADABLE: "ERR"}
"""What a line begins with, by the verdict."""
_MOST_UNREAD = 1 << 16  # bytes that wait for a client: one that does not read them is sent away
_LONGEST_ASKED = 4096  # bytes of a name that a client asks for
_MOST_CLIENTS = 64
_PAUSE = 0.1  # seconds

_log = logging.getLogger("blemish")


@dataclass(eq=False)
class LineClient:
    """A client that is connected, and what is on its way to and from it."""

    socket: socket.socket
    address: str
    unsent: bytearray = field(default_factory=bytearray)
    unread: bytearray = field(default_factory=bytearray)


Asked = Callable[[str, LineClient], object]
"""Told, in the server's thread, which name a client has sent."""


class VerdictLines:
    """Sends lines to all clients from a thread of its own: one that is slow or gone never holds a verdict up."""

    def __init__(self, address: str, *, on_asked: Asked) -> None:
        """Listens at HOST:PORT, or at a port of this machine alone; raises SettingsError where it cannot."""
        host, port = _host_and_port(address)
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            self._listener = socket.create_server((host, port), family=family)
        except OSError as error:
            raise SettingsError(f"plc: cannot listen at {host}:{port} ({error.strerror or error})") from error
        self._listener.setblocking(False)
        self._on_asked = on_asked
        self._orders: deque[tuple[bytes, LineClient | None]] = deque()
        self._clients: set[LineClient] = set()
        self._waker, self._woken = socket.socketpair()
        for end in (self._waker, self._woken):
            end.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._ending = False
        self._thread = threading.Thread(target=self._work, name="lines", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port that is listened at."""
        return int(self._listener.getsockname()[1])

    def send(self, line: str, to: LineClient | None = None) -> None:
        """Sends a line to one client, or to all; returns at once."""
        self._orders.append((f"{on_one_line(line)}\r\n".encode(), to))
        self._wake()

    def close(self) -> None:
        """Sends what waits, as far as clients take it at once, and lets go of them."""
        self._ending = True
        self._wake()
        self._thread.join(5)

    def _wake(self) -> None:
        with suppress(OSError):  # full: it will wake anyway
            self._waker.send(b"!")

    def _work(self) -> None:
        while not self._ending:
            for key, happened in self._selector.select():
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj is self._woken:
                    with suppress(BlockingIOError):
                        self._woken.recv(4096)
                elif happened & selectors.EVENT_READ:
                    self._read(key.data)
            self._hand_out()
        for client in list(self._clients):
            self._let_go(client)
        for end in (self._listener, self._waker, self._woken):
            end.close()
        self._selector.close()

    def _accept(self) -> None:
        try:
            connection, address = self._listener.accept()
        except BlockingIOError:
            return  # it is gone again
        except OSError:
            sleep(_PAUSE)  # there are too many files open: it waits
            return
        if len(self._clients) == _MOST_CLIENTS:
            _log.warning("client %s:%s is sent away: %d are connected", *address[:2], _MOST_CLIENTS)
            connection.close()
            return
        connection.setblocking(False)
        with suppress(OSError):  # some systems refuse these for a connection that is gone again
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client = LineClient(connection, f"{address[0]}:{address[1]}")
        self._clients.add(client)
        self._selector.register(connection, selectors.EVENT_READ, client)

    def _read(self, client: LineClient) -> None:
        try:
            data = client.socket.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._let_go(client)
            return
        client.unread += data
        while b"\n" in client.unread:
            line, _, rest = client.unread.partition(b"\n")
            client.unread = rest
            if name := line.decode("utf-8", "surrogateescape").strip("\r\n \x00"):
                self._ask(name, client)
        if len(client.unread) > _LONGEST_ASKED:
            self._let_go(client, "sends a line without end")

    def _ask(self, name: str, client: LineClient) -> None:
        try:
            self._on_asked(name, client)
        except Exception:  # a mistake of whoever answers must end the lines of no client
            _log.exception("what %s asked for is not answered", client.address)

    def _hand_out(self) -> None:
        while self._orders:
            line, to = self._orders.popleft()
            for client in self._clients if to is None else self._clients & {to}:
                client.unsent += line
        for client in list(self._clients):
            if client.unsent:
                self._write(client)

    def _write(self, client: LineClient) -> None:
        try:
            del client.unsent[: client.socket.send(client.unsent)]
        except BlockingIOError:
            pass
        except OSError:
            self._let_go(client)
            return
        if len(client.unsent) > _MOST_UNREAD:
            self._let_go(client, "does not read its verdicts")
            return
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.unsent else 0)
        self._selector.modify(client.socket, events, client)

    def _let_go(self, client: LineClient, why: str = "") -> None:
        if why:
            _log.warning("client %s of the line protocol %s: it is let go", client.address, why)
        self._clients.discard(client)
        self._selector.unregister(client.socket)
        client.socket.close()


def verdict_line(delivery: Delivery) -> str:
    """Returns WORD;SCORE;THRESHOLD;ID;NAME of a judged photo; of one that could not be read, two fields are empty."""
    record = delivery.record
    figures = [record.get(field) for field in ("anomaly_score", "threshold")]
    shown = ["" if figure is None else f"{figure:.6g}" for figure in figures]
    return ";".join([WORDS[record["verdict"]], *shown, delivery.id, record["name"]])


def not_judged_line(name: str) -> str:
    """Returns the answer to who asks for a photo that is not there: as of one that cannot be read, without an id."""
    return ";".join([WORDS[UNREADABLE], "", "", "", name])


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not port.isdecimal() or int(port) > 65535:
        raise SettingsError(f"plc: {address!r} is no address; give HOST:PORT, such as 0.0.0.0:7070, or a port alone")
    return host.strip("[]") or "127.0.0.1", int(port)
