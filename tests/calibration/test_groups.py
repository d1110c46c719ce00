"""Photos of two kinds are told apart; photos of one kind are not cut in two."""

import numpy as np
import pytest

from blemish.calibration.groups import two_groups


@pytest.mark.parametrize("few", [3, 20])
def test_two_kinds_are_told_with_the_larger_first(few: int) -> None:
    rng = np.random.default_rng(few)
    photos = np.concatenate([rng.normal(0, 1, (few, 64)), rng.normal(3, 1, (25, 64))])
    found = two_groups(photos)
    assert found is not None
    assert (found.smaller, found.larger) == (tuple(range(few)), tuple(range(few, few + 25)))
    assert found.times > 2


def test_one_kind_that_turns_all_round_is_one() -> None:
    for seed in range(30):
        rng = np.random.default_rng(seed)
        angle = rng.uniform(0, 2 * np.pi, (40, 1))
        photos = 5 * np.hstack([np.cos(angle), np.sin(angle)]) @ rng.normal(size=(2, 64)) / 8
        assert two_groups(photos + rng.normal(size=photos.shape)) is None


def test_odd_ones_copies_and_few_photos_are_no_second_kind() -> None:
    rng = np.random.default_rng(0)
    photos = rng.normal(size=(20, 64))
    assert two_groups(np.concatenate([photos, photos, [photos[0] + 9, photos[1] - 9]])) is None
    assert two_groups(np.concatenate([photos[:4], photos[:3] + 9])) is None, "fewer than eight photos tell nothing"
