"""PRO and IAP against plain loops over every threshold, by hand, and where published code goes wrong."""

from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from blemish.errors import MetricError
from blemish.metrics.pixels import collect, iap, iap_at_90, pro

unhurried = settings(deadline=None)  # a first call may import for long, and a busy machine may stall
Masks = NDArray[np.bool_]
Maps = NDArray[np.float32]
Pixel = tuple[int, int, int]


@st.composite
def judged(draw: st.DrawFn) -> tuple[Masks, Maps]:
    """Up to three small photos with some defects, and maps with many ties, of any sign."""
    shape = draw(array_shapes(min_dims=3, max_dims=3, max_side=6))
    masks = draw(arrays(np.bool_, shape))
    assume(masks.any() and not masks.all())
    return masks, draw(arrays(np.float32, shape, elements=st.integers(-4, 4).map(float)))


def plain_regions(masks: Masks) -> list[list[Pixel]]:
    """Flood fill by hand: eight neighbours within a photo, none between photos."""
    left: set[Pixel] = {(int(n), int(y), int(x)) for n, y, x in np.argwhere(masks)}
    regions = []
    while left:
        region = [left.pop()]
        for n, y, x in region:
            for dy, dx in product((-1, 0, 1), repeat=2):
                if (n, y + dy, x + dx) in left:
                    left.remove((n, y + dy, x + dx))
                    region.append((n, y + dy, x + dx))
        regions.append(region)
    return regions


def plain_pro(masks: Masks, maps: Maps, limit: float) -> float:
    """Every threshold there is, one after the other; trapezoids up to the limit."""
    regions = plain_regions(masks)
    area, x, y = 0.0, 0.0, 0.0
    for threshold in sorted(set(maps.ravel().tolist()), reverse=True):
        called = maps >= threshold
        new_x = np.count_nonzero(called & ~masks) / np.count_nonzero(~masks)
        new_y = sum(sum(bool(called[p]) for p in region) / len(region) for region in regions) / len(regions)
        if new_x > limit:
            at_limit = y + (new_y - y) * (limit - x) / (new_x - x)
            return float(area + (limit - x) * (y + at_limit) / 2) / limit
        area += (new_x - x) * (y + new_y) / 2
        x, y = new_x, new_y
    return area / limit


def plain_operating_points(masks: Masks, maps: Maps) -> Iterator[tuple[int, float]]:
    """(regions missed, precision) at each threshold at which some region is only just found."""
    regions = plain_regions(masks)

    def found(region: list[Pixel], threshold: float) -> bool:
        return sum(bool(maps[p] >= threshold) for p in region) > len(region) / 2

    for region in regions:
        threshold = max(float(maps[p]) for p in region if found(region, float(maps[p])))
        yield sum(not found(other, threshold) for other in regions), float(masks[maps >= threshold].mean())


def plain_iap(masks: Masks, maps: Maps) -> float:
    points = list(plain_operating_points(masks, maps))
    return sum(max(p for missed, p in points if missed <= allowed) for allowed in range(len(points))) / len(points)


def plain_iap_at_90(masks: Masks, maps: Maps) -> float:
    points = list(plain_operating_points(masks, maps))
    return max(p for missed, p in points if 10 * (len(points) - missed) >= 9 * len(points))


@unhurried
@given(judged(), st.sampled_from([0.05, 0.3, 0.5, 1.0]))
def test_pro_is_that_of_a_plain_loop_over_every_threshold(case: tuple[Masks, Maps], limit: float) -> None:
    assert pro(*case, fpr_limit=limit) == pytest.approx(plain_pro(*case, limit), abs=1e-9)


