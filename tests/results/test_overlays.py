"""Anomaly maps as pictures."""

import numpy as np
import pytest

from blemish.errors import DataError
from blemish.results.overlays import heatmap, overlay


def test_the_heatmap_grows_brighter_from_black_to_pale_yellow() -> None:
    colours = heatmap(np.linspace(0, 1, 200)[None]).astype(float)[0]
    assert colours[0].tolist() == [0, 0, 4]
    assert colours[-1].tolist() == [252, 255, 164]
    assert (np.diff(colours @ (0.2126, 0.7152, 0.0722)) >= -0.5).all()  # but for rounding


def test_the_heatmap_takes_what_lies_outside_zero_to_one_as_the_nearest() -> None:
    np.testing.assert_array_equal(heatmap(np.array([[-3.0, 7.0]])), heatmap(np.array([[0.0, 1.0]])))


def test_the_overlay_leaves_the_photo_where_the_map_is_zero_and_colours_it_where_it_is_high() -> None:
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    anomaly_map = np.zeros((20, 30), np.float32)
    anomaly_map[5:10, 5:10] = 1
    shown = overlay(image, anomaly_map)
    np.testing.assert_array_equal(shown[anomaly_map == 0], image[anomaly_map == 0])
    assert (
        np.abs(shown.astype(int) - heatmap(anomaly_map)) <= np.abs(image.astype(int) - heatmap(anomaly_map)) + 1
    ).all()


def test_the_outline_runs_just_outside_the_predicted_mask() -> None:
    image = np.zeros((12, 12, 3), np.uint8)
    mask = np.zeros((12, 12), bool)
    mask[4:8, 4:8] = True
    line = (overlay(image, np.zeros((12, 12)), mask=mask) != 0).any(axis=2)
    assert not (line & mask).any()
    assert line.sum() == 16  # four pixels along each side
    assert line[3, 4:8].all()
    assert line[8, 4:8].all()


def test_a_map_of_another_size_is_not_laid_over_a_photo() -> None:
    with pytest.raises(DataError, match="resize them first"):
        overlay(np.zeros((4, 4, 3), np.uint8), np.zeros((2, 2)))


def test_an_overlay_is_within_one_grey_level_of_the_formula() -> None:
    generator = np.random.default_rng(0)
    image = generator.integers(0, 256, (100, 80, 3), dtype=np.uint8)
    level = generator.random((100, 80), dtype=np.float32)
    opacity = (0.6 * level.astype(float) ** 2 * (3 - 2 * level))[..., None]
    exact = np.rint(image * (1 - opacity) + heatmap(level) * opacity)
    assert np.abs(overlay(image, level) - exact).max() <= 1


def test_the_top_of_the_scale_is_the_value_that_was_asked_for() -> None:
    image = np.full((40, 50, 3), 90, np.uint8)
    level = np.random.default_rng(0).random((40, 50), dtype=np.float32)
    np.testing.assert_array_equal(overlay(image, level * 8, top=8), overlay(image, level))
