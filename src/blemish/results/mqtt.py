"""Verdicts to an MQTT broker, by topic of station and model, at least once (QoS 1)."""

import json
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from blemish.errors import MissingExtraError, OutputError, SettingsError
from blemish.results.addresses import split_address
from blemish.results.delivery import Delivery

if TYPE_CHECKING:
    from paho.mqtt.client import Client

_SECONDS = 10.0  # that the broker may take to answer
_PORTS = {"mqtt": 1883, "mqtts": 8883}


class Mqtt:
    """A receiver that publishes each record as JSON under blemish/STATION/MODEL, and waits until the broker has it.

    Under blemish/STATION/MODEL/status it leaves `online`, retained, as soon as it begins; `offline` when it ends, or is
    no longer heard of.
    """

    name = "MQTT"

    def __init__(self, address: str, *, station: str, model: str, password: bytes | None = None) -> None:
        """Takes mqtt://USER@HOST:PORT, or mqtts:// with TLS; raises SettingsError, and MissingExtraError."""
        example = "mqtt://HOST:1883, or mqtts://USER@HOST:8883"
        parts = split_address(address, schemes=tuple(_PORTS), what="mqtt", example=example)
        if parts.path.strip("/") or not parts.hostname:
            raise SettingsError(f"mqtt: {address!r} is no broker; give {example}")
        if parts.password is not None:
            raise SettingsError("mqtt: a password in an address can be read by everybody; give --mqtt-password FILE")
        if password is not None and not parts.username:
            raise SettingsError(f"mqtt_password is of a user, and {address!r} names none; give {example}")
        _need_paho()
        self._tls = parts.scheme == "mqtts"
        self._host, self._port = parts.hostname, parts.port or _PORTS[parts.scheme]
        self._user, self._password = unquote(parts.username or ""), password
        self.topic = f"blemish/{topic_level(station)}/{topic_level(model)}"
        self._client: Client | None = None

    def resume(self, state: str) -> str:
        """Connects, so that the broker says that the station is there; raises OutputError. Needs no state: the other
        side tells records by their id."""
        with self._reaching():
            self._connected()
        return state

    def deliver(self, deliveries: Sequence[Delivery]) -> tuple[int, str]:
        """Publishes all of these, and returns when the broker has them; raises OutputError."""
        with self._reaching():
            client = self._connected()
            sent = [client.publish(self.topic, json.dumps(delivery.record), qos=1) for delivery in deliveries]
            for message in sent:
                message.wait_for_publish(_SECONDS)
                if not message.is_published():
                    raise OutputError(f"{self._host}:{self._port} does not confirm what it was sent")
        return len(deliveries), ""

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        """Makes one line of whatever goes wrong with the broker, and lets go of the connection, which is made anew."""
        try:
            yield
        except (OSError, ValueError, RuntimeError) as error:
            self._drop()
            if isinstance(error, OutputError):
                raise
            raise OutputError(f"{self._host}:{self._port} cannot be reached ({error})") from error

    def close(self) -> None:
        """Says that nothing more comes."""
        if self._client is not None and self._client.is_connected():
            self._client.publish(f"{self.topic}/status", "offline", qos=1, retain=True).wait_for_publish(2)
        self._drop()

    def _connected(self) -> "Client":
        if self._client is not None and self._client.is_connected():
            return self._client
        self._drop()
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        self._client = client = Client(CallbackAPIVersion.VERSION2)
        if self._user:
            client.username_pw_set(self._user, None if self._password is None else self._password.decode())
        if self._tls:
            client.tls_set()
        client.will_set(f"{self.topic}/status", "offline", qos=1, retain=True)
        answered = threading.Event()
        answers: list[str] = []

        def on_connect(client: Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
            if reason.is_failure:
                answers.append(str(reason))
            else:  # each time: paho connects again by itself, and the broker has told of the end meanwhile
                client.publish(f"{self.topic}/status", "online", qos=1, retain=True)
            answered.set()

        client.on_connect = on_connect
        client.connect(self._host, self._port, keepalive=30)
        client.loop_start()
        if not answered.wait(_SECONDS) or answers:
            raise OutputError(f"{self._host}:{self._port} lets nobody in ({''.join(answers) or 'no answer'})")
        return client

    def _drop(self) -> None:
        if self._client is not None:
            self._client.disconnect()
            self._client.loop_stop()
            self._client = None


def topic_level(name: str) -> str:
    """Returns a name as one level of a topic: without what has a meaning there, which becomes a hyphen."""
    return re.sub(r"[/+#$\x00\s]", "-", name) or "-"


def _need_paho() -> None:
    if find_spec("paho") is None:
        raise MissingExtraError(package="paho-mqtt", extra="mqtt", purpose="MQTT")
