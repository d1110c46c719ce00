"""Columns that cut scores alike for all photos."""

import numpy as np
import pytest

from blemish.metrics.tally import cut, quantiles, sketch


def test_scores_at_an_edge_have_a_column_of_their_own() -> None:
    starts = cut(np.array([1.0, 2.0, 2.0, 3.0, 4.0]), np.array([2.0, 4.0]))
    assert np.diff(starts).tolist() == [1, 2, 1, 1, 0]  # below 2, at 2, between, at 4, above 4


def test_quantiles_leave_half_a_share_at_both_ends() -> None:
    assert quantiles(np.arange(100.0), np.ones(100), count=4).tolist() == [12, 37, 62, 87]
    assert quantiles(np.array([3.0, 1.0, 3.0]), np.ones(3), count=4).tolist() == [1, 3]


def test_quantiles_follow_the_weights() -> None:
    weights = np.where(np.arange(100) < 50, 3.0, 1.0)
    assert quantiles(np.arange(100.0), weights, count=4).tolist() == [8, 24, 41, 74]


def test_a_sketch_keeps_both_ends_and_the_weight_of_all() -> None:
    chosen, weights = sketch(np.arange(1000.0), most=11)
    assert chosen[0] == 0 and chosen[-1] == 999 and len(chosen) == 11
    assert weights.sum() == pytest.approx(1000)
    assert sketch(np.arange(3.0), most=11)[1].tolist() == [1, 1, 1]
