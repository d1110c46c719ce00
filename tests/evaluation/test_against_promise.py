"""A promise is quoted in its unit, and held only against a count of that unit."""

from dataclasses import replace

import pytest

from blemish.cli.evaluate import lines_of_evaluation
from blemish.evaluation.against_promise import (
    FalseAlarms,
    expectation,
    false_alarms_in_unit,
    other_photos_of_known_parts,
    unlike_parts,
    why_not_compared,
)
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


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (
            0.5,
            "2 photos each, those calibrated with 0.5: the highest score of more photos is higher, so that more parts",
        ),
        (
            4.0,
            "2 photos each, those calibrated with 4: the highest score of fewer photos is lower, so that fewer parts",
        ),
        (2.5, None),
        (None, None),
    ],
)
def test_parts_with_more_or_fewer_photos_than_those_calibrated_with_are_said(
    before: float | None, said: str | None
) -> None:
    found = counted(unit="parts", good_parts=PARTS, calibration_photos_per_part=before)
    line = unlike_parts(found)
    assert (line is None) == (said is None)
    if line and said:
        assert said in line
        assert any(line in told for told in lines_of_evaluation(found))
    assert unlike_parts(replace(found, unit="photos")) is None


def test_copies_are_not_told_of_a_second_time_as_photos_of_known_parts() -> None:
    found = counted(of_known_parts=["/parts/a.png", "/parts/b.png"])
    assert found.duplicates == ["/parts/a.png"]
    assert other_photos_of_known_parts(found) == ["/parts/b.png"]


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
