"""What a worker is: a process of the cluster that does items, and tells what came of each."""

import logging
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from blemish.errors import BlemishError, InterruptionError
from blemish.process import taken_cores
from blemish.version import __version__
from blemish.wording import brief

_log = logging.getLogger("blemish")

ItemT = TypeVar("ItemT")
ValueT = TypeVar("ValueT")
Work = Callable[[ItemT], ValueT]


@dataclass(frozen=True, kw_only=True)
class Outcome(Generic[ValueT]):
    """What came of an item: its value, or a line that says why there is none."""

    value: ValueT | None = None
    trouble: str | None = None
    lost: bool = False
    """Whether the workers that had it were lost, rather than said so."""
    warnings: tuple[str, ...] = ()
    """What was logged meanwhile."""


class Worker(Generic[ItemT, ValueT]):
    """A process of the cluster, which makes what works once, and does items with it."""

    def __init__(self, make: Callable[[], Work[ItemT, ValueT]], version: str, *, cores: int, hides_gpus: bool) -> None:
        self._make, self._version = make, version
        self._cores = taken_cores(cores)  # before anything asks how many there are
        if hides_gpus:
            os.environ["CUDA_VISIBLE_DEVICES"] = ""  # else all would take the first one

    def start(self) -> str | None:
        """Returns why it cannot work; None where it can."""
        here = f"on {socket.gethostname()}"
        if self._version != __version__:
            return f"{here} lies blemish {__version__}, and {self._version} asks: install the same on all machines"
        try:
            self._work = self._make()
        except BlemishError as error:
            return f"{here}: {error}"
        return None

    def is_there(self) -> bool:
        """Returns True; of a worker that is lost, nothing comes."""
        return True

    def do(self, item: ItemT) -> Outcome[ValueT]:
        """Does one item; whatever is wrong with it is told rather than raised."""
        said = _Heard()
        _log.addHandler(said)
        try:
            return Outcome(value=self._work(item), warnings=tuple(said.lines))
        except InterruptionError:  # its machine is about to be taken away
            return Outcome(lost=True, trouble="its machines were taken away")
        except Exception as error:
            _log.debug("%s", item, exc_info=True)
            return Outcome(trouble=brief(error), warnings=tuple(said.lines))
        finally:
            _log.removeHandler(said)


class _Heard(logging.Handler):
    """The warnings of the moment, for whoever asked for the work."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
