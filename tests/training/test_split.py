"""Every photo has one use, and those that promise have no other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blemish.training.split import split


@given(st.integers(2, 20_000), st.floats(0.001, 0.999))
def test_every_photo_is_in_one_part_and_training_and_calibration_are_never_empty(photos: int, held_out: float) -> None:
    parts = split(photos, held_out=held_out)
    assert np.array_equal(np.concatenate([parts.selecting, parts.train, parts.calibrating]), np.arange(photos))
    assert len(parts.train) >= 1
    assert 1 <= len(parts.calibrating) <= 2000
    assert len(parts.selecting) <= 128


@pytest.mark.parametrize(
    ("photos", "selecting", "calibrating"), [(2, 0, 1), (10, 1, 1), (30, 2, 4), (320, 16, 48), (100_000, 128, 2000)]
)
def test_a_fifth_is_held_out_of_which_a_quarter_selects(photos: int, selecting: int, calibrating: int) -> None:
    parts = split(photos, held_out=0.2)
    assert (len(parts.selecting), len(parts.calibrating)) == (selecting, calibrating)


def test_a_method_that_selects_nothing_calibrates_with_all_that_are_held_out() -> None:
    parts = split(30, held_out=0.2, selects=False)
    assert [len(part) for part in (parts.selecting, parts.train, parts.calibrating)] == [0, 24, 6]
