"""Level maps of the verdict that was looked at last: its table and its picture are asked for one after the other."""

import threading
from collections.abc import Callable

from blemish.history.verdict import StoredVerdict
from blemish.inference.prediction import Prediction


class LevelLook:
    """Holds one verdict's level maps, and computes one at a time: the line is judged on the same processor."""

    def __init__(self) -> None:
        self._looking = threading.Lock()
        self._last: tuple[str, Prediction] | None = None

    def of(self, stored: StoredVerdict, compute: Callable[[], Prediction]) -> Prediction:
        """Returns what `compute` gives, or gave when the same verdict was asked for last."""
        with self._looking:
            if self._last is None or self._last[0] != stored.key:
                self._last = stored.key, compute()
            return self._last[1]
