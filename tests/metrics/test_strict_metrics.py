"""The metrics of newer data sets, each against a slow plain one that is written from its definition."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from blemish.errors import MetricError
from blemish.metrics import METRICS, Judgements
from blemish.metrics.per_image import aupimo, aupimo_of_photos
from blemish.metrics.pixels import PixelCollector
from blemish.metrics.saturation import SaturatedDefect

Defects = Sequence[tuple[NDArray[np.bool_], float]]


def judged(
    masks: NDArray[np.bool_],
    maps: NDArray[Any],
    *,
    defects: Sequence[Defects] = (),
    threshold: float | None = None,
    at_once: int = 1 << 25,
) -> Judgements:
    collector = PixelCollector(at_once=at_once)
    for photo, (mask, anomaly_map) in enumerate(zip(masks, maps, strict=True)):
        own = [SaturatedDefect(mask=m, share=share) for m, share in defects[photo]] if defects else []
        collector.add(anomaly_map.astype(np.float32), mask, saturated=own)
    anomalous = np.asarray(masks.any(axis=(1, 2)))
    return Judgements(
        anomalous=anomalous, scores=maps.max(axis=(1, 2)), maps=collector.pixels(), pixel_threshold=threshold
    )


def photos(seed: int, *, levels: int = 12) -> tuple[NDArray[np.bool_], NDArray[Any]]:
    """Six photos of 9x8 pixels, two of them good, with blobs; scores are few, so that there are ties."""
    rng = np.random.default_rng(seed)
    masks = rng.random((6, 9, 8)) < 0.25
    masks[:2] = False
    masks[2:, 4, 4] = True
    maps = np.floor(levels * (rng.random(masks.shape) + 0.3 * masks))
    return masks, maps


def area_below(points: list[tuple[float, float]], limit: float) -> float:
    """The area under straight lines from (0, 0) through some points, up to a limit, as a share of it."""
    area, (x0, y0) = 0.0, (0.0, 0.0)
    for x1, y1 in points:
        if x1 > x0 and x0 < limit:
            end = min(x1, limit)
            y_end = y0 + (y1 - y0) * (end - x0) / (x1 - x0)
            area += (end - x0) * (y0 + y_end) / 2
        x0, y0 = x1, y1
    return area / limit


def plain_spro(masks: NDArray[np.bool_], maps: NDArray[Any], defects: Sequence[Defects], limit: float) -> float:
    """Bergmann et al., IJCV 2022: mean of min(found pixels / enough, 1) over defects, at every threshold, versus the
    false positive rate of all defect-free pixels."""
    points = []
    for threshold in np.unique(maps)[::-1]:
        marked = maps >= threshold
        shares = [
            min(float((marked[photo] & mask).sum()) / (share * mask.sum()), 1.0)
            for photo, of_photo in enumerate(defects)
            for mask, share in of_photo
        ]
        points.append((float(marked[~masks].mean()), float(np.mean(shares))))
    return area_below(points, limit)


def regions(mask: NDArray[np.bool_]) -> list[tuple[NDArray[np.bool_], float]]:
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    return [(labels == label, 1.0) for label in range(1, count + 1)]


@pytest.mark.parametrize("seed", range(6))
def test_pro_up_to_5_percent_is_that_of_a_plain_loop(seed: int) -> None:
    masks, maps = photos(seed, levels=200)
    found = METRICS["pro_05"].value(judged(masks, maps))
    assert found == pytest.approx(plain_spro(masks, maps, [regions(mask) for mask in masks], 0.05), abs=1e-12)


@pytest.mark.parametrize("at_once", [1, 1 << 25])
@pytest.mark.parametrize("seed", range(6))
def test_spro_is_that_of_a_plain_loop_with_defects_that_overlap(seed: int, at_once: int) -> None:
    masks, maps = photos(seed, levels=(12, 200)[seed % 2])
    rng = np.random.default_rng(seed)
    defects: list[Defects] = [[] for _ in masks]
    for photo in range(2, 6):
        first = masks[photo] & (rng.random(masks[photo].shape) < 0.6)
        first[4, 4] = True
        defects[photo] = [(first, 0.3), (masks[photo] & ~first | (rng.random(first.shape) < 0.2) & first, 0.77)]
        defects[photo] = [(mask, share) for mask, share in defects[photo] if mask.any()]
        masks[photo] = np.any([mask for mask, _ in defects[photo]], axis=0)
    found = METRICS["spro_05"].value(judged(masks, maps, defects=defects, at_once=at_once))
    assert found == pytest.approx(plain_spro(masks, maps, defects, 0.05), abs=1e-12)


def test_a_defect_that_is_found_as_far_as_is_enough_is_found() -> None:
    masks = np.zeros((2, 20, 20), bool)
    masks[1, :10] = True
    maps = np.zeros(masks.shape)
    maps[1, 0, :4] = 1
    (whole,) = [METRICS["pro_05"].value(judged(masks, maps))]
    found = METRICS["spro_05"].value(judged(masks, maps, defects=[[], [(masks[1], 4 / 200)]]))
    assert found == pytest.approx(1)
    assert whole < 0.1


def test_spro_is_of_data_sets_alone_that_say_how_much_is_enough() -> None:
    masks, maps = photos(0)
    without = judged(masks, maps)
    assert not METRICS["spro_05"].applies(without)
    with pytest.raises(MetricError, match="does not say how much of each defect is enough"):
        METRICS["spro_05"].value(without)
    some = judged(masks, maps, defects=[[], [], [], [(masks[3], 0.5)], [], []])
    assert METRICS["spro_05"].applies(some)
    with pytest.raises(MetricError, match="no masks of 3 defective photos"):
        METRICS["spro_05"].value(some)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("threshold", [-1.0, 3.0, 5.5, 99.0])
def test_segf1_counts_pixels_above_the_models_own_threshold(seed: int, threshold: float) -> None:
    masks, maps = photos(seed)
    marked = maps > threshold
    expected = 2 * (marked & masks).sum() / (marked.sum() + masks.sum())
    assert METRICS["seg_f1"].value(judged(masks, maps, threshold=threshold)) == pytest.approx(expected, abs=1e-12)
    with pytest.raises(MetricError, match="no threshold of pixels"):
        METRICS["seg_f1"].value(judged(masks, maps))


def plain_aupimo(masks: NDArray[np.bool_], maps: NDArray[Any], low: float, high: float) -> list[float]:
    """Bertoldo et al., BMVC 2024: of each defective photo, recall over the logarithm of the false positive rate that
    good photos share, on a fine grid of rates, each with the lowest threshold that keeps to it."""
    good = ~masks.any(axis=(1, 2))
    thresholds = np.append(np.unique(maps)[::-1], -np.inf)  # pixels above them are marked
    shared = np.array([np.mean([(photo > threshold).mean() for photo in maps[good]]) for threshold in thresholds])
    middles = np.exp(np.linspace(np.log(low), np.log(high), 40001))
    rates = np.sqrt(middles[1:] * middles[:-1])
    at = np.searchsorted(shared, rates, side="right") - 1
    held = np.bincount(at, minlength=thresholds.size) / at.size
    return [
        sum(share * float((m[mask] > t).mean()) for t, share in zip(thresholds, held, strict=True))
        for mask, m in zip(masks, maps, strict=True)
        if mask.any()
    ]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("bounds", [(0.01, 0.4), (1e-5, 1e-4), (0.05, 1.0)])
def test_aupimo_is_that_of_a_plain_loop(seed: int, bounds: tuple[float, float]) -> None:
    masks, maps = photos(seed, levels=(8, 60, 1000)[seed])
    found = aupimo_of_photos(judged(masks, maps), bounds=bounds)
    assert found == pytest.approx(plain_aupimo(masks, maps, *bounds), abs=2e-4)
    assert aupimo(judged(masks, maps), bounds=bounds) == pytest.approx(found.mean())


def test_aupimo_by_hand() -> None:
    """Good photos have 1,000 pixels in all: one above 5, so that its rate is .001, and two more above 4."""
    masks = np.zeros((3, 25, 20), bool)
    masks[2, 0, :10] = True
    maps = np.zeros(masks.shape)
    maps[0, 0, 0], maps[1, 0, :2] = 6, 5
    maps[2, 0, :10] = [7, 7, 5.5, 5.5, 5.5, 5, 4, 4, 0, 0]
    # Rates .0005 to .001 demand scores above 6, those from .001 to .003 above 5, those from .003 to .004 above 0.
    parts = np.log([0.001 / 0.0005, 0.003 / 0.001, 0.004 / 0.003])
    expected = parts @ [0.2, 0.5, 0.8] / parts.sum()
    assert aupimo(judged(masks, maps), bounds=(0.0005, 0.004)) == pytest.approx(expected, abs=1e-12)


def test_each_good_photo_has_the_same_part_in_the_shared_rate_whatever_its_size() -> None:
    large, small, bad = np.zeros((20, 20)), np.zeros((10, 10)), np.full((10, 10), 0.5)
    large[0, :8], small[0, 0] = 1, 2
    collector = PixelCollector()
    for anomaly_map in (large, small, bad):
        mask = np.zeros(anomaly_map.shape, bool)
        mask[0, 0] = anomaly_map is bad
        collector.add(anomaly_map.astype(np.float32), mask)
    found = Judgements(anomalous=np.array([False, False, True]), scores=np.zeros(3), maps=collector.pixels())
    # Rates: 2 is passed by 1/100 of one photo of two, .005; 1 by 8/400 of the other, .01 more; then all is marked.
    assert aupimo(found, bounds=(0.001, 0.015)) == pytest.approx(0, abs=1e-9)
    assert aupimo(found, bounds=(0.0149, 0.02)) == pytest.approx(np.log(0.02 / 0.015) / np.log(0.02 / 0.0149))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), levels=st.integers(1, 300))
def test_the_strict_ranking_gives_the_area_of_the_whole_one(seed: int, levels: int) -> None:
    masks, maps = photos(seed, levels=levels)
    pixels = judged(masks, maps, at_once=3).maps
    assert pixels is not None
    assert pixels.strict_ranking.weighted_area(0.05) == pixels.ranking.weighted_area(0.05)


@pytest.mark.parametrize("bounds", [(0.0, 0.1), (0.2, 0.1), (0.1, 1.1)])
def test_impossible_bounds_are_refused(bounds: tuple[float, float]) -> None:
    with pytest.raises(MetricError, match="give two rising rates"):
        aupimo(judged(*photos(0)), bounds=bounds)
