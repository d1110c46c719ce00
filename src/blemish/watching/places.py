"""Everywhere that verdicts of a watch are told: each place by itself, so that none harms another."""

import logging
from collections.abc import Callable
from contextlib import ExitStack
from time import monotonic

from blemish.results.delivery import Delivery, Receiver
from blemish.results.growing_tables import GrowingTables
from blemish.results.mqtt import Mqtt
from blemish.results.outbox import Courier
from blemish.results.verdict_lines import LineClient, VerdictLines, verdict_line
from blemish.results.webhook import Webhook, secret_in
from blemish.watching.journal import KEPT, Journal
from blemish.watching.watch_settings import WatchSettings
from blemish.wording import counted

_log = logging.getLogger("blemish")

_TO_END = 5.0  # seconds that places have, at the end, to take what still waits for them


def receivers_of(settings: WatchSettings) -> list[Receiver]:
    """Returns the receivers that are asked for, none of them reached yet; raises SettingsError, MissingExtraError."""
    receivers: list[Receiver] = [GrowingTables(settings.into)]
    if settings.history is not None:
        from blemish.results.history import HistoryReceiver  # needs an extra

        receivers.append(HistoryReceiver(settings.history))
    if settings.webhook is not None:
        file = settings.webhook_secret
        secret = None if file is None else secret_in(file, what="webhook_secret")
        receivers.append(Webhook(settings.webhook, secret=secret))
    if settings.mqtt is not None:
        file = settings.mqtt_password
        password = None if file is None else secret_in(file, what="mqtt_password")
        station, model = settings.station_name, settings.model_name
        receivers.append(Mqtt(settings.mqtt, station=station, model=model, password=password))
    return receivers


class Places:
    """The couriers and the line server at work, until it is closed."""

    def __init__(
        self, settings: WatchSettings, journal: Journal, *, on_asked: Callable[[str, LineClient], object]
    ) -> None:
        """`on_asked` is told, in another thread, what clients of the line protocol ask for."""
        with ExitStack() as stack:
            self.lines: VerdictLines | None = None
            if settings.plc is not None:
                self.lines = VerdictLines(settings.plc, on_asked=on_asked)
                stack.callback(self.lines.close)
            self._couriers: list[Courier] = []
            stack.callback(self._end)
            for receiver in receivers_of(settings):
                self._couriers.append(Courier(receiver, journal))
            for name, count in journal.left_behind().items():
                waiting = counted(count, "verdict waits", "verdicts wait")
                _log.warning("%s is not asked for any more: %s for it; the last %d stay", name, waiting, KEPT)
            self._stack = stack.pop_all()

    def tell_controllers(self, delivery: Delivery) -> None:
        """Sends a verdict to the clients of the line protocol; returns at once."""
        if self.lines is not None:
            self.lines.send(verdict_line(delivery))

    def wake(self) -> None:
        """Lets receivers be told of what the outbox holds; returns at once."""
        for courier in self._couriers:
            courier.wake()

    def close(self) -> None:
        """Lets all places take what waits, for a few seconds, and lets go of them."""
        self._stack.close()

    def _end(self) -> None:
        until = monotonic() + _TO_END
        for courier in self._couriers:
            courier.end(within=until - monotonic())
        for courier in self._couriers:
            courier.join()
