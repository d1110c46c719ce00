"""Progress where nobody watches a bar: an estimate when the rate is known, and a line at least every half minute."""

import sys
import threading
import time
from collections.abc import Callable
from typing import TextIO

from blemish.progress import Progress
from blemish.wording import duration

MOST_SILENCE = 30.0  # seconds
_LOOKS = 1.0  # seconds between two looks at the clock
_ENOUGH = 3  # steps, after the first, which is slower, before a rate is known
_WORTH_A_LINE = 30.0  # seconds: what takes less needs no estimate


class ProgressLines:
    """Prints to standard error, or to `out`, where a long activity stands; `clock` gives seconds."""

    def __init__(
        self,
        name: Callable[[str], str],
        *,
        clock: Callable[[], float] = time.monotonic,
        out: TextIO | None = None,
    ) -> None:
        self._name, self._clock, self._out = name, clock, out
        self._lock, self._ended = threading.Lock(), threading.Event()
        self._now: Progress | None = None
        self._first = (0, 0.0)  # steps done, and the time, from which the rate is counted
        self._estimated = self._warm = False
        self._spoke = clock()
        self._watch = threading.Thread(target=self._look, name="progress", daemon=True)

    def start(self) -> None:
        """Begins to look at the clock, in a thread: a single step may take longer than the silence that is allowed."""
        self._watch.start()

    def stop(self) -> None:
        """Says nothing any more."""
        self._ended.set()
        if self._watch.is_alive():
            self._watch.join()

    def show(self, progress: Progress) -> None:
        """Takes where an activity stands; prints when its rate is known for the first time, and after long silence."""
        with self._lock:
            if self._now is None or progress.activity != self._now.activity:
                self._first, self._estimated, self._warm = (progress.done, self._clock()), False, False
            elif not self._warm and progress.done > self._first[0]:
                self._first, self._warm = (progress.done, self._clock()), True
            self._now = progress
            if not self._estimated and progress.at_most and progress.done - self._first[0] >= _ENOUGH:
                self._estimated = True
                self._say_estimate(progress)
        self.tick()

    def tick(self) -> None:
        """Prints where the activity stands if nothing was said for so long that someone could worry."""
        with self._lock:
            if self._now is not None and self._clock() - self._spoke >= MOST_SILENCE - _LOOKS:
                self._say(self._state(self._now))

    def _look(self) -> None:
        while not self._ended.wait(_LOOKS):
            self.tick()

    def _left(self, progress: Progress) -> float | None:
        done, since = self._first
        spent = self._clock() - since
        return (progress.total - progress.done) * spent / (progress.done - done) if progress.done > done else None

    def _say_estimate(self, progress: Progress) -> None:
        left = self._left(progress)
        if left is not None and left >= _WORTH_A_LINE:
            self._say(
                f"{self._name(progress.activity)}: about {duration(left)} on this machine at most; may end earlier"
            )

    def _state(self, progress: Progress) -> str:
        if progress.done >= progress.total:  # else it would be said again and again, as if it stood still
            return f"{self._name(progress.activity)}: {progress.total} done, at work on what comes next"
        of = f"{progress.total} at most" if progress.at_most else str(progress.total)
        state = f"{self._name(progress.activity)}: {progress.done} of {of}"
        figures = [f"{self._name(name)} {value:.3g}" for name, value in progress.figures.items()]
        left = self._left(progress)
        rest = [] if left is None else [f"about {duration(left)} left"]
        return ", ".join([state, *figures, *rest])

    def _say(self, line: str) -> None:
        self._spoke = self._clock()
        (self._out or sys.stderr).write(f"{line}\n")
        (self._out or sys.stderr).flush()
