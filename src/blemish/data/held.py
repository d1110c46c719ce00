"""Values kept in memory as far as a budget of bytes goes, for whoever asks for them again."""

import threading
from collections.abc import Hashable
from typing import Generic, TypeVar

_ValueT = TypeVar("_ValueT")


class HeldValues(Generic[_ValueT]):
    """The values that are held, the first ones that the budget has room for: those that come later are made each time,
    for to let go of others for them would help nobody where all are asked for in turn, again and again."""

    def __init__(self, budget: int) -> None:
        """Takes a `budget` in bytes."""
        self._budget = budget
        self._bytes = 0
        self._held: dict[Hashable, _ValueT] = {}
        self._lock = threading.Lock()

    def forget(self) -> None:
        """Lets all values go."""
        with self._lock:
            self._held.clear()
            self._bytes = 0

    def held(self, key: Hashable) -> _ValueT | None:
        """Returns what is held by a key; None where nothing is."""
        return self._held.get(key)

    def hold(self, key: Hashable, value: _ValueT, *, size: int) -> None:
        """Holds on to a value of so many bytes, where there is room."""
        with self._lock:
            if key not in self._held and self._bytes + size <= self._budget:
                self._held[key] = value
                self._bytes += size
