"""Rankings against scikit-learn, against plain loops, and where scores are awkward."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from blemish.errors import MetricError
from blemish.metrics.ranking import auroc, average_precision, best_f1, precision_recall_curve, rank, roc_curve

Scored = tuple[list[bool], list[float]]

unhurried = settings(deadline=None)  # a first call may import for long, and a busy machine may stall
tying = st.integers(-3, 3).map(float)
any_finite = st.floats(allow_nan=False, allow_infinity=False, width=32)


@st.composite
def scored(draw: st.DrawFn, scores: st.SearchStrategy[float] = tying | any_finite) -> Scored:
    """A truth with both classes and a score for each."""
    truth = [True, False, *draw(st.lists(st.booleans(), max_size=40))]
    return truth, draw(st.lists(scores, min_size=len(truth), max_size=len(truth)))


@unhurried
@given(scored())
def test_auroc_is_scikit_learns_with_ties_and_any_range(case: Scored) -> None:
    assert auroc(*case) == pytest.approx(roc_auc_score(*case), abs=1e-12)


@unhurried
@given(scored())
def test_average_precision_is_scikit_learns_with_ties_and_any_range(case: Scored) -> None:
    assert average_precision(*case) == pytest.approx(average_precision_score(*case), abs=1e-12)


@given(scored())
def test_best_f1_is_the_best_of_all_thresholds_and_its_threshold_gives_it(case: Scored) -> None:
    def f1_at(threshold: float) -> float:
        called = [score >= threshold for score in case[1]]
        hits = sum(c and t for c, t in zip(called, case[0], strict=True))
        return 2 * hits / (sum(called) + sum(case[0]))

    every = {threshold: f1_at(threshold) for threshold in case[1]}
    f1, threshold = best_f1(*case)
    assert f1 == pytest.approx(max(every.values()), abs=1e-12)
    assert threshold == max(t for t, value in every.items() if value == max(every.values()))


@given(scored())
def test_the_roc_curve_rises_from_corner_to_corner_over_an_area_of_auroc(case: Scored) -> None:
    rate, recall = roc_curve(*case)
    assert (rate[0], recall[0]) == (0, 0)
    assert (rate[-1], recall[-1]) == (1, 1)
    assert (np.diff(rate) >= 0).all()
    assert (np.diff(recall) >= 0).all()
    assert np.diff(rate) @ (recall[1:] + recall[:-1]) / 2 == pytest.approx(auroc(*case), abs=1e-12)


@given(scored(tying))
def test_each_point_of_the_precision_recall_curve_is_what_its_threshold_gives(case: Scored) -> None:
    truth, scores = np.array(case[0]), np.array(case[1])
    for precision, recall, threshold in zip(*precision_recall_curve(*case), strict=True):
        assert precision == pytest.approx(truth[scores >= threshold].mean())
        assert recall == pytest.approx((scores[truth] >= threshold).mean())


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_scores_far_from_zero_to_one_are_ranked_as_they_are(dtype: type[np.generic]) -> None:
    truth = np.arange(50) >= 40
    for scores in (np.arange(20, 70), np.arange(50) * 1_000_000, np.arange(50) - 1_000):
        assert auroc(truth, scores.astype(dtype)) == 1
        assert average_precision(truth, scores.astype(dtype)) == 1
        assert best_f1(truth, scores.astype(dtype)) == (1, scores[40])


def test_constant_scores_say_nothing() -> None:
    truth = [True, False, False, False]
    assert auroc(truth, [7.0] * 4) == 0.5
    assert average_precision(truth, [7.0] * 4) == 0.25
    assert best_f1(truth, [7.0] * 4) == (0.4, 7.0)


def test_the_highest_threshold_is_given_where_several_are_best() -> None:
    assert best_f1([True, True, False, False, True], [5.0, 4.0, 3.0, 2.0, 1.0])[1] == 4
    assert best_f1([True, False, True], [3.0, 2.0, 1.0]) == (0.8, 1.0)
    assert best_f1([True, False, False, True], [4.0, 3.0, 2.0, 1.0]) == (2 / 3, 4.0)


def test_zero_ties_with_minus_zero() -> None:
    assert auroc([True, False], [-0.0, 0.0]) == 0.5
    assert auroc([True, False], [0.0, -0.0]) == 0.5


def test_infinite_scores_are_ranked_above_and_below_all_others() -> None:
    assert auroc([True, False, False], [np.inf, 1.0, -np.inf]) == 1


def test_images_of_scores_are_ranked_like_one_row_of_them() -> None:
    rng = np.random.default_rng(0)
    truth, scores = rng.random((3, 5, 4)) < 0.3, rng.normal(size=(3, 5, 4)).astype(np.float32)
    assert auroc(truth, scores) == auroc(truth.ravel(), scores.ravel())


def test_ranking_leaves_the_scores_as_they_were() -> None:
    scores = np.array([3.0, 1.0, 2.0, 0.0])
    auroc([True, False, False, False], scores)
    assert scores.tolist() == [3.0, 1.0, 2.0, 0.0]


@pytest.mark.parametrize("truth", [[True, True], [False, False], []])
def test_one_class_alone_is_refused_with_the_count_of_each(truth: list[bool]) -> None:
    with pytest.raises(MetricError, match=f"^{sum(truth)} anomalous and {len(truth) - sum(truth)} normal photos: .*$"):
        rank(truth, [1.0] * len(truth), unit="photos")


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_nan_is_refused_in_either_class(place: int) -> None:
    scores = [1.0, 2.0, 3.0, 4.0]
    scores[place] = float("nan")
    with pytest.raises(MetricError, match="NaN among the scores"):
        rank([True, False, True, False], scores)


def test_a_truth_of_another_shape_is_refused_with_both_shapes() -> None:
    with pytest.raises(MetricError, match=r"\(2,\).*\(3,\)"):
        rank([True, False], [1.0, 2.0, 3.0])


def test_of_two_thresholds_with_the_best_f1_the_higher_is_told_also_where_stretches_part_them() -> None:
    scores = [9.0, 9.0, 5.0, 5.0, 7.0, 7.0, 7.0, 7.0]  # from 9: 2 hits of 4; from 5: 4 hits, 4 false alarms
    tied = rank([1, 1, 1, 1, 0, 0, 0, 0], scores)
    (stretch,) = tied.stretches
    assert tied.best_f1()[0] == pytest.approx(2 / 3)
    for stretches in ([stretch], [stretch[:1], stretch[1:]]):
        best, at = replace(tied, stretches=stretches).best_f1()
        assert (best, at) == (2 / 3, 9.0)
