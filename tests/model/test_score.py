"""From a map to a score."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blemish.model.score import Score

MAP = np.random.default_rng(0).random((20, 30)).astype(np.float32)


def test_the_maximum_is_the_highest_value() -> None:
    assert Score().of(MAP) == MAP.max()


@given(st.floats(0, 1))
def test_the_mean_of_the_top_is_that_of_the_highest_pixels_sorted(share: float) -> None:
    count = max(1, round(share * MAP.size))
    expected = np.sort(MAP, axis=None)[-count:].mean(dtype=np.float64)
    assert Score(kind="top_mean", share=share).of(MAP) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("score", [Score(), Score(kind="top_mean", share=0.01), Score(kind="top_mean", share=1.0)])
def test_a_map_with_one_value_that_is_no_number_has_no_number_for_a_score(score: Score) -> None:
    broken = MAP.copy()
    broken[3, 4] = np.nan
    assert np.isnan(score.of(broken))


def test_no_score_is_above_the_highest_value_of_its_map() -> None:
    flat = np.full((7, 9), 0.1, np.float32)
    assert Score(kind="top_mean", share=0.4).of(flat) <= flat.max()
