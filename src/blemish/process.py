"""What a process has and hears: the cores it may use, the signals that ask it to stop."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


def available_cores() -> int:
    """How many processor cores this process may use.

    Fewer than the machine has where a container, `taskset` or a queue gives fewer.
    """
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class StopRequest:
    """Which signal asked training to stop, if any did."""

    def __init__(self) -> None:
        self.signal: int | None = None


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """While open, SIGINT and SIGTERM only note themselves; a second one acts as it always does."""
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request  # only the main thread may install handlers; elsewhere the caller's stay in force
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def note(number: int, _frame: FrameType | None) -> None:
        request.signal = number
        restore()

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    for number in before:
        signal.signal(number, note)
    try:
        yield request
    finally:
        restore()
