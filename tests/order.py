"""In which order tests run: what takes long begins in both workers at once, what ends both takes no time."""

from collections.abc import Sequence
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
LONGEST = (
    (
        *("contract/test_runtimes.py", "exporting/test_commands.py", "exporting/test_make.py"),
        *("exporting/test_small_installation.py", "exporting/test_worked_example.py", "contract/test_detectors.py"),
        *("model/test_hand_edited.py", "watching/test_receivers.py", "report/test_page.py"),
    ),
    (
        *("contract/test_training.py", "contract/test_processes.py"),
        *("end_to_end/test_on_a_gpu.py", "end_to_end/test_command_line.py", "training/test_train.py"),
        *("end_to_end/test_on_ray.py", "watching/test_watch.py", "server/test_page.py"),
    ),
)
"""Files of 10 s or more, for one worker and for another: those of a half begin with the same exports."""


def longest_first(tests: Sequence[pytest.Item]) -> list[pytest.Item]:
    """The tests in two halves of one number, each of which begins with its longest files: xdist gives the first half to
    one of two workers, the second to the other, and lets who has ended take what the other has last."""
    files: dict[str, list[pytest.Item]] = {}
    for test in tests:
        files.setdefault(test.path.relative_to(TESTS).as_posix(), []).append(test)
    first, second = ([test for name in half for test in files.pop(name, [])] for half in LONGEST)
    short = [test for file in files.values() for test in file]
    of_first = max(0, len(tests) // 2 - len(first))
    return [*first, *short[:of_first], *second, *short[of_first:]]
