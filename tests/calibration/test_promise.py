"""The promise of a threshold: counted exactly, drawn at random, and refused where it cannot be given."""

import json
from collections.abc import Callable
from dataclasses import asdict
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blemish.calibration.promise import (
    ROUNDING,
    calibration_of,
    estimated_threshold,
    highest_of_each,
    promised_threshold,
)
from blemish.errors import DataError, SettingsError
from blemish.model.thresholds import Calibration, photos_needed
from blemish.records import record_from_json

unhurried = settings(deadline=None)  # a first call may import for long, and a busy machine may stall
rates = st.decimals("0.001", "0.999", places=3).map(float)


def just_above(score: float) -> float:
    """Where the threshold stands that comes from a score: runtimes may differ by that much."""
    return score + ROUNDING * abs(score)


some_scores = st.lists(st.integers(-5, 5).map(float) | st.floats(-1e9, 1e9), min_size=1, max_size=40)


@unhurried
@given(st.lists(st.integers(-5, 5) | st.floats(-1e9, 1e9), min_size=2, max_size=25), rates)
def test_whichever_photo_is_the_new_one_few_enough_of_them_are_false_alarms(scores: list[float], rate: float) -> None:
    alarms = promised = 0
    for new in range(len(scores)):
        threshold = promised_threshold(scores[:new] + scores[new + 1 :], rate)
        alarms += scores[new] > threshold.value
        promised = round((threshold.promised_rate or 0) * len(scores))
    assert alarms <= promised  # exact for any n + 1 exchangeable photos, ties or not


@pytest.mark.parametrize("n", [5, 30, 99])
@pytest.mark.parametrize("rate", [0.02, 0.1, 0.25])
@pytest.mark.parametrize(
    ("draw", "ties"),
    [
        (lambda rng, shape: rng.lognormal(sigma=2, size=shape), False),
        (lambda rng, shape: rng.poisson(1.0, shape).astype(float), True),
    ],
    ids=["continuous", "ties"],
)
def test_the_promise_holds_over_many_draws(
    n: int, rate: float, draw: Callable[[np.random.Generator, tuple[int, int]], np.ndarray], ties: bool
) -> None:
    draws = 4000
    photos = draw(np.random.default_rng(n), (draws, n + 1))
    alarms = [row[0] > promised_threshold(row[1:], rate).value for row in photos]
    promised = promised_threshold(photos[0, 1:], rate).promised_rate
    assert promised is not None
    slack = 4 * np.sqrt(promised * (1 - promised) / draws)
    assert np.mean(alarms) <= promised + slack
    if not ties:  # without ties the promise is not only kept but used up
        assert np.mean(alarms) >= promised - slack


@pytest.mark.parametrize(("n", "rate"), [(5, 0.2), (30, 0.1), (200, 0.01)])
def test_in_95_of_100_draws_the_true_rate_is_below_the_one_stated(n: int, rate: float) -> None:
    draws = np.random.default_rng(n).random((4000, n))  # the share of good photos above a uniform score u is 1 - u
    kept = [1 - (threshold := promised_threshold(row, rate)).value < (threshold.rate_95 or 0) for row in draws]
    assert abs(np.mean(kept) - 0.95) < 4 * np.sqrt(0.95 * 0.05 / len(draws))


@given(some_scores, rates, rates)
def test_asking_for_fewer_false_alarms_never_lowers_the_threshold(scores: list[float], one: float, two: float) -> None:
    strict, lax = (promised_threshold(scores, rate) for rate in sorted((one, two)))
    assert strict.value >= lax.value
    assert (strict.promised_rate or 0) <= (lax.promised_rate or 0)


