"""Every photo has one use, and those that promise have no other."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blemish.errors import DataError
from blemish.training.split import shuffled, split


@given(st.integers(2, 20_000), st.floats(0.001, 0.999))
def test_every_photo_is_in_one_part_and_training_and_calibration_are_never_empty(photos: int, held_out: float) -> None:
    parts = split([str(i) for i in range(photos)], held_out=held_out)
    assert np.array_equal(np.concatenate([parts.validation, parts.train, parts.calibrating]), np.arange(photos))
    assert len(parts.train) >= 1
    assert 1 <= len(parts.calibrating) <= 2000
    assert len(parts.validation) <= 128


@pytest.mark.parametrize(
    ("photos", "validation", "calibrating"), [(2, 0, 1), (10, 1, 1), (30, 2, 4), (320, 16, 48), (100_000, 128, 2000)]
)
def test_a_fifth_is_held_out_of_which_a_quarter_validates(photos: int, validation: int, calibrating: int) -> None:
    parts = split([str(i) for i in range(photos)], held_out=0.2)
    assert (len(parts.validation), len(parts.calibrating)) == (validation, calibrating)


def test_a_method_that_validates_nothing_calibrates_with_all_that_are_held_out() -> None:
    parts = split([str(i) for i in range(30)], held_out=0.2, validates=False)
    assert [len(part) for part in (parts.validation, parts.train, parts.calibrating)] == [0, 24, 6]


@given(st.lists(st.integers(1, 9), min_size=2, max_size=40), st.floats(0.01, 0.99), st.booleans())
def test_photos_of_a_part_stay_together(counts: list[int], held_out: float, validates: bool) -> None:
    names = [f"part{part}" for part, count in enumerate(counts) for _ in range(count)]
    divided = split(names, held_out=held_out, validates=validates)
    found = [{names[i] for i in part} for part in (divided.validation, divided.train, divided.calibrating)]
    assert sum(map(len, found)) == len(set(names)) == len(set.union(*found))
    assert found[1]
    assert found[2]


def test_four_parts_of_eight_photos_calibrate_with_one_of_them() -> None:
    divided = split([name for name in "abcd" for _ in range(8)], held_out=0.2)
    assert [len(part) for part in (divided.validation, divided.train, divided.calibrating)] == [8, 16, 8]


@pytest.mark.parametrize(
    ("counts", "train", "calibrating"),
    [((1, 98, 1), 99, 1), ((1, 99), 1, 99), ((10, 80, 10), 80, 10), ((60, 10, 30), 70, 30), ((70, 10, 20), 80, 20)],
)
def test_a_part_of_very_many_photos_is_trained_on_where_that_can_be(
    counts: tuple[int, ...], train: int, calibrating: int
) -> None:
    divided = split([name for name, count in zip("abc", counts, strict=False) for _ in range(count)], held_out=0.2)
    assert (len(divided.train), len(divided.calibrating)) == (train, calibrating)


def test_photos_of_a_single_part_are_refused() -> None:
    with pytest.raises(DataError, match="at least 2 parts"):
        split(["a", "a", "a"], held_out=0.2)


def test_shuffled_photos_of_a_part_stand_together_and_another_seed_orders_them_otherwise() -> None:
    photos = [Path(f"{part}_{shot}.png") for part in "abcdef" for shot in range(4)]
    orders = [shuffled(photos, seed=seed, part="(.+)_[0-9]+") for seed in range(2)]
    for order in orders:
        assert sorted(order) == photos
        assert [len({path.stem[0] for path in order[i : i + 4]}) for i in range(0, 24, 4)] == [1] * 6
    assert orders[0] != orders[1]
    assert shuffled(photos, seed=0, part=None) != orders[0]
