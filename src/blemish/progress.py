"""How far long work is, told to whoever asked for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Progress:
    """The place where one activity stands."""

    activity: str
    """What is being done, such as `judging`; a new name begins a new activity."""
    done: int
    total: int
    at_most: bool = False
    """Whether it may end before `total`, as a training does that no longer improves."""
    figures: Mapping[str, float] = field(default_factory=dict)
    """What was measured on the way, by name."""


OnProgress = Callable[[Progress], object]


def say_nothing(_progress: Progress) -> None:
    """Takes progress where nobody asked for it, and says nothing."""
