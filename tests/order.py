"""In which order tests run: what takes long begins in all workers at once, what ends all takes no time."""

import itertools
from collections.abc import Sequence
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
LONGEST = (
    (
        *("contract/test_runtimes.py", "exporting/test_commands.py", "exporting/test_make.py"),
        *("exporting/test_small_installation.py", "exporting/test_worked_example.py", "model/test_hand_edited.py"),
        *("training/test_unusual_photos.py", "training/test_footprint.py"),
    ),
    (
        *("contract/test_training.py", "contract/test_processes.py", "contract/test_detectors.py"),
        *("end_to_end/test_command_line.py", "training/test_train.py", "training/test_regions_of_interest.py"),
        *("training/test_resume.py", "training/test_run_file.py", "training/test_tiles.py"),
    ),
    (
        *("end_to_end/test_on_a_gpu.py", "end_to_end/test_on_ray.py", "server/test_workshop.py"),
        *("watching/test_receivers.py", "watching/test_watch.py", "server/test_page.py", "report/test_page.py"),
        "watching/test_killed.py",
    ),
)
"""Files of 7 s or more, for each of three workers: many wait for other processes, so that two would leave two cores
idle. Those of a share begin with the same exports."""


def longest_first(tests: Sequence[pytest.Item]) -> list[pytest.Item]:
    """The tests in shares of one number, each of which begins with its longest files: xdist gives a share to each
    worker, and lets who has ended take what another has last."""
    files: dict[str, list[pytest.Item]] = {}
    for test in tests:
        files.setdefault(test.path.relative_to(TESTS).as_posix(), []).append(test)
    longest = [[test for name in share for test in files.pop(name, [])] for share in LONGEST]
    short = iter([test for file in files.values() for test in file])
    each = -(-len(tests) // len(LONGEST))
    shares = [[*first, *itertools.islice(short, max(0, each - len(first)))] for first in longest]
    return [*itertools.chain.from_iterable(shares), *short]
