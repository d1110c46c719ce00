"""Distances of photos: by places wherever they lie, the third nearest photo counting."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from blemish.networks.neighbours import MOST_COMPARED_WITH, distances_to_others


def distances(levels: tuple[Tensor, ...], seed: int = 0) -> NDArray[np.float64]:
    return distances_to_others(
        lambda indices: tuple(level[torch.from_numpy(indices)] for level in levels),
        len(levels[0]),
        generator=np.random.default_rng(seed),
    )


def alike(photos: int) -> tuple[Tensor, Tensor]:
    """Features of photos that differ by a little noise."""
    generator = torch.Generator().manual_seed(3)
    fine, coarse = (
        torch.randn(1, 8, side, side, generator=generator)
        + 0.1 * torch.randn(photos, 8, side, side, generator=generator)
        for side in (8, 4)
    )
    return fine, coarse


def test_one_strange_place_is_seen_by_the_coarse_level_and_all_places_by_the_fine() -> None:
    fine, coarse = alike(12)
    coarse[5, :, 2, 2] = -coarse[5, :, 2, 2]
    fine[7] = -fine[7]
    found = distances((fine, coarse))
    assert found.argmax(axis=0).tolist() == [7, 5]


def test_a_moved_photo_is_no_stranger() -> None:
    fine, coarse = alike(12)
    before = distances((fine, coarse))
    moved = distances((fine.roll(3, dims=2), coarse))
    assert moved == pytest.approx(before, rel=1e-5)
    fine[4] = fine[4].roll(3, dims=2)
    assert distances((fine, coarse))[4, 0] < 1.2 * before[4, 0]


def test_three_wrong_photos_of_a_kind_do_not_vouch_for_one_another() -> None:
    fine, coarse = alike(12)
    coarse[:3] = -coarse[:3]
    found = distances((fine, coarse))
    assert set(found[:, 1].argsort()[-3:].tolist()) == {0, 1, 2}
    assert found[:3, 1].min() > 2 * found[3:, 1].max()


def test_of_many_photos_each_is_held_against_a_drawn_few() -> None:
    photos = MOST_COMPARED_WITH + 16
    fine, coarse = alike(photos)
    coarse[70, :, 2, 2] = -coarse[70, :, 2, 2]
    found = distances((fine, coarse))
    assert found.shape == (photos, 2)
    assert found[:, 1].argmax() == 70
    assert (distances((fine, coarse)) == found).all()
    assert (distances((fine, coarse), seed=1) != found).any()
