"""The other sides of receivers: an address that takes posts, and a broker of MQTT."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Posts:
    """What was posted; `answers` are the codes that it gives next, 200 where there are none."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        self.port = free_port()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/verdicts"

    @contextmanager
    def open(self) -> Iterator["Posts"]:
        """Listens, in here."""
        posts = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                code = posts.answers.pop(0) if posts.answers else 200
                posts.requests.append((dict(self.headers), body))
                if code == 200:
                    posts.taken.append(json.loads(body))
                self.send_response(code)
                if code == 302:
                    self.send_header("Location", posts.address)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


class Messages:
    """What was published to a broker, by topic."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.topics: list[str] = []
        self.statuses: list[str] = []
        self.port = free_port()

    @property
    def address(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    @contextmanager
    def open(self) -> Iterator["Messages"]:
        """A broker is there, in here, and this subscribes to all of it."""
        from amqtt.broker import Broker
        from paho.mqtt.client import Client, MQTTMessage
        from paho.mqtt.enums import CallbackAPIVersion

        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        config = {
            "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{self.port}"}},
            "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        }

        async def begin() -> Any:
            broker = Broker(config)
            await broker.start()
            return broker

        broker = asyncio.run_coroutine_threadsafe(begin(), loop).result(10)
        client = Client(CallbackAPIVersion.VERSION2)
        subscribed = threading.Event()

        def take(_client: Client, _data: Any, message: MQTTMessage) -> None:
            self.topics.append(message.topic)
            if message.topic.endswith("/status"):
                self.statuses.append(message.payload.decode())
            else:
                self.taken.append(json.loads(message.payload))

        client.on_message = take
        client.on_subscribe = lambda *_: subscribed.set()
        client.connect("127.0.0.1", self.port)
        client.subscribe("blemish/#", qos=1)
        client.loop_start()
        assert subscribed.wait(10)
        try:
            yield self
        finally:
            client.disconnect()
            client.loop_stop()
            asyncio.run_coroutine_threadsafe(broker.shutdown(), loop).result(10)
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
