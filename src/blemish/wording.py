"""How lines for people are worded: on one line, cut where they run on, with counts."""

import re
import shlex
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path

SHOWN_NAMES = 5
_PERCENT = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*%\s*", re.ASCII)
_BRIEF = 200  # characters


def on_one_line(text: object) -> str:
    """Returns text that any terminal can show: line breaks and undecodable bytes, as file names may hold, are
    escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in str(text))


def share_in(words: str) -> Decimal | None:
    """Returns the share, exactly, that a percentage in words is, 0.5% or 5 %; None for words that are none."""
    percent = _PERCENT.fullmatch(words)
    return None if percent is None else Decimal(percent[1]) / 100


def as_argument(path: Path | str) -> str:
    """Returns a path as a shell takes it, for commands that are printed: quoted where it holds a space or the like."""
    return shlex.quote(str(path))


def as_cell(value: object) -> object:
    """Returns a value of a table that no spreadsheet takes for a formula: text that would be one begins with an
    apostrophe, for names of photos come from whoever sends them."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def brief(error: Exception) -> str:
    """Returns someone else's error for a line of ours: without line breaks, and cut where it runs on."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _BRIEF else f"{text[:_BRIEF]} ..."


def some_of(names: Sequence[object], *, shown: int = SHOWN_NAMES) -> str:
    """Returns the first names, and how many more there are: `a, b and 3 more`."""
    listed = ", ".join(on_one_line(name) for name in names[:shown])
    return f"{listed} and {len(names) - shown} more" if len(names) > shown else listed


def with_counts(counts: Mapping[str, int], *, shown: int = SHOWN_NAMES) -> str:
    """Returns the first names with their counts, in the order given: `PNG (40), JPEG (2)`."""
    return some_of([f"{name} ({count})" for name, count in counts.items()], shown=shown)


def counted(number: int, noun: str, plural: str = "") -> str:
    """Returns a number with its noun: `1 photo`, `2 photos`."""
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"


def as_left_out(line: object) -> str:
    """Returns what is said of something left out, which the line itself may say already."""
    text = str(line)
    return text if text.startswith("left out: ") else f"left out: {text}"


def ends_in_percent(interval: tuple[float, float]) -> tuple[str, str]:
    """Returns both ends of an interval of shares in whole percents; a digit of what is less than one where the interval
    would else end in 0, or begin with 100, as if that were certain: `0` and `0.4`."""
    low, high = (100 * share for share in interval)
    return (
        f"{100 - float(f'{100 - low:.1g}'):g}" if 99 < low < 100 else f"{low:.0f}",
        f"{high:.1g}" if 0 < high < 1 else f"{high:.0f}",
    )


def duration(seconds: float) -> str:
    """Returns a time as people say it: `40 seconds`, `12 minutes`, `3 hours 20 minutes`."""
    if seconds < 90:
        return counted(max(1, round(seconds)), "second")
    minutes = round(seconds / 60)
    if minutes < 90:
        return counted(minutes, "minute")
    hours, minutes = divmod(minutes, 60)
    return f"{counted(hours, 'hour')} {counted(minutes, 'minute')}" if minutes else counted(hours, "hour")
