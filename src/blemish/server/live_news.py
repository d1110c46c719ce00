"""Who waits for news of the history is woken by every verdict, and looks by itself what is new."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class LiveNews:
    """The waiting readers; threads may wake them."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: set[asyncio.Event] = set()
        self._changing = threading.RLock()  # a signal may call stop() in the thread that is waiting in here
        self.stopped = False
        """Whether the server ends, and readers should."""
        self.readers = 0
        """How many there are."""

    @contextmanager
    def reader(self) -> Iterator[None]:
        """Counts one more reader while it is open."""
        self.readers += 1
        try:
            yield
        finally:
            self.readers -= 1

    async def wait(self, seconds: float) -> None:
        """Returns when there may be news, at the latest after so many seconds."""
        event = asyncio.Event()
        with self._changing:
            self._loop = asyncio.get_running_loop()
            self._waiting.add(event)
        try:
            if not self.stopped:
                await asyncio.wait_for(event.wait(), seconds)
        except TimeoutError:
            pass
        finally:
            with self._changing:
                self._waiting.discard(event)

    def wake(self) -> None:
        """Wakes all readers; from any thread."""
        with self._changing:
            waiting, loop = list(self._waiting), self._loop
        if loop is not None and not loop.is_closed():
            for event in waiting:
                loop.call_soon_threadsafe(event.set)

    def stop(self) -> None:
        """Ends all streams of news."""
        self.stopped = True
        self.wake()
