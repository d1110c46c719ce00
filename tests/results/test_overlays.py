"""Anomaly maps as pictures."""

import numpy as np
import pytest
from numpy.typing import NDArray

from blemish.errors import DataError
from blemish.results.overlays import MARK_LINE, TRUTH_LINE, heatmap, outline, overlay


def test_the_heatmap_grows_brighter_from_black_to_pale_yellow() -> None:
    colours = heatmap(np.linspace(0, 1, 200)[None]).astype(float)[0]
    assert colours[0].tolist() == [0, 0, 4]
    assert colours[-1].tolist() == [252, 255, 164]
    assert (np.diff(colours @ (0.2126, 0.7152, 0.0722)) >= -0.5).all()  # but for rounding


def test_the_heatmap_takes_what_lies_outside_zero_to_one_as_the_nearest() -> None:
    np.testing.assert_array_equal(heatmap(np.array([[-3.0, 7.0]])), heatmap(np.array([[0.0, 1.0]])))


def level_of(anomaly_map: NDArray[np.floating], middle: float = 1.0) -> NDArray[np.float64]:
    return np.asarray(anomaly_map / (anomaly_map + middle), np.float64)


def test_the_overlay_leaves_the_photo_where_the_map_is_zero_and_the_defect_visible_where_it_is_high() -> None:
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    anomaly_map = np.zeros((20, 30), np.float32)
    anomaly_map[5:10, 5:10] = 1e9
    shown = overlay(image, anomaly_map)
    np.testing.assert_array_equal(shown[anomaly_map == 0], image[anomaly_map == 0])
    tint = image[5:10, 5:10] * 0.6 + np.array(MARK_LINE[0]) * 0.4
    assert np.abs(shown[5:10, 5:10] - tint).max() <= 1  # three fifths of the photo, however high the map


def test_an_overlay_is_within_one_grey_level_of_the_formula() -> None:
    generator = np.random.default_rng(0)
    image = generator.integers(0, 256, (100, 80, 3), dtype=np.uint8)
    values = generator.lognormal(0, 2, (100, 80)).astype(np.float32)
    level = level_of(values, 0.7)
    opacity = (0.4 * level**2 * (3 - 2 * level))[..., None]
    exact = np.rint(image * (1 - opacity) + np.array(MARK_LINE[0]) * opacity)
    assert np.abs(overlay(image, values, middle=0.7) - exact).max() <= 1
    np.testing.assert_array_equal(overlay(image, values * 8, middle=8 * 0.7), overlay(image, values, middle=0.7))


@pytest.mark.parametrize(("zoom", "thick", "edge"), [(1, 1, 1), (50, 2, 1), (200, 10, 5)])
def test_the_outline_runs_just_outside_the_mask_the_thicker_the_larger_the_photo(
    zoom: int, thick: int, edge: int
) -> None:
    image = np.full((12 * zoom, 12 * zoom, 3), 99, np.uint8)
    mask = np.zeros(image.shape[:2], np.bool_)
    top, bottom = 4 * zoom, 8 * zoom
    mask[top:bottom, top:bottom] = True
    outline(image, mask, MARK_LINE)
    line, around = ((image == colour).all(axis=2) for colour in MARK_LINE)
    expected = np.zeros_like(mask)
    expected[top - thick : bottom + thick, top - thick : bottom + thick] = True
    np.testing.assert_array_equal(line, expected & ~mask)
    expected[top - thick - edge : bottom + thick + edge, top - thick - edge : bottom + thick + edge] = True
    np.testing.assert_array_equal(around, expected & ~line & ~mask)


def test_the_outline_of_a_mask_at_the_rim_stays_in_the_photo() -> None:
    image, mask = np.zeros((9, 9, 3), np.uint8), np.zeros((9, 9), np.bool_)
    mask[0, 5:] = True
    outline(image, mask, MARK_LINE)
    assert (image[1, 4:] == MARK_LINE[0]).all() and (image[2, 3:] == MARK_LINE[1]).all()
    assert not image[mask].any() and not image[3:].any()


def seen_without_red_and_green(colour: tuple[int, int, int]) -> NDArray[np.float64]:
    """As a person without green cones sees it (Machado et al. 2009, severity 1), in linear light."""
    linear = (np.array(colour) / 255) ** 2.2
    seen = np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]) @ linear
    return np.asarray(np.clip(seen, 0, 1))


def test_mark_and_true_defect_differ_for_people_who_cannot_tell_red_from_green() -> None:
    mark, truth = seen_without_red_and_green(MARK_LINE[0]), seen_without_red_and_green(TRUTH_LINE[0])
    assert np.abs(mark - truth).max() > 0.5


def test_a_map_of_another_size_is_not_laid_over_a_photo() -> None:
    with pytest.raises(DataError, match="resize them first"):
        overlay(np.zeros((4, 4, 3), np.uint8), np.zeros((2, 2)))
