"""A promise is quoted in its unit, and held only against a count of that unit."""

from dataclasses import replace

import pytest

from blemish.evaluation.comparison import FalseAlarms, expectation, false_alarms_in_unit, why_not_compared
from blemish.evaluation.record import Evaluation, PartCounts
from evaluation.example import EVALUATION

PARTS = PartCounts(parts=4, alarmed=2, alarm_interval=(0.1, 0.9), marked=3)


def counted(**changes: object) -> Evaluation:
    """Eight good photos, one above the threshold."""
    found: Evaluation = replace(EVALUATION, good_photos=8, false_alarms=1, false_alarm_interval=(0.0, 0.5), **changes)  # type: ignore[arg-type]
    return found


def test_a_promise_of_photos_is_compared_with_photos() -> None:
    alone = PartCounts(parts=8, alarmed=1, alarm_interval=(0.0, 0.5), marked=1)
    for parts in (None, alone):
        found = false_alarms_in_unit(counted(unit="photos", good_parts=parts))
        assert found == FalseAlarms(count=1, of=8, unit="photos", interval=(0.0, 0.5))


def test_a_promise_of_parts_is_compared_with_parts() -> None:
    found = false_alarms_in_unit(counted(unit="parts", good_parts=PARTS))
    assert found == FalseAlarms(count=2, of=4, unit="parts", interval=(0.1, 0.9))


def test_what_is_of_another_unit_is_compared_with_nothing_and_says_why() -> None:
    unknown, dependent = counted(unit="parts", good_parts=None), counted(unit="photos", good_parts=PARTS)
    assert false_alarms_in_unit(unknown) is None
    assert "which of these photos show the same part is not known" in why_not_compared(unknown)
    assert false_alarms_in_unit(dependent) is None
    assert "several of these photos show the same part" in why_not_compared(dependent)


def test_without_good_photos_there_is_nothing_to_compare() -> None:
    assert false_alarms_in_unit(replace(EVALUATION, unit="photos", good_photos=0, good_parts=None)) is None


@pytest.mark.parametrize(
    ("unit", "promised", "said"),
    [
        ("photos", True, "at most 5 % of good photos are expected to score above the threshold, or to be unusual"),
        (
            "parts",
            True,
            "at most 5 % of good parts are expected to have a photo above the threshold, or an unusual one",
        ),
        ("photos", False, "5 % of good photos are thought to score above the threshold"),
        ("parts", False, "5 % of good parts are thought to have a photo above the threshold"),
    ],
)
def test_an_expectation_names_its_unit(unit: str, promised: bool, said: str) -> None:
    assert expectation(0.05, "parts" if unit == "parts" else "photos", promised=promised) == said
