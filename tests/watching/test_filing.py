"""What cannot be moved is tried again, and holds up nothing else."""

from dataclasses import replace
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from blemish.errors import OutputError
from blemish.troubles import Troubles
from blemish.watching import register
from blemish.watching.filing import Filing
from blemish.watching.journal import JournalEntry
from blemish.watching.register import Register

STUCK = [
    JournalEntry(
        number=n, id=str(n), name=f"{n}.png", size=1, mtime_ns=1, digest="", verdict="normal", home="", stays=False
    )
    for n in range(1, 6)
]


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of photos that were tried to be moved, each of which took a second by the clock."""
    numbers: list[int] = []

    def file(_filing: Filing, entry: JournalEntry, **_seen: object) -> None:
        numbers.append(entry.number)
        raise OutputError("no right to delete in that folder")

    monkeypatch.setattr(Filing, "file", file)
    seconds = count()
    monkeypatch.setattr(register, "monotonic", lambda: float(next(seconds)))
    return numbers


def test_photos_that_can_never_be_moved_take_a_bounded_time_of_each_round(tried: list[int], tmp_path: Path) -> None:
    """Each is read to know it: of an hour's photos a round would take longer than the time between two."""
    left = list(STUCK)
    journal: Any = SimpleNamespace(
        unfiled=lambda *, after: [entry for entry in left if entry.number > after][:2],
        is_planned=lambda _home: False,
        filed=lambda *_given: None,
    )
    settings: Any = SimpleNamespace(save="none", folder=tmp_path, into=tmp_path / "into", then="move")
    nobody: Any = None
    watched = Register(settings, journal, weights="", places=nobody, questions=nobody, troubles=Troubles())
    for _ in STUCK:
        watched.file_waiting()
    assert tried == [1, 2, 3, 4, 5], "one a round, for it took longer than a round may"
    watched.file_waiting()
    left.append(replace(STUCK[0], number=6))
    watched.file_waiting()
    watched.file_waiting()
    assert tried[5:] == [1, 2], "then from the first on again"
