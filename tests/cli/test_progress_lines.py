"""Nobody waits in the dark: an estimate once the rate is known, and a line at least every 30 seconds."""

import io
import itertools

from blemish.cli.progress import activity_for_people
from blemish.cli.progress_lines import MOST_SILENCE, ProgressLines
from blemish.progress import Progress


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def lines_of_steps(steps: int, *, total: int, seconds_each: float) -> list[tuple[float, str]]:
    """What is printed, and when, while steps are taken and the clock is looked at every second."""
    clock, out = Clock(), io.StringIO()
    lines = ProgressLines(activity_for_people, clock=clock, out=out)
    said: list[tuple[float, str]] = []
    for step in range(steps + 1):
        end = step * seconds_each
        while clock.seconds < end:
            clock.seconds = min(end, clock.seconds + 1)
            lines.tick()
            said += [(clock.seconds, line) for line in out.getvalue().splitlines()[len(said) :]]
        lines.show(
            Progress(activity="student", done=step, total=total, at_most=True, figures={"validation_loss": 0.25})
        )
        said += [(clock.seconds, line) for line in out.getvalue().splitlines()[len(said) :]]
    return said


def test_the_time_is_estimated_once_the_rate_is_known_and_then_told_every_half_minute() -> None:
    said = lines_of_steps(40, total=100, seconds_each=6)
    assert said[0] == (24.0, "training: about 10 minutes on this machine at most; may end earlier")
    times = [0.0, *(seconds for seconds, _ in said), 240.0]
    assert max(b - a for a, b in itertools.pairwise(times)) <= MOST_SILENCE
    assert said[1][1].startswith("training: 8 of 100 at most, on photos kept apart 0.25, about ")


def test_a_line_comes_also_while_one_step_takes_minutes() -> None:
    assert [seconds for seconds, _ in lines_of_steps(1, total=5, seconds_each=100)] == [29, 58, 87]


def test_what_is_done_is_not_said_to_be_at_work() -> None:
    clock, out = Clock(), io.StringIO()
    lines = ProgressLines(activity_for_people, clock=clock, out=out)
    lines.show(Progress(activity="reading photos", done=5, total=5))
    clock.seconds = 40
    lines.tick()
    assert out.getvalue() == "reading photos: 5 done, at work on what comes next\n"


def test_what_takes_seconds_says_nothing() -> None:
    assert lines_of_steps(20, total=20, seconds_each=0.1) == []
