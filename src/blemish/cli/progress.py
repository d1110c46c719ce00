"""Progress bars with rate and time left; where standard error is no terminal, a line now and then."""

import os
import sys
from types import TracebackType
from typing import TYPE_CHECKING, Self

from blemish.cli.progress_lines import ProgressLines
from blemish.progress import Progress

if TYPE_CHECKING:
    import rich.progress
    from rich.progress import TaskID


_FOR_PEOPLE = {
    "student": "training",
    "mending": "training",
    "segmenting": "training to outline defects",
    "segmentation": "training to outline defects",
    "teacher's features": "preparing",
    "loss": "disagreement",
    "validation_loss": "on photos kept apart",
}
"""What the terminal calls the stages and figures of a training, for who is no ML engineer."""


class ProgressBars:
    """The bars on the terminal, of which each activity has one, in the order they begin."""

    def __init__(self, *, lines: bool = True) -> None:
        """`lines` says whether a line is printed now and then where there is no terminal."""
        self.done, self.total = 0, 0
        self._bars: rich.progress.Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        leads = int(os.environ.get("RANK", "0")) == 0
        if leads and sys.stderr.isatty():
            self._bars = _progress_bars()
        self._lines = ProgressLines(activity_for_people) if leads and lines and self._bars is None else None

    def __enter__(self) -> Self:
        if self._bars is not None:
            self._bars.start()
        if self._lines is not None:
            self._lines.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._bars is not None:
            self._bars.stop()
        if self._lines is not None:
            self._lines.stop()

    def show(self, progress: Progress) -> None:
        """Shows where an activity stands, and remembers it for who asks."""
        self.done, self.total = progress.done, progress.total
        if self._lines is not None:
            self._lines.show(progress)
        if self._bars is None:
            return
        note = "  ".join(f"{_FOR_PEOPLE.get(name, name)} {value:.3g}" for name, value in progress.figures.items())
        if progress.at_most and progress.done < progress.total:
            note = f"at most, may end earlier  {note}"
        if progress.activity not in self._tasks:
            task = self._bars.add_task(activity_for_people(progress.activity), total=progress.total, note=note, rate="")
            self._tasks[progress.activity] = task
        task = self._tasks[progress.activity]
        speed = next(shown.speed for shown in self._bars.tasks if shown.id == task)
        rate = f"{speed:.1f}/s" if speed else ""
        self._bars.update(task, completed=progress.done, total=progress.total, note=note, rate=rate)


def activity_for_people(activity: str) -> str:
    """Returns what a bar calls an activity, whose last words after a colon name it, as in `brick: judging`."""
    before, colon, name = activity.rpartition(": ")
    return f"{before}{colon}{_FOR_PEOPLE.get(name, name)}"


def _progress_bars() -> "rich.progress.Progress":
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
