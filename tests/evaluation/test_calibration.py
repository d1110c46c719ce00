"""The promise of a threshold: counted exactly, drawn at random, and refused where it cannot be given."""

import json
from collections.abc import Callable
from dataclasses import asdict
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blemish.errors import DataError, SettingsError
from blemish.evaluation.calibration import calibrate
from blemish.inference.calibration import Calibration

unhurried = settings(deadline=None)  # a first call may import for long, and a busy machine may stall
rates = st.decimals("0.001", "0.999", places=3).map(float)
some_scores = st.lists(st.integers(-5, 5).map(float) | st.floats(-1e9, 1e9), min_size=1, max_size=40)


@unhurried
@given(st.lists(st.integers(-5, 5) | st.floats(-1e9, 1e9), min_size=2, max_size=25), rates)
def test_whichever_photo_is_the_new_one_few_enough_of_them_are_false_alarms(scores: list[float], rate: float) -> None:
    alarms = promised = 0
    for new in range(len(scores)):
        calibration = calibrate(scores[:new] + scores[new + 1 :], false_alarm_rate=rate)
        alarms += scores[new] > calibration.threshold
        promised = round(calibration.promised_rate * len(scores))
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
    alarms = [row[0] > calibrate(row[1:], false_alarm_rate=rate).threshold for row in photos]
    promised = calibrate(photos[0, 1:], false_alarm_rate=rate).promised_rate
    slack = 4 * np.sqrt(promised * (1 - promised) / draws)
    assert np.mean(alarms) <= promised + slack
    if not ties:  # without ties the promise is not only kept but used up
        assert np.mean(alarms) >= promised - slack


@given(some_scores, rates, rates)
def test_asking_for_fewer_false_alarms_never_lowers_the_threshold(scores: list[float], one: float, two: float) -> None:
    strict, lax = (calibrate(scores, false_alarm_rate=rate) for rate in sorted((one, two)))
    assert strict.threshold >= lax.threshold
    assert strict.promised_rate <= lax.promised_rate


@given(some_scores, rates)
def test_the_threshold_is_the_lowest_held_out_score_that_keeps_the_rate(scores: list[float], rate: float) -> None:
    calibration = calibrate(scores, false_alarm_rate=rate)
    wanted = -(-(len(scores) + 1) * (1 - Fraction(str(rate))) // 1)  # ceil((n + 1)(1 - a))
    assert calibration.threshold == sorted(scores)[min(int(wanted), len(scores)) - 1]
    assert calibration.kept == (wanted <= len(scores))
    assert calibration.n == len(scores)


def test_too_few_photos_give_the_highest_score_and_what_it_promises() -> None:
    calibration = calibrate([3.0, 1.0, 2.0], false_alarm_rate=0.01)
    assert calibration.threshold == 3
    assert calibration.promised_rate == 0.25
    assert not calibration.kept
    assert "25 %" in calibration.statement()
    assert "1 % takes 99" in calibration.statement()


@given(rates)
def test_the_stated_number_of_photos_is_enough_and_one_fewer_is_not(rate: float) -> None:
    one = calibrate([0.0], false_alarm_rate=rate)
    needed = 1 if one.kept else int(one.statement().split()[-1])
    assert calibrate(range(needed), false_alarm_rate=rate).kept
    assert needed == 1 or not calibrate(range(needed - 1), false_alarm_rate=rate).kept


@pytest.mark.parametrize("hundredths", range(1, 100))
def test_rates_are_taken_as_the_decimals_that_were_typed(hundredths: int) -> None:
    calibration = calibrate(range(99), false_alarm_rate=float(f"0.{hundredths:02}"))
    assert calibration.threshold == 99 - hundredths
    assert calibration.promised_rate == calibration.false_alarm_rate
    assert calibration.kept
    assert f"{hundredths} %" in calibration.statement()


def test_the_percentile_of_a_score_is_the_share_of_known_good_photos_below_it() -> None:
    calibration = calibrate([1.0, 2.0, 2.0, 4.0], false_alarm_rate=0.5)
    assert [calibration.percentile(score) for score in (0.0, 1.0, 2.0, 3.0, 4.0, 9.0)] == [0, 0, 25, 75, 75, 100]


@given(some_scores, rates)
def test_a_calibration_survives_json(scores: list[float], rate: float) -> None:
    calibration = calibrate(scores, false_alarm_rate=rate)
    assert Calibration.from_json(json.loads(json.dumps(asdict(calibration), allow_nan=False))) == calibration


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1, 5.0, float("nan")])
def test_a_rate_that_is_no_share_is_refused(rate: float) -> None:
    with pytest.raises(SettingsError, match="above 0 and below 1"):
        calibrate([1.0], false_alarm_rate=rate)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_scores_that_are_not_finite_are_refused(bad: float) -> None:
    with pytest.raises(DataError, match="not finite"):
        calibrate([1.0, bad, 2.0], false_alarm_rate=0.1)


def test_no_photos_at_all_are_refused() -> None:
    with pytest.raises(DataError, match="at least one"):
        calibrate([], false_alarm_rate=0.1)