@unhurried
@given(judged())
def test_iap_is_that_of_a_plain_loop_over_every_region(case: tuple[Masks, Maps]) -> None:
    assert iap(*case) == pytest.approx(plain_iap(*case), abs=1e-12)
    assert iap_at_90(*case) == pytest.approx(plain_iap_at_90(*case), abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_many_regions_of_many_sizes_score_as_in_plain_loops(seed: int) -> None:
    rng = np.random.default_rng(seed)
    masks = rng.random((2, 24, 24)) < 0.12
    maps = (masks + rng.normal(size=masks.shape)).round(1).astype(np.float32)
    assert len(plain_regions(masks)) > 20
    assert pro(masks, maps) == pytest.approx(plain_pro(masks, maps, 0.3), abs=1e-9)
    assert iap(masks, maps) == pytest.approx(plain_iap(masks, maps), abs=1e-12)
    assert iap_at_90(masks, maps) == pytest.approx(plain_iap_at_90(masks, maps), abs=1e-12)


def test_touching_corners_are_one_region_and_photos_never_touch() -> None:
    masks = np.zeros((2, 4, 4), bool)
    masks[0, 0, 0] = masks[0, 1, 1] = masks[0, 3, 3] = masks[1, 3, 3] = True
    pixels = collect(masks, np.zeros((2, 4, 4), np.float32))
    assert [len(found_at) for found_at in pixels.found_at] == [2, 1]
    assert [sizes.tolist() for sizes in pixels.sizes] == [[2, 2, 1], [1]]


def test_a_small_defect_weighs_as_much_in_pro_as_a_large_one() -> None:
    masks = np.zeros((1, 10, 12), bool)
    masks[0, :, 0], masks[0, 0, 5] = True, True
    only_large = np.where(masks & (np.arange(12) == 0), 1, -1).astype(np.float32)
    # Half of the regions from the start, and the other half, with all normal pixels, along a diagonal.
    assert pro(masks, only_large) == pytest.approx(0.5 + 0.5 * 0.3 / 2)


def test_constant_maps_give_pro_the_area_under_the_diagonal() -> None:
    masks = np.zeros((1, 8, 8), bool)
    masks[0, :2, :2] = True
    assert pro(masks, np.full((1, 8, 8), 5, np.float32)) == pytest.approx(0.15)
    assert pro(masks, np.full((1, 8, 8), 5, np.float32), fpr_limit=1.0) == pytest.approx(0.5)


def test_the_curve_is_cut_between_two_thresholds_exactly_at_the_limit() -> None:
    masks = np.array([[[True, True, False, False]]])
    maps = np.array([[[3, 1, 2, 1]]], np.float32)  # (0, .5), (.5, .5), then a tie up to (1, 1)
    assert pro(masks, maps, fpr_limit=0.5) == pytest.approx(0.5)
    assert pro(masks, maps, fpr_limit=0.75) == pytest.approx((0.5 * 0.5 + 0.25 * (0.5 + 0.75) / 2) / 0.75)


@pytest.mark.parametrize("side", [1, 2, 3])
def test_pro_of_thousands_of_regions_is_one_when_perfect_and_never_more(side: int) -> None:
    masks = np.zeros((3, 120, 120), bool)
    for y, x in product(range(side), repeat=2):
        masks[:, y :: side + 1, x :: side + 1] = True
    rng = np.random.default_rng(side)
    assert pro(masks, masks.astype(np.float32)) == 1
    for noise in (1e-6, 0.1, 1, 10):
        assert 0 <= pro(masks, (masks + noise * rng.normal(size=masks.shape)).astype(np.float32)) <= 1


@pytest.mark.parametrize("size", [3, 7, 11, 49])
def test_pro_of_regions_whose_size_divides_nothing_is_still_at_most_one(size: int) -> None:
    masks = np.zeros((5, 101, size + 1), bool)
    masks[:, ::2, :size] = True
    rng = np.random.default_rng(size)
    noise = rng.random(masks.shape, np.float32) / 2
    maps = (masks + noise).astype(np.float32)  # perfect, and all scores differ
    for limit in (1e-6, 0.1, 0.3, 1.0):
        value = pro(masks, maps, fpr_limit=limit)
        assert value <= 1
        assert value == pytest.approx(1)


def test_iap_finds_a_region_only_with_more_than_half_of_its_pixels() -> None:
    masks = np.array([[[True, True, True, True, False, False]]])
    half = np.array([[[9, 9, 1, 1, 5, 5]]], np.float32)
    more = np.array([[[9, 9, 6, 1, 5, 5]]], np.float32)
    assert iap(masks, half) == pytest.approx(4 / 6)  # found only at 1, with both false pixels
    assert iap(masks, more) == 1


def test_iap_at_90_may_miss_one_region_in_ten_but_not_one_in_nine() -> None:
    masks = np.zeros((1, 3, 40), bool)
    masks[0, 1, 0:40:4] = True
    maps = np.where(masks, 2.0, 1.0).astype(np.float32)
    maps[0, 1, 0] = 0  # the hardest region lies below all normal pixels
    assert iap_at_90(masks, maps) == 1
    masks[0, 1, 36] = False
    maps[0, 1, 36] = 1
    assert iap_at_90(masks, maps) == pytest.approx(9 / 120)


def test_scores_at_and_below_zero_count_as_any_others_in_iap() -> None:
    masks = np.zeros((2, 6, 6), bool)
    masks[:, 2:4, 2:4] = True
    maps = np.random.default_rng(0).normal(size=masks.shape).astype(np.float32)
    assert iap(masks, maps) == iap(masks, maps - 100) == iap(masks, maps + 100)


@pytest.mark.parametrize("limit", [0.0, -0.1, 1.1, float("nan")])
def test_a_limit_outside_zero_to_one_is_refused(limit: float) -> None:
    masks = np.array([[[True, False]]])
    with pytest.raises(MetricError, match="fpr_limit"):
        pro(masks, masks.astype(np.float32), fpr_limit=limit)


def test_masks_that_are_no_stack_of_photos_are_refused_with_their_shape() -> None:
    with pytest.raises(MetricError, match=r"\(4, 4\)"):
        iap(np.eye(4, dtype=bool), np.eye(4, dtype=np.float32))


def test_maps_of_another_size_than_their_masks_are_refused() -> None:
    with pytest.raises(MetricError, match="shape"):
        pro(np.ones((1, 4, 4), bool), np.ones((1, 8, 8), np.float32))
