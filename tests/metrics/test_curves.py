"""Curves of two hundred points that say what those of millions do."""

import numpy as np
import pytest

from blemish.metrics import curves
from blemish.metrics.pixels import collect
from blemish.metrics.ranking import rank


def test_a_small_curve_keeps_every_corner() -> None:
    curve = curves.roc(rank([True, True, False, False], [4.0, 2.0, 3.0, 1.0]))
    assert list(zip(curve.x, curve.y, strict=True)) == [(0, 0), (0, 0.5), (0.5, 0.5), (0.5, 1), (1, 1)]


def test_a_tie_is_a_straight_line() -> None:
    curve = curves.roc(rank([True, False, False], [1.0, 1.0, 1.0]))
    assert list(zip(curve.x, curve.y, strict=True)) == [(0, 0), (1, 1)]


@pytest.mark.parametrize("at_once", [1 << 25, 5000])
def test_a_large_curve_is_thinned_to_points_of_itself_with_its_ends_and_its_area(at_once: int) -> None:
    rng = np.random.default_rng(0)
    masks = rng.random((4, 80, 80)) < 0.2
    maps = (masks + rng.normal(size=masks.shape)).astype(np.float32)
    ranking = collect(masks, maps, at_once=at_once).ranking
    roc, pr = curves.roc(ranking), curves.precision_recall(ranking)
    assert 150 < len(roc.x) <= 200
    assert 150 < len(pr.x) <= 200
    assert (roc.x[0], roc.y[0], roc.x[-1], roc.y[-1]) == (0, 0, 1, 1)
    assert pr.x[-1] == 1
    assert pr.y[-1] == pytest.approx(
        ranking.anomalous / (ranking.anomalous + np.sum(~masks & (maps >= maps[masks].min())))
    )
    area = np.diff(roc.x) @ (np.array(roc.y[1:]) + np.array(roc.y[:-1])) / 2
    assert area == pytest.approx(ranking.auroc(), abs=1e-3)
    exact = {(x, y) for xs, ys in ranking.corners() for x, y in zip(xs.tolist(), ys.tolist(), strict=True)}
    assert set(zip(roc.x, roc.y, strict=True)) <= exact
    assert max(np.diff(pr.x)) < 0.02
    assert max(np.diff(np.array(roc.x) + np.array(roc.y))) < 0.03
