"""Intervals against a slow bootstrap of whole photos, against scipy, and against the truth."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from blemish.metrics import METRICS, Judgements
from blemish.metrics.intervals import RESAMPLES_AT_ONCE, binomial, bootstrap
from blemish.metrics.pixels import collect
from blemish.metrics.ranking import auroc
from blemish.metrics.resamples import photo_weights, resamples_of_pixels

Masks = NDArray[np.bool_]
Maps = NDArray[np.float32]


def drawn(*, photos: int, side: int, digits: int, seed: int = 0) -> tuple[Masks, Maps]:
    """A third of the photos good, one or two defects in each other; few digits make few distinct values."""
    rng = np.random.default_rng(seed)
    masks = np.zeros((photos, side, side), bool)
    for mask in masks[photos // 3 :]:
        for size in rng.choice([side // 5, side // 4], rng.integers(1, 3), replace=False):
            y, x = rng.integers(0, side - size, 2)
            mask[y : y + size, x : x + size] = True
    per_photo = rng.normal(size=(photos, 1, 1)) / 2
    return masks, (1.5 * masks + per_photo + rng.normal(size=masks.shape)).round(digits).astype(np.float32)


DRAWN = {name: metric for name, metric in METRICS.items() if metric.drawn is not None}


def judgements(masks: Masks, maps: Maps) -> Judgements:
    scores = maps.reshape(len(maps), -1).mean(axis=1).astype(np.float64)
    return Judgements(anomalous=np.asarray(masks.any(axis=(1, 2))), scores=scores, maps=collect(masks, maps))


def slow_bootstrap(masks: Masks, maps: Maps, *, draws: int) -> dict[str, list[float]]:
    """Every drawn test set put together photo by photo, and measured exactly."""
    anomalous = masks.any(axis=(1, 2))
    kinds = [np.flatnonzero(~anomalous), np.flatnonzero(anomalous)]
    values: dict[str, list[float]] = {name: [] for name in DRAWN}
    for weights in photo_weights(kinds, np.random.default_rng(0), draws=draws):
        photos = np.repeat(np.arange(len(masks)), weights.astype(int))
        judged = judgements(masks[photos], maps[photos])
        for name, metric in DRAWN.items():
            values[name].append(metric.value(judged))
    return values


@pytest.mark.parametrize(("photos", "side", "digits", "closeness"), [(12, 12, 1, 1e-5), (15, 40, 9, 0.004)])
def test_intervals_are_those_of_a_slow_bootstrap_of_whole_photos(
    photos: int, side: int, digits: int, closeness: float
) -> None:
    masks, maps = drawn(photos=photos, side=side, digits=digits)
    judged = judgements(masks, maps)
    assert (len(np.unique(maps)) < 256) == (digits == 1)  # then columns hold one value each, and nothing is lost
    draws = 130
    found = bootstrap(judged, {name: metric.value(judged) for name, metric in DRAWN.items()}, draws=draws)
    for name, values in slow_bootstrap(masks, maps, draws=draws).items():
        # One region more or less found at 90 % moves IAP@90 by a step, wherever columns end.
        tolerance = 5 * closeness if name == "iap_at_90" else closeness
        low, high = np.quantile(values, [0.025, 0.975])
        assert found[name] == (pytest.approx((low, high), abs=tolerance) if high > low else None), name


def coarse_and_fine() -> tuple[Judgements, Judgements]:
    """The same photos, their pixels counted between few thresholds and between many."""
    masks, maps = drawn(photos=15, side=40, digits=9)
    fine = judgements(masks, maps)
    return replace(fine, maps=collect(masks, maps, edges=8)), fine


def test_scores_within_a_column_are_taken_to_mix_so_that_few_columns_come_near_the_exact_figure() -> None:
    coarse, _ = coarse_and_fine()
    assert coarse.maps is not None
    as_it_is = resamples_of_pixels(coarse.maps.tally, np.ones((1, 15)))
    assert as_it_is.average_precision() == pytest.approx([METRICS["pixel_ap"].value(coarse)], abs=0.02)
    assert as_it_is.iap() == pytest.approx([METRICS["iap"].value(coarse)], abs=0.01)


def test_what_columns_cost_is_taken_off_every_draw() -> None:
    coarse, fine = coarse_and_fine()
    values = {"pixel_ap": METRICS["pixel_ap"].value(fine)}
    expected, found = (bootstrap(judged, values, draws=200)["pixel_ap"] for judged in (fine, coarse))
    assert expected is not None
    assert found == pytest.approx(expected, abs=0.006)


def test_more_draws_than_fit_at_once_are_put_together() -> None:
    anomalous, scores = np.arange(20) >= 12, np.random.default_rng(0).normal(size=20)
    judged, draws = Judgements(anomalous=anomalous, scores=scores), RESAMPLES_AT_ONCE + 30
    kinds = [np.flatnonzero(~anomalous), np.flatnonzero(anomalous)]
    photos = [
        np.repeat(np.arange(20), weights.astype(int))
        for weights in photo_weights(kinds, np.random.default_rng(0), draws=draws)
    ]
    expected = np.quantile([auroc(anomalous[drawn], scores[drawn]) for drawn in photos], [0.025, 0.975])
    found = bootstrap(judged, {"image_auroc": auroc(anomalous, scores)}, draws=draws)["image_auroc"]
    assert found == pytest.approx(tuple(expected))


def test_19_of_20_intervals_hold_the_truth() -> None:
    truth, held = stats.norm.cdf(1 / np.sqrt(2)), 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        anomalous = np.arange(80) >= 40
        judged = Judgements(anomalous=anomalous, scores=rng.normal(size=80) + anomalous)
        interval = bootstrap(judged, {"image_auroc": METRICS["image_auroc"].value(judged)}, draws=300)["image_auroc"]
        assert interval is not None
        held += interval[0] <= truth <= interval[1]
    assert 180 <= held <= 200


def test_the_same_seed_gives_the_same_intervals_and_another_one_others() -> None:
    judged = judgements(*drawn(photos=12, side=12, digits=2))
    values = {name: metric.value(judged) for name, metric in DRAWN.items()}
    assert bootstrap(judged, values) == bootstrap(judged, values)
    assert bootstrap(judged, values) != bootstrap(judged, values, seed=1)


def test_every_draw_keeps_the_number_of_photos_of_each_kind() -> None:
    kinds = [np.array([0, 3, 4]), np.array([1, 2])]
    weights = photo_weights(kinds, np.random.default_rng(0), draws=50)
    assert (weights[:, kinds[0]].sum(axis=1) == 3).all()
    assert (weights[:, kinds[1]].sum(axis=1) == 2).all()
    assert len(np.unique(weights, axis=0)) > 10


def test_a_perfect_metric_has_no_interval_for_all_draws_agree() -> None:
    masks, _ = drawn(photos=9, side=30, digits=1)
    noise = np.random.default_rng(0).random(masks.shape, np.float32) / 2
    judged = judgements(masks, (masks + noise).astype(np.float32))
    perfect = dict.fromkeys(("pixel_auroc", "pixel_ap", "pro", "iap", "iap_at_90"), 1.0)
    assert bootstrap(judged, perfect, draws=50) == dict.fromkeys(perfect)


@pytest.mark.parametrize("alone", [True, False])
def test_one_photo_of_a_kind_cannot_vary_and_gives_no_interval(alone: bool) -> None:
    judged = Judgements(anomalous=np.array([alone, not alone, not alone]), scores=np.array([1.0, 0.0, 2.0]))
    assert bootstrap(judged, {"image_auroc": 0.5}) == {"image_auroc": None}


def test_an_undefined_metric_has_no_interval() -> None:
    judged = Judgements(anomalous=np.array([True, False] * 4), scores=np.arange(8.0))
    found = bootstrap(judged, {"image_auroc": METRICS["image_auroc"].value(judged), "pro": None}, draws=20)
    assert found["pro"] is None
    assert found["image_auroc"] is not None


def test_draws_without_any_defect_pixel_are_left_out() -> None:
    masks, maps = drawn(photos=6, side=12, digits=1)
    anomalous = np.asarray(masks.any(axis=(1, 2)))
    masks[3:] = False  # of four defective photos, one keeps its mask
    judged = Judgements(anomalous=anomalous, scores=np.arange(6.0), maps=collect(masks, maps))
    value = METRICS["pixel_ap"].value(judged)
    interval = bootstrap(judged, {"pixel_ap": value}, draws=100)["pixel_ap"]
    assert interval is not None
    assert 0 < interval[0] < value < interval[1] < 1


@pytest.mark.parametrize("of", [1, 7, 100])
def test_intervals_of_rates_are_scipys_exact_ones(of: int) -> None:
    for count in {0, 1, of // 2, of}:
        expected = stats.binomtest(count, of).proportion_ci(confidence_level=0.95, method="exact")
        assert binomial(count, of) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_no_photos_have_no_interval_of_a_rate() -> None:
    assert binomial(0, 0) is None
