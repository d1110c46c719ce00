"""Troubles that last, such as a disk that is full: said when they begin and when they end, not with every photo."""

import logging

_log = logging.getLogger("blemish")


class Troubles:
    """What is in trouble now, by a name for each kind; any thread may call it."""

    def __init__(self) -> None:
        self._now: dict[str, str] = {}

    def __contains__(self, kind: str) -> bool:
        return kind in self._now

    @property
    def lines(self) -> list[str]:
        """What was said of troubles that still last."""
        return list(self._now.values())

    def say(self, kind: str, line: object) -> None:
        """Says what has happened, unless trouble of this kind lasts since before."""
        if kind not in self._now:
            self._now[kind] = str(line)
            _log.warning("%s", line)

    def mended(self, kind: str, line: str = "") -> None:
        """Says that trouble of this kind is over, where there was any, and where there is something to be said."""
        if self._now.pop(kind, None) is not None and line:
            _log.warning("%s", line)
