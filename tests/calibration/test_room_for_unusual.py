"""What is promised is of both alarms together: scores above the threshold, and photos that are unusual."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blemish.calibration.promise import calibration_of
from blemish.cli.calibrate import lines_of
from blemish.model.thresholds import Calibration
from blemish.model.usual import UNUSUAL_ABOVE


def calibrated(unusualness: list[float], rate: float = 0.05) -> Calibration:
    n = len(unusualness)
    return calibration_of(range(n), range(n), false_alarm_rate=rate, check_rate=0.5, unusualness=unusualness)


def test_usual_calibration_photos_cost_the_threshold_nothing() -> None:
    gated, alone = calibrated([1.0] * 99), calibration_of(range(99), range(99), false_alarm_rate=0.05, check_rate=0.5)
    assert (gated.image, gated.check) == (alone.image, alone.check)
    assert gated.unusual == UNUSUAL_ABOVE
    assert gated.unusual_rate == 0.01


def test_unusual_calibration_photos_take_places_of_the_promised_rate() -> None:
    found = calibrated([9.0, 9.0, *[1.0] * 97])  # five of a hundred may be stopped, these two are
    assert found.image.promised_rate == 0.05
    assert found.image.value == pytest.approx(96, rel=1e-3)  # the third highest score of the others
    assert found.unusual_rate == 0.03


def test_where_many_are_unusual_half_of_what_may_be_stopped_is_left_for_scores() -> None:
    found = calibrated([9.0] * 30 + [1.0] * 69)
    assert found.unusual is not None and found.unusual > 9
    assert found.unusual_rate == 0.01
    assert found.image.promised_rate == 0.05
    assert found.image.value == pytest.approx(97, rel=1e-3)  # two of a hundred by score
    alone = calibrated([1.0] * 99)
    assert found.image.rate_95 == alone.image.rate_95  # no more caution than where nothing is unusual
    few = calibrated([9.0, 1.0, 1.0])
    assert few.image.promised_rate == 0.5  # two of four, which is said, though 5 % were asked for


@given(data=st.data(), n=st.integers(9, 40), places=st.integers(2, 8))
def test_of_photos_each_of_which_could_be_the_next_no_more_are_stopped_than_promised(
    data: st.DataObject, n: int, places: int
) -> None:
    """So many of n + 1 as are promised, whichever are unusual: then the rate holds, for all are equally likely."""
    places = min(places, n)
    scores = np.array(data.draw(st.permutations(range(n + 1))), float)
    kinds = data.draw(st.lists(st.booleans(), min_size=n + 1, max_size=n + 1))
    unusualness = np.where(kinds, UNUSUAL_ABOVE + 1 + scores / n, scores / n)
    rate, stopped = (places + 0.5) / (n + 1), 0
    for next_one in range(n + 1):
        others = np.delete(np.arange(n + 1), next_one)
        found = calibration_of(
            scores[others].tolist(),
            scores[others].tolist(),
            false_alarm_rate=rate,
            unusualness=unusualness[others].tolist(),
        )
        assert found.image.promised_rate == pytest.approx(places / (n + 1))
        stopped += found.thresholds.verdict(scores[next_one], unusualness[next_one]) != "normal"
    assert stopped <= places


def test_unusualness_stays_beside_its_score_whatever_the_order() -> None:
    found = calibration_of([3.0, 1.0, 2.0], [1, 1, 1], false_alarm_rate=0.3, unusualness=[0.3, 0.1, 0.2])
    assert found.unusualness == (0.1, 0.2, 0.3)


def test_an_estimate_says_what_comes_on_top_of_it() -> None:
    found = calibration_of(
        [1.0, 2.0, 4.0, 3.0], [1, 1, 1, 2], false_alarm_rate=0.01, estimate=True, unusualness=[1, 1, 1, 1]
    )
    assert "besides, at most 20 % are expected to be called unusual" in found.statement()


@pytest.mark.parametrize("odd", [0.0, 0.03, 0.3])
def test_both_alarms_together_are_as_rare_as_promised_on_average(odd: float) -> None:
    """A share of good photos is odd, and odd ones score higher too."""
    rng, alarms, promised = np.random.default_rng(1), [], []
    for _ in range(400):
        unusual = rng.random(139) < odd
        unusualness = np.where(unusual, rng.uniform(3, 9, 139), rng.uniform(0, 2, 139))
        scores = rng.normal(size=139) + 2 * unusual
        found = calibration_of(
            scores[:39].tolist(), scores[:39].tolist(), false_alarm_rate=0.1, unusualness=unusualness[:39].tolist()
        )
        verdicts = [found.thresholds.verdict(s, u) for s, u in zip(scores[39:], unusualness[39:], strict=True)]
        alarms.append(np.mean([verdict != "normal" for verdict in verdicts]))
        promised.append(found.image.promised_rate)
    assert np.mean(alarms) <= np.mean(np.array(promised, float)) + 3 * np.std(alarms) / 20
    assert np.mean(alarms) > 0.05


@pytest.mark.parametrize("odd", [0.01, 0.05, 0.07, 0.15])
def test_in_95_of_100_calibrations_both_alarms_together_are_below_what_is_said(odd: float) -> None:
    """Odd photos score lower than all others, so that no photo is stopped by both; scores are ranks of all photos."""
    rng, below = np.random.default_rng(2), 0
    for _ in range(draws := 2000):
        unusual, score, kind = rng.random(49) < odd, rng.random(49), rng.random(49)
        scores = np.where(unusual, odd * score, odd + (1 - odd) * score).tolist()
        unusualness = np.where(unusual, 3 + kind, kind).tolist()
        found = calibration_of(scores, scores, false_alarm_rate=0.1, unusualness=unusualness)
        assert found.unusual is not None and found.image.rate_95 is not None
        beyond = odd * min(4 - found.unusual, 1)  # share of all photos
        by_score = 1 - max(found.image.value, odd) + (odd - beyond) * max(1 - found.image.value / odd, 0)
        below += beyond + by_score <= found.image.rate_95
    assert below / draws > 0.95 - 3 * np.sqrt(0.05 * 0.95 / draws)


@pytest.mark.parametrize(("photos", "unusual", "needed"), [(16, 1, 19), (5, 3, 19), (5, 0, 9)])
def test_as_many_photos_as_are_said_to_be_needed_do_promise_the_rate(photos: int, unusual: int, needed: int) -> None:
    def calibrated(count: int) -> Calibration:
        beside = [*[2 * UNUSUAL_ABOVE] * unusual, *[0.0] * (count - unusual)]
        return calibration_of(range(count), range(count), false_alarm_rate=0.1, unusualness=beside)

    assert calibrated(photos).statement().endswith(f"can promise no less; 10 % takes {needed}")
    told = lines_of(calibrated(photos), Path("run"))[0]
    assert told.startswith(f"TOO FEW: with {photos} good photos") and f"; {needed} promise 10 %, " in told
    assert calibrated(needed).image.is_promised and not calibrated(needed - 1).image.is_promised
