"""Troubles that last, such as a disk that is gone: said when they begin and when they end, not with every photo."""

import logging

_log = logging.getLogger("blemish")


class Troubles:
    """What is in trouble now, by a name for each kind."""

    def __init__(self) -> None:
        self._now: set[str] = set()

    def __contains__(self, kind: str) -> bool:
        return kind in self._now

    def say(self, kind: str, line: object) -> None:
        """Says what has happened, unless trouble of this kind lasts since before."""
        if kind not in self._now:
            self._now.add(kind)
            _log.warning("%s", line)

    def mended(self, kind: str, line: str = "") -> None:
        """Says that trouble of this kind is over, where there was any, and where there is something to be said."""
        if kind in self._now:
            self._now.remove(kind)
            if line:
                _log.warning("%s", line)