@given(some_scores, rates)
def test_the_threshold_is_the_lowest_held_out_score_that_keeps_the_rate(scores: list[float], rate: float) -> None:
    threshold = promised_threshold(scores, rate)
    wanted = -(-(len(scores) + 1) * (1 - Fraction(str(rate))) // 1)  # ceil((n + 1)(1 - a))
    assert threshold.value == just_above(sorted(scores)[min(int(wanted), len(scores)) - 1])
    assert threshold.is_promised == (wanted <= len(scores))


def test_too_few_photos_give_the_highest_score_and_what_it_promises() -> None:
    calibration = calibration_of([3.0, 1.0, 2.0], [1, 1, 1], false_alarm_rate=0.01)
    assert calibration.image.value == just_above(3)
    assert calibration.image.promised_rate == 0.25
    assert not calibration.image.is_promised
    assert "25 %" in calibration.statement()
    assert "1 % takes 99" in calibration.statement()


@given(rates)
def test_the_stated_number_of_photos_is_enough_and_one_fewer_is_not(rate: float) -> None:
    needed = photos_needed(rate)
    assert promised_threshold(range(max(needed, 1)), rate).is_promised
    assert needed <= 1 or not promised_threshold(range(needed - 1), rate).is_promised


@pytest.mark.parametrize("hundredths", range(1, 100))
def test_rates_are_taken_as_the_decimals_that_were_typed(hundredths: int) -> None:
    threshold = promised_threshold(range(99), float(f"0.{hundredths:02}"))
    assert threshold.value == just_above(99 - hundredths)
    assert threshold.promised_rate == threshold.asked_rate
    assert threshold.is_promised
    assert f"{hundredths} %" in threshold.statement(99, "photos")


@pytest.mark.parametrize(("n", "rate"), [(3, 0.05), (10, 0.01), (100, 0.002)])
def test_the_estimate_is_exact_where_logarithms_of_scores_are_normal(n: int, rate: float) -> None:
    draws = 20_000
    photos = np.random.default_rng(n).lognormal(3.0, 0.7, (draws, n + 1))
    alarms = [row[0] > estimated_threshold(row[1:], rate).value for row in photos]
    assert abs(np.mean(alarms) - rate) < 4 * np.sqrt(rate * (1 - rate) / draws)


@given(st.lists(st.floats(0.1, 10), min_size=20, max_size=40), st.floats(1e-3, 1e3), rates)
def test_the_estimate_follows_the_scale_of_the_scores(scores: list[float], factor: float, rate: float) -> None:
    one, other = estimated_threshold(scores, rate), estimated_threshold([s * factor for s in scores], rate)
    assert other.value == pytest.approx(one.value * factor, rel=1e-6)


def test_an_estimate_promises_nothing_and_says_so() -> None:
    calibration = calibration_of([1.0, 2.0, 4.0], [1, 1, 1], false_alarm_rate=0.01, estimate=True)
    assert calibration.image.estimated
    assert calibration.pixel.estimated
    assert (calibration.image.promised_rate, calibration.image.rate_95, calibration.image.is_promised) == (
        None,
        None,
        False,
    )
    assert calibration.image.value > 4
    assert "an estimate, not a promise" in calibration.statement()


@pytest.mark.parametrize(("scores", "named"), [([1.0, 2.0], "takes 3"), ([0.0, 1.0, 2.0], "above 0")])
def test_where_nothing_can_be_estimated_it_says_why(scores: list[float], named: str) -> None:
    with pytest.raises(DataError, match=named):
        estimated_threshold(scores, 0.01)


def test_an_estimate_above_any_score_is_refused_for_no_model_could_hold_it() -> None:
    with pytest.raises(DataError, match="above any score"):
        estimated_threshold([1.0, 2.0, 3.0], 1e-6)
    with pytest.raises(DataError, match="above any score"):
        estimated_threshold([2.0, 2.0, 2.0], 1e-17)  # infinitely many times nothing


def test_between_two_thresholds_a_person_should_look() -> None:
    calibration = calibration_of(range(99), range(99), false_alarm_rate=0.01, check_rate=0.1)
    assert calibration.check is not None
    assert (calibration.check.value, calibration.image.value) == (just_above(89), just_above(98))
    assert [calibration.thresholds.verdict(s) for s in (0, 89, 89.5, 98, 98.5)] == [
        *("normal", "normal", "check", "check", "anomalous"),
    ]
    without = calibration_of(range(99), range(99), false_alarm_rate=0.01)
    assert [without.thresholds.verdict(s) for s in (89.5, 98, 98.5)] == ["normal", "normal", "anomalous"]


def test_fewer_photos_to_check_than_false_alarms_is_refused() -> None:
    with pytest.raises(SettingsError, match="above the false alarm rate"):
        calibration_of([1.0], [1.0], false_alarm_rate=0.1, check_rate=0.1)


def test_the_pixel_threshold_marks_anything_on_as_few_good_photos_as_were_asked_for() -> None:
    rng = np.random.default_rng(0)
    maps = rng.random((200, 8, 8)) * rng.random((200, 1, 1))
    calibration = calibration_of(range(200), maps.max((1, 2)).tolist(), false_alarm_rate=0.05)
    assert (maps > calibration.pixel.value).any((1, 2)).sum() == 9  # of 201 with the next one: 10
    assert calibration.image.value == just_above(190)


def test_the_percentile_of_a_score_is_the_share_of_known_good_photos_below_it() -> None:
    calibration = calibration_of([1.0, 2.0, 2.0, 4.0], [1, 1, 1, 1], false_alarm_rate=0.5)
    assert [calibration.percentile(score) for score in (0.0, 1.0, 2.0, 3.0, 4.0, 9.0)] == [0, 0, 25, 75, 75, 100]


@given(some_scores, rates, st.booleans())
def test_a_calibration_survives_json(scores: list[float], rate: float, check: bool) -> None:
    calibration = calibration_of(scores, scores, false_alarm_rate=rate, check_rate=(1 + rate) / 2 if check else None)
    values = json.loads(json.dumps(asdict(calibration), allow_nan=False))
    assert record_from_json(Calibration, values, name="calibration") == calibration


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1, 5.0, float("nan")])
def test_a_rate_that_is_no_share_is_refused(rate: float) -> None:
    for threshold in (promised_threshold, estimated_threshold):
        with pytest.raises(SettingsError, match="above 0 and below 1"):
            threshold([1.0, 2.0, 3.0], rate)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_scores_that_are_not_finite_are_refused(bad: float) -> None:
    with pytest.raises(DataError, match="not finite"):
        calibration_of([1.0, bad, 2.0], [1.0, 1.0, 1.0], false_alarm_rate=0.1)


def test_no_photos_at_all_are_refused() -> None:
    with pytest.raises(DataError, match="at least one"):
        calibration_of([], [], false_alarm_rate=0.1)


def test_of_each_part_the_highest_photo_counts_in_whatever_order_they_come() -> None:
    assert highest_of_each(["a", "b", "a", "b"], [3.0, 1.0, 2.0, 4.0]) == [3.0, 4.0]
    assert highest_of_each(["a", "a"], [-2.0, -3.0]) == [-2.0]
