"""Limits of misses and false alarms, as numbers and as shares."""

from dataclasses import replace
from pathlib import Path

import pytest

from blemish.errors import SettingsError
from blemish.evaluation.acceptance import Allowed, check_limit, held_to
from blemish.evaluation.record import read_evaluation, write_evaluation
from evaluation.example import EVALUATION

TESTED = replace(EVALUATION, misses=5, defective_photos=100, false_alarms=2, good_photos=30)


@pytest.mark.parametrize(
    ("asked", "photos"),
    [
        *((3, 3), ("3", 3), (0, 0), ("0", 0), (1, 1), ("1", 1), (250, 250)),
        *((0.05, 5), ("5%", 5), ("5 %", 5), (".05", 5), (0.059, 5), (0.29, 29), ("29%", 29), (0.0, 0)),
        *((1.0, 100), ("1.0", 100), ("100%", 100)),
    ],
)
def test_a_limit_is_a_number_of_photos_or_a_share_rounded_down(asked: Allowed, photos: int) -> None:
    found = held_to(TESTED, max_misses=asked, max_false_alarms=None).acceptance
    assert found is not None
    assert (found.max_misses, found.max_false_alarms) == (photos, None)
    assert bool(found.failures) == (photos < 5)


@pytest.mark.parametrize("asked", ["", "few", "-1", -1, 1.5, "1.5", "101%", "5%%", float("nan"), True, "1e-2", "٣"])
def test_what_is_no_limit_is_refused_in_one_line(asked: Allowed) -> None:
    with pytest.raises(SettingsError, match=r"^max_misses is .*: give a number of photos, such as 3, or a share"):
        check_limit("max_misses", asked)


def test_each_limit_that_is_not_kept_has_its_line(tmp_path: Path) -> None:
    assert held_to(TESTED, max_misses=None, max_false_alarms=None) is TESTED and TESTED.accepted
    assert held_to(TESTED, max_misses=5, max_false_alarms="10%").accepted
    failed = held_to(TESTED, max_misses=4, max_false_alarms=0.05)
    assert failed.acceptance is not None and not failed.accepted
    assert failed.acceptance.failures == [
        "5 of 100 defective photos are missed, 4 may be",
        "2 of 30 good photos are false alarms, 1 may be",
    ]
    write_evaluation(failed, tmp_path / "evaluation.json")
    assert read_evaluation(tmp_path / "evaluation.json") == failed


def test_a_test_set_that_cannot_tell_is_not_accepted() -> None:
    no_defects = replace(TESTED, misses=0, defective_photos=0)
    assert not held_to(no_defects, max_misses=3, max_false_alarms=None).accepted
    assert held_to(no_defects, max_misses=None, max_false_alarms=3).accepted
