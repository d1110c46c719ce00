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
            self._bars = _progress_bars()

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
            self._tasks[activity] = self._bars.add_task(activity, total=total, note=note, rate="")
        task = self._tasks[activity]
        speed = self._bars.tasks[task].speed
        self._bars.update(task, completed=done, total=total, note=note, rate=f"{speed:.1f}/s" if speed else "")


def _progress_bars() -> "Progress":
    from rich.console import Console  # slow to import, and a line's PC has nobody who watches
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description:<18}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=Console(stderr=True),
    )
