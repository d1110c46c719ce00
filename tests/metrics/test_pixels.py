"""Pixels on the disk rank as pixels in memory do, a part of them at a time."""

import tracemalloc
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from blemish.errors import MetricError
from blemish.metrics.pixels import PixelCollector, collect
from blemish.metrics.ranking import STRETCH, rank


def drawn(*, photos: int = 20, side: int = 64, digits: int = 9) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Square defects in most photos, seen through noise; few digits make many ties."""
    rng = np.random.default_rng(0)
    masks = np.zeros((photos, side, side), bool)
    for mask in masks[3:]:
        y, x = rng.integers(0, side - 9, 2)
        mask[y : y + 9, x : x + 9] = True
    maps = (masks + rng.normal(size=masks.shape)).round(digits).astype(np.float32)
    return masks, maps


def joined(stretches: Any) -> dict[str, list[float]]:
    records = np.concatenate(list(stretches))
    return {name: records[name].tolist() for name in STRETCH.names or ()}


@pytest.mark.parametrize("digits", [9, 2, 0])
@pytest.mark.parametrize("at_once", [1 << 25, 4000, 1])
@pytest.mark.parametrize("edges", [4, 256])
def test_counts_at_every_threshold_are_those_of_all_pixels_in_memory(digits: int, at_once: int, edges: int) -> None:
    masks, maps = drawn(digits=digits)
    ranking = collect(masks, maps, edges=edges, at_once=at_once).ranking
    expected = joined(rank(masks, maps).stretches)
    found = joined(ranking.stretches)
    for name in ("threshold", "hits", "false_alarms", "false_alarms_above"):
        assert found[name] == expected[name]
    assert len(list(ranking.stretches)) > (1 if at_once < 1 << 25 else 0)


@pytest.mark.parametrize("at_once", [1 << 25, 4000, 1])
def test_weights_at_every_threshold_are_parts_of_regions(at_once: int) -> None:
    masks, maps = drawn(digits=1)
    ranking = collect(masks, maps, at_once=at_once).ranking
    found = joined(ranking.stretches)
    expected = [np.count_nonzero(masks & (maps == threshold)) / 81 for threshold in found["threshold"]]
    assert found["weight"] == pytest.approx(expected)
    assert sum(found["weight"]) == pytest.approx(ranking.weight)
    assert ranking.weight == 17


def test_areas_summed_over_many_stretches_are_scikit_learns() -> None:
    masks, maps = drawn(digits=2)
    ranking = collect(masks, maps, at_once=2000).ranking
    truth, scores = masks.ravel(), maps.ravel()
    assert ranking.auroc() == pytest.approx(roc_auc_score(truth, scores), abs=1e-12)
    assert ranking.average_precision() == pytest.approx(average_precision_score(truth, scores), abs=1e-12)
    assert ranking.best_f1() == rank(masks, maps).best_f1()


@pytest.mark.parametrize("shift", [0.0, 1e6])
def test_maps_that_are_mostly_one_value_take_no_more_memory(shift: float) -> None:
    masks, maps = drawn(photos=40, side=256)
    clipped = (np.maximum(maps, 1.5) + np.float32(shift)).astype(np.float32)
    assert np.mean(clipped == clipped.min()) > 0.9
    expected = rank(masks, clipped).auroc()
    pixels = collect(masks, clipped, at_once=1 << 16)
    tracemalloc.start()
    assert pixels.ranking.auroc() == pytest.approx(expected, abs=1e-12)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.4 * maps.nbytes


def test_constant_maps_say_nothing_of_pixels() -> None:
    masks, maps = drawn()
    pixels = collect(masks, np.full_like(maps, 7), at_once=100)
    assert pixels.ranking.auroc() == 0.5
    assert pixels.ranking.average_precision() == pytest.approx(masks.mean())
    assert pixels.regions.pro() == pytest.approx(0.15)


def test_photos_without_masks_are_counted_and_the_others_can_be_ranked_alone() -> None:
    masks, maps = drawn(photos=6)
    collector = PixelCollector()
    for photo, (mask, anomaly_map) in enumerate(zip(masks, maps, strict=True)):
        collector.add(anomaly_map, None if photo in (3, 5) else mask)
    pixels = collector.pixels()
    with pytest.raises(MetricError, match=r"^no masks of 2 defective photos: [^\n]*$"):
        pixels.ranking.auroc()
    some = np.array([0, 1, 2, 4])
    assert pixels.of(some).ranking.auroc() == rank(masks[some], maps[some]).auroc()


def test_nan_in_one_photo_leaves_the_others_their_figures() -> None:
    masks, maps = drawn(photos=6)
    maps[5, 3, 3] = np.nan
    pixels = collect(masks, maps)
    with pytest.raises(MetricError, match=r"^NaN among the pixels"):
        pixels.regions.pro()
    some = np.arange(5)
    assert pixels.of(some).ranking.auroc() == rank(masks[some], maps[some]).auroc()


def test_maps_of_several_sizes_are_ranked_together() -> None:
    collector = PixelCollector()
    small, large = np.array([[0.0, 1.0]], np.float32), np.array([[2.0, 3.0], [0.5, 0.5]], np.float32)
    collector.add(small, small > 0.5)
    collector.add(large, np.zeros((2, 2), bool))
    assert collector.pixels().ranking.auroc() == pytest.approx(3 / 5)


def test_double_precision_and_whole_numbers_are_not_rounded() -> None:
    masks = np.array([[[True, False]]])
    assert collect(masks, np.array([[[1 + 1e-12, 1.0]]])).ranking.auroc() == 1
    assert collect(masks, np.array([[[2**24 + 1, 2**24]]])).ranking.auroc() == 1
