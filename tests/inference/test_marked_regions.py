"""The predicted mask and its regions, on photos of any size."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage import measure

from blemish.inference.marked_regions import find_regions, laid_on_photo


def test_box_area_peak_and_centroid_are_those_of_the_region() -> None:
    anomaly_map = np.zeros((8, 12), np.float32)
    anomaly_map[2:5, 3:9] = 4.0
    anomaly_map[4, 3] = 7.5
    mask, (region,) = find_regions(anomaly_map, above=1.0, photo_size=anomaly_map.shape, min_area=1)
    assert region.box == (3, 2, 9, 5)
    assert (region.area, region.peak, region.centroid) == (18, 7.5, (5.5, 3.0))
    assert mask.sum() == 18


def test_a_region_follows_its_defect_and_not_how_far_the_map_stays_above_the_threshold() -> None:
    y, x = np.mgrid[:128, :128] - 64
    spot = (50.0 * np.exp(-(x**2 + y**2) / (2 * 8.0**2))).astype(np.float32)  # above the threshold out to 22 pixels
    mask, (region,) = find_regions(spot, above=1.0, photo_size=spot.shape)
    middle = np.sqrt(50.0 * 1.0)  # in logarithms, of peak and threshold
    radius = 8.0 * np.sqrt(2 * np.log(50.0 / middle))
    assert region.area == pytest.approx(np.pi * radius**2, rel=0.03)
    assert region.box[2] - region.box[0] == pytest.approx(2 * radius, abs=2)
    np.testing.assert_array_equal(mask, spot > middle)


def test_a_mark_is_the_same_whether_distances_are_multiplied_once_or_thrice() -> None:
    drawn = ndimage.gaussian_filter(np.random.default_rng(0).random((40, 50)), 3)
    once = (drawn / drawn.mean()).astype(np.float64)
    first, third = (find_regions((once**n).astype(np.float32), above=1.02**n, photo_size=(40, 50))[0] for n in (1, 3))
    assert first.any()
    np.testing.assert_array_equal(first, third)


@given(seed=st.integers(0, 2**32 - 1), lift=st.sampled_from([-2.0, 0.0, 1.0]), smooth=st.floats(0, 3))
@settings(max_examples=60, deadline=None)
def test_every_part_above_the_threshold_keeps_what_is_half_way_to_its_own_peak(
    seed: int, lift: float, smooth: float
) -> None:
    noise = np.random.default_rng(seed).normal(size=(40, 50))
    anomaly_map = (ndimage.gaussian_filter(noise, smooth) + lift).astype(np.float32)
    above = float(np.quantile(anomaly_map, 0.8))
    mask, _ = find_regions(anomaly_map, above=above, photo_size=(40, 50))
    parts = measure.label(anomaly_map > above, connectivity=2)
    expected = np.zeros_like(mask)
    for part in range(1, parts.max() + 1):
        peak = anomaly_map[parts == part].max()
        assert mask[(parts == part) & (anomaly_map == peak)].all()
        expected |= (parts == part) & (anomaly_map > (np.sqrt(above * float(peak)) if above > 0 else -np.inf))
    np.testing.assert_array_equal(mask, expected)


def test_the_strongest_peak_comes_first_and_corners_connect() -> None:
    anomaly_map = np.zeros((6, 6), np.float32)
    anomaly_map[0, 0] = anomaly_map[1, 1] = 3.0
    anomaly_map[4, 4] = 9.0
    regions = find_regions(anomaly_map, above=1.0, photo_size=anomaly_map.shape, min_area=1)[1]
    assert [(region.peak, region.area) for region in regions] == [(9, 1), (3, 2)]


def test_small_regions_leave_the_mask_too() -> None:
    anomaly_map = np.zeros((6, 6), np.float32)
    anomaly_map[0, :3] = 3.0
    anomaly_map[4, 4] = 9.0
    mask, regions = find_regions(anomaly_map, above=1.0, photo_size=anomaly_map.shape, min_area=2)
    assert [region.area for region in regions] == [3]
    assert mask.sum() == 3
    assert not mask[4, 4]


def test_the_threshold_itself_is_not_marked() -> None:
    mask, regions = find_regions(np.full((3, 3), 1.0, np.float32), above=1.0, photo_size=(3, 3), min_area=1)
    assert not mask.any()
    assert regions == ()


@pytest.mark.parametrize("above", [1 - 1e-9, -1e-50])
def test_a_peak_nearer_to_the_threshold_than_float32_tells_is_marked(above: float) -> None:
    anomaly_map = np.full((3, 3), above - 1, np.float32)
    anomaly_map[1, 1] = np.ceil(above)
    mask, (region,) = find_regions(anomaly_map, above=above, photo_size=(3, 3))
    assert mask.sum() == region.area == 1


@pytest.mark.parametrize("seed", range(5))
def test_regions_are_those_that_scikit_image_finds(seed: int) -> None:
    drawn = np.random.default_rng(seed).random((40, 50))
    anomaly_map = np.where(drawn > 0.7, 0.85 + drawn / 8, 0).astype(np.float32)  # all is beyond half way to its peak
    mask, regions = find_regions(anomaly_map, above=0.7, photo_size=anomaly_map.shape, min_area=3)
    labels = measure.label(anomaly_map > 0.7, connectivity=2)
    found = [r for r in measure.regionprops(labels, anomaly_map) if r.area > 2]
    expected = {(r.bbox[1], r.bbox[0], r.bbox[3], r.bbox[2]): r for r in found}
    assert len(regions) == len(found)
    for region in regions:
        theirs = expected[region.box]
        assert region.area == theirs.area
        assert region.peak == theirs.intensity_max
        assert region.centroid == pytest.approx(theirs.centroid[::-1])
    assert mask.sum() == sum(r.area for r in found)


SIDES = st.integers(1, 60)


@given(size=st.tuples(SIDES, SIDES), photo=st.tuples(SIDES, SIDES), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=200, deadline=None)
def test_every_pixel_above_the_threshold_is_in_a_region_whatever_the_sizes(
    size: tuple[int, int], photo: tuple[int, int], seed: int
) -> None:
    generator = np.random.default_rng(seed)
    anomaly_map = np.zeros(size, np.float32)
    y, x = int(generator.integers(size[0])), int(generator.integers(size[1]))
    anomaly_map[y, x] = np.nextafter(np.float32(1), np.float32(2))  # as little above the threshold as can be
    mask, (region,) = find_regions(anomaly_map, above=1.0, photo_size=photo)
    left, top, right, bottom = region.box
    assert 0 <= left < right <= photo[1] and 0 <= top < bottom <= photo[0]
    assert mask[top:bottom, left:right].all() and mask.sum() == region.area == (right - left) * (bottom - top)
    for low, high, place, sides in ((top, bottom, y, (size[0], photo[0])), (left, right, x, (size[1], photo[1]))):
        zoom = sides[1] / sides[0]
        assert abs(low - place * zoom) <= 1 and abs(high - (place + 1) * zoom) <= 1


@given(size=st.tuples(SIDES, SIDES), photo=st.tuples(SIDES, SIDES), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None)
def test_the_mask_is_the_union_of_its_regions_and_boxes_are_tight(
    size: tuple[int, int], photo: tuple[int, int], seed: int
) -> None:
    anomaly_map = np.random.default_rng(seed).random(size).astype(np.float32)
    mask, regions = find_regions(anomaly_map, above=0.8, photo_size=photo)
    covered = np.zeros(photo, np.bool_)
    for region in regions:
        left, top, right, bottom = region.box
        inside = mask[top:bottom, left:right]
        assert inside[0].any() and inside[-1].any() and inside[:, 0].any() and inside[:, -1].any()
        assert 1 <= region.area <= inside.sum()
        covered[top:bottom, left:right] = True
    assert not (mask & ~covered).any()
    assert mask.any() == bool(regions) == bool((anomaly_map > 0.8).any())
    if min(photo[0] / size[0], photo[1] / size[1]) >= 1:
        assert mask.sum() == sum(region.area for region in regions)


def test_a_photo_of_the_maps_size_is_marked_as_the_map_is() -> None:
    mask = np.random.default_rng(0).random((33, 47)) > 0.5
    np.testing.assert_array_equal(laid_on_photo(mask, (33, 47)), mask)
    np.testing.assert_array_equal(laid_on_photo(mask, (99, 94)), mask.repeat(3, axis=0).repeat(2, axis=1))


def test_the_strongest_region_stays_where_it_is_asked_for_however_small() -> None:
    anomaly_map = np.zeros((6, 6), np.float32)
    anomaly_map[0, :3] = 3.0
    anomaly_map[4, 4] = 9.0
    mask, regions = find_regions(anomaly_map, above=1.0, photo_size=(6, 6), min_area=100, keep_strongest=True)
    assert [region.peak for region in regions] == [9.0]
    assert mask.sum() == 1
