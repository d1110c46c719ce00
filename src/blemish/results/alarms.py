"""Alarms to an address of the user's: one HTTP POST each, when photos have become others than those calibrated with."""

import logging
import threading
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

from blemish.calibration.drift import Drift
from blemish.errors import DataError, SettingsError
from blemish.results.delivery import Delivery, delivery_id
from blemish.results.webhook import Webhook, secret_in
from blemish.troubles import Troubles
from blemish.wording import brief

_log = logging.getLogger("blemish")

_WAIT = 30.0  # seconds until an address that did not answer is tried again
_MOST_WAITING = 1000  # alarms: of more, the oldest are given up


def drift_alarm(drift: Drift, *, model: str, station: str, is_over: bool = False) -> dict[str, Any]:
    """Returns what is posted where something has moved, or has moved back."""
    event, at = "drift_over" if is_over else "drift", datetime.now(UTC).isoformat()
    return {
        "id": delivery_id(event, model, station, drift.quantity, at),
        "event": event,
        "at": at,
        "model": model,
        "station": station,
        **vars(drift),
    }


def alarm_webhook(address: str | None, secret: Path | None) -> Webhook | None:
    """Returns what posts alarms, None where nobody is to be told; raises SettingsError for what is no address, or a
    secret that cannot be read or is of no use."""
    if address is None:
        if secret is not None:
            raise SettingsError("alarm_secret is of no use without alarm_webhook: give both, or neither")
        return None
    return Webhook(address, secret=None if secret is None else secret_in(secret, what="alarm_secret"))


class Alarms:
    """Posts alarms from a thread of its own, in order, until the other side has taken each: nothing waits for that."""

    def __init__(self, webhook: Webhook) -> None:
        self._webhook = webhook
        self._waiting: deque[dict[str, Any]] = deque(maxlen=_MOST_WAITING)
        self._some, self._ending = threading.Event(), threading.Event()
        self._give_up = float("inf")
        self._troubles = Troubles()
        self._thread = threading.Thread(target=self._work, name="alarms", daemon=True)
        self._thread.start()

    def tell(self, alarm: dict[str, Any]) -> None:
        """Takes an alarm to be posted; returns at once."""
        self._waiting.append(alarm)
        self._some.set()

    def close(self, *, within: float = 5.0) -> None:
        """Lets what waits be posted for so many seconds; says what could not be."""
        self._give_up = monotonic() + within
        self._ending.set()
        self._some.set()
        self._thread.join(within + 1)
        if self._waiting:
            _log.warning("alarms: %d were not taken by the other side, and are given up", len(self._waiting))

    def _work(self) -> None:
        while True:
            self._some.clear()
            while self._waiting and monotonic() < self._give_up:
                alarm = self._waiting[0]
                if not self._is_posted(alarm):
                    self._ending.wait(_WAIT)
                    if self._ending.is_set():
                        return
                elif self._waiting[0] is alarm:  # else it was given up meanwhile, for others
                    self._waiting.popleft()
            if self._ending.is_set():
                return
            self._some.wait()

    def _is_posted(self, alarm: dict[str, Any]) -> bool:
        """Posts an alarm; returns whether it need not be posted again."""
        try:
            self._webhook.deliver([Delivery(number=0, id=alarm["id"], record=alarm)])
        except DataError as error:
            _log.warning("alarms: one is refused: %s", error)
        except Exception as error:  # OutputError, or a mistake, which must not end the thread either
            self._troubles.say("alarms", f"alarms wait: {brief(error)}")
            return False
        else:
            self._troubles.mended("alarms", "alarms are taken again")
        return True
