"""Sending to a place until it takes what it is sent: one thread a place, so that none waits for another."""

import logging
import random
import threading
from collections.abc import Sequence
from time import monotonic, sleep
from typing import Protocol

from blemish.errors import BlemishError, DataError, OutputError
from blemish.results.delivery import Delivery, Receiver
from blemish.wording import brief, counted

_FIRST_WAIT, _LONGEST_WAIT = 0.5, 60.0  # seconds between tries, doubled each time
_AT_ONCE = 64  # records that are read for a receiver at a time

_log = logging.getLogger("blemish")


class Outbox(Protocol):
    """What keeps records until every receiver has taken them, also where the process is killed."""

    def state_of(self, receiver: str) -> str:
        """Returns the state that was kept of a receiver; one that was never heard of begins with the next record."""
        ...

    def keep_state(self, receiver: str, state: str) -> None:
        """Keeps a receiver's state."""
        ...

    def after(self, receiver: str, *, most: int) -> Sequence[Delivery]:
        """Returns the next records that a receiver has not taken, in order."""
        ...

    def taken(self, receiver: str, number: int, *, state: str) -> None:
        """Keeps that a receiver has taken all records up to this number."""
        ...

    def refused(self, receiver: str, number: int, reason: str) -> None:
        """Keeps that a receiver will never take this record, and goes on behind it."""
        ...

    def waiting(self, receiver: str) -> int:
        """Returns how many records a receiver has not taken yet."""
        ...


class Courier:
    """Brings records to one receiver, in order, from a thread of its own; what fails is tried again, ever more rarely.

    That a receiver fails is said once, and so is that it takes records again.
    """

    def __init__(self, receiver: Receiver, outbox: Outbox) -> None:
        self.receiver = receiver
        self._outbox = outbox
        self._state = outbox.state_of(receiver.name)  # now: what is judged from here on is the receiver's
        self._resumed = False
        self._more, self._ending = threading.Event(), threading.Event()
        self._give_up = float("inf")
        self._failed = 0
        self._thread = threading.Thread(target=self._work, name=f"to {receiver.name}", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Tells the thread that there is more to send."""
        self._more.set()

    def end(self, *, within: float) -> None:
        """Asks the thread to send what waits and to end, after so many seconds at the latest; returns at once."""
        self._give_up = monotonic() + within
        self._ending.set()
        self._more.set()

    def join(self) -> None:
        """Waits for the end and closes the receiver; says what could not be sent, which is kept for the next start."""
        self._thread.join(max(0.0, self._give_up - monotonic()) + 1)
        if self._thread.is_alive():  # in the midst of a try, which ends by its own time limit
            _log.warning("%s does not answer: it is left alone", self.receiver.name)
        else:
            self.receiver.close()
        try:
            left = self._outbox.waiting(self.receiver.name)
        except OutputError as error:  # of the journal: what waits is there when the disk is
            _log.warning("%s", error)
            return
        if left:
            _log.warning(
                "%s: %s not sent yet; kept, and sent after the next start",
                self.receiver.name,
                counted(left, "verdict is", "verdicts are"),
            )

    def _work(self) -> None:
        while True:
            self._more.clear()
            woken_by = self._ending
            try:
                waiting = self._outbox.after(self.receiver.name, most=_AT_ONCE)
                if waiting:
                    self._send(waiting)
                elif self._ending.is_set():
                    return
                elif not self._resumed:  # now rather than with the first record: a broker tells that we are there
                    woken_by = self._more
                    self._resume()
                    self._has_recovered()
                else:
                    self._more.wait()
            except BlemishError as error:
                if self._rests_for_good(str(error), woken_by=woken_by):
                    return
            except Exception as error:  # a mistake in a receiver must harm no verdict and no other receiver
                if self._rests_for_good(f"{type(error).__name__}: {brief(error)}", woken_by=woken_by):
                    return

    def _resume(self) -> None:
        self._state = self.receiver.resume(self._state)
        self._outbox.keep_state(self.receiver.name, self._state)
        self._resumed = True

    def _send(self, waiting: Sequence[Delivery]) -> None:
        name, first = self.receiver.name, waiting[0]
        if not self._resumed:
            self._resume()
        try:
            taken, state = self.receiver.deliver(waiting)
        except DataError as error:
            _log.warning("%s refuses the verdict on %s: %s", name, first.record["name"], error)
            self._outbox.refused(name, first.number, str(error))
            return
        self._resumed = False  # where this is not kept, the receiver is told once more how far it was
        self._outbox.taken(name, waiting[taken - 1].number, state=state)
        self._resumed, self._state = True, state
        self._has_recovered()

    def _has_recovered(self) -> None:
        if self._failed:
            _log.warning("%s takes verdicts again: what had waited is being sent", self.receiver.name)
        self._failed = 0

    def _rests_for_good(self, why: str, *, woken_by: threading.Event) -> bool:
        """Waits before the next try, unless woken; returns whether there will be none, for the end has come."""
        if not self._failed:
            _log.warning("%s: %s; verdicts wait until it takes them", self.receiver.name, why)
        self._failed += 1
        if self._ending.is_set():
            sleep(max(0.0, min(_FIRST_WAIT, self._give_up - monotonic())))
            return monotonic() >= self._give_up
        wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(self._failed - 1, 10))
        woken_by.wait(wait * random.uniform(0.8, 1.2))  # spread, so that not all stations come back at once
        return False
