"""Progress bars with rate and time left; silent when standard error is no terminal."""

import os
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f}/s" if task.speed else "")


class ProgressBars:
    """One bar per activity, in the order they begin."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        leads = int(os.environ.get("RANK", "0")) == 0
        self._bars = Progress(
            TextColumn("{task.description:<18}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=console,
            disable=not (console.is_terminal and leads),
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._bars.stop()

    def show(self, activity: str, done: int, total: int, *, note: str = "") -> None:
        if activity not in self._tasks:
            self._tasks[activity] = self._bars.add_task(activity, total=total, note=note)
        self._bars.update(self._tasks[activity], completed=done, total=total, note=note)
