"""Marked pixels as regions of a photo."""

import numpy as np
import pytest
from skimage import measure

from blemish.inference.marked_regions import find_regions


def test_box_area_peak_and_centroid_are_those_of_the_region() -> None:
    anomaly_map = np.zeros((8, 12), np.float32)
    anomaly_map[2:5, 3:9] = 2.0
    anomaly_map[4, 3] = 7.5
    mask, (region,) = find_regions(anomaly_map, above=1.0, min_area=1)
    assert region.box == (3, 2, 9, 5)
    assert (region.area, region.peak, region.centroid) == (18, 7.5, (5.5, 3.0))
    assert mask.sum() == 18


def test_the_strongest_peak_comes_first_and_corners_connect() -> None:
    anomaly_map = np.zeros((6, 6), np.float32)
    anomaly_map[0, 0] = anomaly_map[1, 1] = 3.0
    anomaly_map[4, 4] = 9.0
    regions = find_regions(anomaly_map, above=1.0, min_area=1)[1]
    assert [(region.peak, region.area) for region in regions] == [(9, 1), (3, 2)]


def test_small_regions_leave_the_mask_too() -> None:
    anomaly_map = np.zeros((6, 6), np.float32)
    anomaly_map[0, :3] = 3.0
    anomaly_map[4, 4] = 9.0
    mask, regions = find_regions(anomaly_map, above=1.0, min_area=2)
    assert [region.area for region in regions] == [3]
    assert mask.sum() == 3
    assert not mask[4, 4]


def test_the_threshold_itself_is_not_marked() -> None:
    mask, regions = find_regions(np.full((3, 3), 1.0, np.float32), above=1.0, min_area=1)
    assert not mask.any()
    assert regions == ()


@pytest.mark.parametrize("seed", range(5))
def test_regions_are_those_that_scikit_image_finds(seed: int) -> None:
    anomaly_map = np.random.default_rng(seed).random((40, 50)).astype(np.float32)
    mask, regions = find_regions(anomaly_map, above=0.7, min_area=3)
    labels = measure.label(anomaly_map > 0.7, connectivity=2)  # type: ignore[no-untyped-call]
    found = [r for r in measure.regionprops(labels, anomaly_map) if r.area > 2]  # type: ignore[no-untyped-call]
    expected = {(r.bbox[1], r.bbox[0], r.bbox[3], r.bbox[2]): r for r in found}
    assert len(regions) == len(found)
    for region in regions:
        theirs = expected[region.box]
        assert region.area == theirs.area
        assert region.peak == theirs.intensity_max
        assert region.centroid == pytest.approx(theirs.centroid[::-1])
    assert mask.sum() == sum(r.area for r in found)
