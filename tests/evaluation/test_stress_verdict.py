"""What is said of figures on changed photos: how far a model holds, what breaks first, which limits are broken."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from blemish.errors import BlemishError, DataError, SettingsError
from blemish.evaluation.stress_limits import (
    broken_limits,
    checked_limits,
    condition_and_strength,
    read_limits,
    write_limits_file,
)
from blemish.evaluation.stress_record import (
    Holding,
    StrengthCounts,
    StressedCondition,
    StressTest,
    WrongCount,
    read_stress,
    write_stress,
)
from blemish.evaluation.stress_verdict import (
    allowed_false_alarms,
    allowed_misses,
    breaks_first,
    count_says,
    expected_rate,
    headline_of,
    holding_of,
    says_how_far,
)
from blemish.metrics.intervals import binomial
from blemish.synthesis.conditions import CONDITIONS

ALLOWED = 0.1


def wrong(count: int, of: int = 40) -> WrongCount:
    interval = binomial(count, of)
    assert interval is not None
    return WrongCount(wrong=count, photos=of, interval=interval)


def condition(name: str, alarms: dict[float, int], misses: dict[float, int] | None = None) -> StressedCondition:
    """False alarms of 40 good photos, and misses of 40 defective ones, by strength; ALLOWED of each may be wrong."""
    kind, strengths = CONDITIONS[name], []
    for strength, count in alarms.items():
        good, bad = wrong(count), None if misses is None else wrong(misses[strength])
        strengths.append(
            StrengthCounts(
                key=kind.key(strength),
                value=strength,
                said=kind.says(strength),
                good=good,
                defective=bad,
                holding=holding_of(good, bad, alarms=ALLOWED, misses=ALLOWED),
            )
        )
    bare = StressedCondition(
        name=name,
        meaning=kind.meaning,
        unchanged=kind.unchanged,
        strengths=strengths,
        ordered=not kind.names,
        milder_is_higher=kind.milder_is_higher,
        says="",
    )
    return replace(bare, says=says_how_far(bare, alarms=ALLOWED, misses=ALLOWED))


def stress_test(*conditions: StressedCondition) -> StressTest:
    return StressTest(
        good_root="/good",
        defective_root=None,
        provenance=None,
        judged_at="2026-01-01T00:00:00+00:00",
        seed=0,
        threshold=1.0,
        asked_rate=0.1,
        promised_rate=0.1,
        unit="photos",
        calibration_n=9,
        allowed_rate=ALLOWED,
        allowed_miss_rate=None,
        good=wrong(1),
        defective=None,
        conditions=list(conditions),
    )


@pytest.mark.parametrize(
    ("alarms", "misses", "holding"),
    [
        (4, None, "holds"),  # a tenth, which is allowed
        (5, None, "doubtful"),
        (8, None, "doubtful"),  # at least 9.1 %
        (9, None, "breaks"),  # at least 10.8 %
        (0, 4, "holds"),
        (0, 5, "doubtful"),
        (5, 9, "breaks"),
        (9, 5, "breaks"),
    ],
)
def test_a_strength_breaks_where_chance_alone_does_not_explain_it(
    alarms: int, misses: int | None, holding: Holding
) -> None:
    bad = None if misses is None else wrong(misses)
    assert holding_of(wrong(alarms), bad, alarms=ALLOWED, misses=ALLOWED) == holding


def test_of_many_photos_nothing_is_said_to_be_certain() -> None:
    said = [count_says(wrong(count, of)) for count, of in ((0, 40), (1, 15), (0, 1000), (1000, 1000), (2000, 2000))]
    ends = ["0 to 9 %", "0 to 32 %", "0 to 0.4 %", "99.6 to 100 %", "99.8 to 100 %"]
    assert [text.partition("(")[2] for text in said] == [f"{text})" for text in ends]


def test_what_is_allowed_is_the_promise_or_the_unchanged_photos_and_a_twentieth_more_misses() -> None:
    assert allowed_false_alarms(wrong(1), 0.1) == 0.1 and allowed_false_alarms(wrong(8), 0.1) == 0.2
    assert allowed_misses(wrong(2)) == pytest.approx(0.1) and allowed_misses(None) is None


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (
            condition("brightness", {0.8: 3, 0.9: 0, 1.1: 4, 1.2: 2}),
            "holds at every strength tried (from -20 % to +20 %)",
        ),
        (condition("shift", {2: 0, 4: 1}), "holds at every strength tried (up to 4 px)"),
        (
            condition("brightness", {0.8: 20, 0.9: 0, 1.1: 1, 1.2: 6, 1.4: 40}),
            "holds from -10 % to +10 %; doubtful at +20 % (6 of 40 good photos alarm); "
            "breaks at -20 % (20 of 40 good photos alarm) and +40 % (40 of 40 good photos alarm)",
        ),
        (
            condition("brightness", {0.9: 30, 1.1: 1}),
            "holds from unchanged to +10 %; breaks at -10 % (30 of 40 good photos alarm)",
        ),
        (condition("blur", {0.5: 30, 1: 0}), "breaks at 0.5 px (30 of 40 good photos alarm)"),
        (
            condition("jpeg", {50: 30, 70: 0, 90: 0}, {50: 9, 70: 0, 90: 0}),
            "holds up to quality 70; breaks at quality 50 "
            "(30 of 40 good photos alarm; 9 of 40 defective ones are missed)",
        ),
        (
            condition("noise", {0.01: 0, 0.02: 0}, {0.01: 0, 0.02: 9}),
            "holds up to 1 %; breaks at 2 % (9 of 40 defective ones are missed)",
        ),
        (
            condition("resize", {0: 40, 1: 0, 2: 5}),
            "holds with linear; doubtful with box (5 of 40 good photos alarm); "
            "breaks with nearest (40 of 40 good photos alarm)",
        ),
        (condition("resize", {0: 0, 4: 0}), "holds with each (nearest, lanczos)"),
    ],
)
def test_how_far_a_model_holds_is_said_in_words(found: StressedCondition, says: str) -> None:
    assert found.says == says


def test_what_breaks_first_is_the_mildest_strength_that_breaks_and_of_these_the_worst() -> None:
    late = condition("shift", {2: 0, 4: 0, 8: 40})
    early = condition("jpeg", {30: 40, 50: 40, 70: 20, 90: 0})
    worse = condition("brightness", {0.8: 30, 0.9: 0, 1.1: 6})
    first = breaks_first(stress_test(late, early, worse))
    assert first is not None and (first[0].name, first[1].said) == ("brightness", "-20 %")
    assert headline_of(stress_test(late, early)) == (
        "What breaks first is jpeg, at quality 70: 20 of 40 good photos alarm."
    )
    assert headline_of(stress_test(condition("blur", {1: 5}))).endswith("in doubt: blur.")
    assert headline_of(stress_test(condition("blur", {1: 0}))) == "The model holds under all that was tried."


def test_what_was_promised_is_said_in_its_own_unit() -> None:
    found = stress_test()
    assert expected_rate(found) == "promised: at most 10 % of good photos"
    assert expected_rate(replace(found, promised_rate=None)).startswith("expected, not promised: 10 %")
    assert expected_rate(replace(found, unit="parts")).endswith("of single photos fewer")


def test_figures_written_as_limits_are_kept_by_the_same_figures_and_broken_by_worse_ones(tmp_path: Path) -> None:
    found = stress_test(condition("brightness", {1.1: 3}), condition("resize", {4: 1}))
    write_limits_file(found, tmp_path / "limits.json")
    limits = read_limits(tmp_path / "limits.json")
    assert limits == {
        "unchanged": {"false_alarms": 0.025},
        "brightness 1.1": {"false_alarms": 0.075},
        "resize lanczos": {"false_alarms": 0.025},
    }
    assert broken_limits(found, limits) == []
    worse = stress_test(condition("brightness", {1.1: 4}), condition("resize", {4: 1}))
    assert broken_limits(worse, limits) == ["brightness 1.1: 4 of 40 good photos are false alarms (10 %), 7.5 % may be"]


def test_a_limit_without_a_figure_is_broken_and_says_why() -> None:
    found = replace(stress_test(condition("shift", {2: 0})), left_out={"colour": "grey photos have no colour"})
    limits = {"colour 0.05": {"false_alarms": 0.1}, "shift 4": {"false_alarms": 0.1}, "shift 2": {"misses": 0.5}}
    assert broken_limits(found, limits) == [
        "colour 0.05: false alarms are not known: grey photos have no colour",
        "shift 4: false alarms are not known: it was not tried",
        "shift 2: misses are not known: no defective photos were given",
    ]


def test_a_limit_counts_however_its_number_is_typed() -> None:
    assert checked_limits({"brightness 1.10": {"misses": 0}}, name="limits") == {"brightness 1.1": {"misses": 0.0}}
    assert condition_and_strength("resize lanczos") == ("resize", 4.0)


@pytest.mark.parametrize(
    ("limits", "kind", "words"),
    [
        ({}, DataError, "holds no limits"),
        ([1], DataError, "holds no limits"),
        ({"shift 2": 0.1}, DataError, "needs false_alarms or misses"),
        ({"shift 2": {"alarms": 0.1}}, DataError, "needs false_alarms or misses"),
        ({"shift 2": {"misses": 1.1}}, DataError, "give a share, 0 to 1"),
        ({"shift 2": {"misses": True}}, DataError, "give a share, 0 to 1"),
        ({"shift": {"misses": 0.1}}, SettingsError, "is of nothing"),
        ({"shift -2": {"misses": 0.1}}, SettingsError, "is no strength"),
        ({"fog 2": {"misses": 0.1}}, SettingsError, "is unknown"),
        ({"shift 2": {"misses": 0.1}, "shift 2.0": {"misses": 0.9}}, DataError, "'shift 2' has two limits"),
    ],
)
def test_a_file_that_holds_no_limits_is_one_line(
    limits: object, kind: type[BlemishError], words: str, tmp_path: Path
) -> None:
    (tmp_path / "limits.json").write_text(json.dumps(limits))
    with pytest.raises(kind, match=words) as raised:
        read_limits(tmp_path / "limits.json")
    assert "\n" not in str(raised.value)


def test_a_limit_that_a_file_names_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "limits.json").write_text('{"shift 2": {"misses": 0.1}, "shift 2": {"misses": 0.9}}')
    with pytest.raises(DataError, match="'shift 2' has two limits: leave one"):
        read_limits(tmp_path / "limits.json")


def test_the_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    found = stress_test(condition("jpeg", {30: 1}, {30: 2}), condition("shift", {2: 0}))
    write_stress(found, tmp_path / "stress.json")
    assert read_stress(tmp_path / "stress.json") == found
    (tmp_path / "stress.json").write_text((tmp_path / "stress.json").read_text().replace('"photos": 40', '"photos": 0'))
    with pytest.raises(DataError, match="are counted as wrong"):
        read_stress(tmp_path / "stress.json")
