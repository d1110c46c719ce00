"""Differences of two detectors on the same photos, held against other people's formulas."""

import numpy as np
import pytest
from scipy import stats

from blemish.metrics import Judgements
from blemish.metrics.intervals import drawn_figures
from blemish.metrics.paired import difference_interval, mcnemar
from blemish.metrics.ranking import Floats, auroc


@pytest.mark.parametrize(("first", "second"), [(0, 0), (1, 0), (6, 6), (7, 1), (1, 7), (0, 12), (30, 11)])
def test_mcnemar_is_the_binomial_test_of_the_photos_that_one_alone_gets_wrong(first: int, second: int) -> None:
    wanted = stats.binomtest(first, first + second, 0.5).pvalue if first + second else 1.0
    assert mcnemar(first, second) == pytest.approx(wanted, rel=1e-12)


def delong(good: Floats, bad: Floats) -> tuple[float, float]:
    """The difference of two AUROCs and its standard error (DeLong et al., 1988), photo by photo as in the paper; good
    and bad are (2, N) scores of both detectors."""
    beats = [np.where(b[:, None] > g, 1.0, np.where(b[:, None] == g, 0.5, 0.0)) for g, b in zip(good, bad, strict=True)]
    of_bad, of_good = (np.stack([wins.mean(axis=axis) for wins in beats]) for axis in (1, 0))
    covariance = np.cov(of_bad) / of_bad.shape[1] + np.cov(of_good) / of_good.shape[1]
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    return float(beats[0].mean() - beats[1].mean()), float(np.sqrt(variance))


def two_detectors(rng: np.random.Generator, *, photos: int, better: float) -> tuple[Floats, Floats]:
    """Scores of good and of bad photos by both: what makes a photo hard is common to them."""
    hard = rng.normal(size=(2, photos))
    own = 0.5 * rng.normal(size=(2, 2, photos))
    good, bad = hard[0] + own[0], hard[1] + own[1] + np.array([[1.2 + better], [1.2]])
    return np.round(good, 1), np.round(bad, 1)  # ties


@pytest.mark.parametrize("better", [0.0, 0.8])
def test_the_paired_interval_of_auroc_is_delongs(better: float) -> None:
    good, bad = two_detectors(np.random.default_rng(0), photos=120, better=better)
    truth = np.repeat([False, True], 120)
    drawn = []
    for own in (0, 1):
        scores = np.concatenate([good[own], bad[own]])
        judged = Judgements(anomalous=truth, scores=scores)
        drawn.append(drawn_figures(judged, {"image_auroc": auroc(truth, scores)})["image_auroc"])
    difference, error = delong(good, bad)
    found = difference_interval(*drawn)
    assert found is not None
    wanted = np.array([difference - 1.96 * error, difference + 1.96 * error])
    assert np.abs(np.array(found) - wanted).max() < 0.15 * 2 * 1.96 * error
    apart = np.diff(np.nanquantile(drawn[0] - np.random.default_rng(1).permutation(drawn[1]), [0.025, 0.975]))
    assert np.diff(found) < 0.75 * apart, "photos that are hard for both do not count against either"


def test_detectors_that_say_the_same_differ_in_nothing() -> None:
    drawn = np.linspace(0.5, 0.6, 100)
    assert difference_interval(drawn, drawn) is None
    assert difference_interval(np.append(drawn, np.nan), np.append(drawn - 0.1, 0.3)) is None, "NaN counts for nothing"
