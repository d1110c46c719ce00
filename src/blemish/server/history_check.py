"""Whether the history takes verdicts now, tried no more than once a second."""

import threading
import time

from blemish.errors import HistoryError, HistoryUnavailableError
from blemish.history.opening import History
from blemish.history.writing import check_writing
from blemish.troubles import Troubles

_SECONDS = 1.0


class HistoryCheck:
    """Tries to write, for whoever asks before there is a photo, as load balancers do."""

    def __init__(self, history: History, troubles: Troubles) -> None:
        self._history, self._troubles = history, troubles
        self._trying = threading.Lock()
        self._tried, self._failure = -_SECONDS, ""

    def check(self) -> None:
        """Raises HistoryUnavailableError where no verdict could be written a second ago at most."""
        with self._trying:
            if time.monotonic() - self._tried >= _SECONDS:
                self._try()
                self._tried = time.monotonic()
            if self._failure:
                raise HistoryUnavailableError(self._failure)

    def _try(self) -> None:
        try:
            check_writing(self._history)
        except HistoryError as error:
            self._failure = str(error)
            self._troubles.say("history", error)
        else:
            self._failure = ""
            self._troubles.mended("history", "the history takes verdicts again")
