"""The limits that a model is held to when photos change, and their file: such as one that a repository keeps for CI.

{"unchanged": {"false_alarms": 0.05}, "brightness 1.1": {"false_alarms": 0.1, "misses": 0.02}}
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from blemish.errors import DataError, SettingsError
from blemish.evaluation.stress_record import UNCHANGED, StressTest, WrongCount
from blemish.files import write_text
from blemish.model.thresholds import percent
from blemish.synthesis.conditions import CONDITIONS, strength_typed
from blemish.wording import brief, counted

Limits = Mapping[str, Mapping[str, float]]
"""By condition and strength, such as `brightness 1.1`, the highest shares of `false_alarms` and `misses`, 0 to 1."""

_KINDS = ("false_alarms", "misses")
_STEPS = 10_000  # of a share in the file, rounded up: what was measured is within its own limits


def read_limits(path: Path) -> dict[str, dict[str, float]]:
    """Reads a file of limits; raises in one line what `checked_limits` does, DataError where it cannot be read."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_each_once)
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file; `blemish stress --write-limits` writes one") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}; check path and permissions") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read as JSON: {brief(error)}") from error
    return checked_limits(values, name=str(path))


def checked_limits(values: Any, *, name: str) -> dict[str, dict[str, float]]:
    """Returns limits whose every value is a share; raises DataError, which calls them `name`, where one is not, or
    two are of the same, and SettingsError for a condition or strength that there is none of."""
    if not isinstance(values, Mapping) or not values:
        raise DataError(f'{name}: holds no limits; give some, such as {{"brightness 1.1": {{"false_alarms": 0.05}}}}')
    for key, limits in values.items():
        if not isinstance(limits, Mapping) or not limits or set(limits) - set(_KINDS):
            raise DataError(f"{name}: {key!r} needs {' or '.join(_KINDS)}, or both, and nothing else")
        for kind, share in limits.items():
            if type(share) not in (int, float) or not 0 <= share <= 1:
                raise DataError(f"{name}: {kind} of {key!r} is {share!r}: give a share, 0 to 1")
    pairs = [(_as_counted(key), {kind: float(share) for kind, share in ls.items()}) for key, ls in values.items()]
    try:
        return _each_once(pairs)
    except ValueError as error:
        raise DataError(f"{name}: {error}") from error


def condition_and_strength(key: str) -> tuple[str, float]:
    """Returns what a limit's key names; raises SettingsError where there is no such condition or strength."""
    name, _, strength = key.rpartition(" ")
    if not name:
        raise SettingsError(
            f"limit {key!r} is of nothing: give {UNCHANGED}, or condition and strength, as in 'brightness 1.1'"
        )
    return name, strength_typed(name, strength)


def limits_of(test: StressTest) -> dict[str, dict[str, float]]:
    """Returns the figures of a test as limits, rounded up."""
    return {
        key: {kind: _rounded_up(count) for kind, count in zip(_KINDS, pair, strict=True) if count is not None}
        for key, pair in _counts(test)
    }


def write_limits_file(test: StressTest, path: Path) -> None:
    """Writes the figures of a test as limits; raises OutputError."""
    write_text(path, json.dumps(limits_of(test), indent=2) + "\n")


def broken_limits(test: StressTest, limits: Limits) -> list[str]:
    """Returns a line for each limit that a test does not keep, or whose figure it does not have."""
    counts, broken = dict(_counts(test)), []
    for key, allowed in limits.items():
        for kind, share in allowed.items():
            pair = counts.get(key)
            count = None if pair is None else pair[_KINDS.index(kind)]
            if count is None:
                why = _why_not_measured(test, key, kind)
                broken.append(f"{key}: {kind.replace('_', ' ')} are not known: {why}")
            elif count.rate > share:
                photos = counted(count.photos, f"{'good' if kind == _KINDS[0] else 'defective'} photo")
                wrong = "are false alarms" if kind == _KINDS[0] else "are missed"
                broken.append(
                    f"{key}: {count.wrong} of {photos} {wrong} ({percent(count.rate)}), {percent(share)} may be"
                )
    return broken


def _each_once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Returns pairs as a dictionary; raises ValueError for a key that is there twice, of which one limit alone would
    be kept to."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"{key!r} has two limits: leave one")
        found[key] = value
    return found


def _as_counted(key: str) -> str:
    """Returns a key as figures have it, however its number was typed: `brightness 1.10` is `brightness 1.1`."""
    if key == UNCHANGED:
        return key
    name, strength = condition_and_strength(key)
    return f"{name} {CONDITIONS[name].key(strength)}"


def _why_not_measured(test: StressTest, key: str, kind: str) -> str:
    if key != UNCHANGED and (why := test.left_out.get(condition_and_strength(key)[0])):
        return why
    return "no defective photos were given" if kind == "misses" else "it was not tried"


def _counts(test: StressTest) -> Iterator[tuple[str, tuple[WrongCount, WrongCount | None]]]:
    yield UNCHANGED, (test.good, test.defective)
    for condition in test.conditions:
        for counts in condition.strengths:
            yield f"{condition.name} {counts.key}", (counts.good, counts.defective)


def _rounded_up(count: WrongCount) -> float:
    return -(-count.wrong * _STEPS // count.photos) / _STEPS
