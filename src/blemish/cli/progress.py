"""Progress bars with rate and time left; silent when standard error is no terminal."""

import os
import sys
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class ProgressBars:
    """One bar per activity, in the order they begin."""

    def __init__(self) -> None:
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        leads = int(os.environ.get("RANK", "0")) == 0
        if leads and sys.stderr.isatty():
            from blemish.cli.bars import progress_bars  # slow to import, and a line's PC has nobody who watches

            self._bars = progress_bars()

    def __enter__(self) -> Self:
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._bars is not None:
            self._bars.stop()

    def show(self, activity: str, done: int, total: int, *, note: str = "") -> None:
        if self._bars is None:
            return
        if activity not in self._tasks:
            self._tasks[activity] = self._bars.add_task(activity, total=total, note=note)
        self._bars.update(self._tasks[activity], completed=done, total=total, note=note)
