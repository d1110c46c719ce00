"""Distances of photos: by places wherever they lie, the second or third nearest photo counting."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from blemish.networks.feature_places import places_of
from blemish.networks.neighbours import MOST_COMPARED_WITH, RESPECTS, distances_to_others
from blemish.networks.small_things import AtTheirPlaces, nearest_around, scale_of, view_of


def distances(levels: tuple[Tensor, ...], seed: int = 0) -> NDArray[np.float64]:
    return distances_to_others(
        lambda indices, view: tuple(view_of(level[torch.from_numpy(indices)], view) for level in levels),
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
    assert found[:, :2].argmax(axis=0).tolist() == [7, 5]


def test_a_moved_photo_is_no_stranger() -> None:
    fine, coarse = alike(12)
    before = distances((fine, coarse))
    moved = distances((fine.roll(3, dims=2), coarse))
    assert moved[:, :2] == pytest.approx(before[:, :2], rel=1e-5)
    fine[4] = fine[4].roll(3, dims=2)
    assert distances((fine, coarse))[4, 0] < 1.2 * before[4, 0]


def test_three_wrong_photos_of_a_kind_do_not_vouch_for_one_another() -> None:
    fine, coarse = alike(12)
    coarse[:3] = -coarse[:3]
    found = distances((fine, coarse))
    assert set(found[:, 1].argsort()[-3:].tolist()) == {0, 1, 2}
    assert found[:3, 1].min() > 2 * found[3:, 1].max()


def test_a_small_change_where_good_photos_never_differ_is_told_by_levels_together() -> None:
    generator = torch.Generator().manual_seed(4)
    fine = torch.randn(24, 8, 8, 8, generator=generator)  # good places differ much, but for their last two channels
    coarse = torch.randn(24, 8, 8, 8, generator=generator)
    for level in (fine, coarse):
        level[:, 6:] *= 0.02
    coarse[9, 6:, 2:5, 2:5] = torch.tensor([0.3, -0.3])[:, None, None]
    found = distances((fine, coarse))
    assert found[:, 2].argmax() == 9
    assert 9 not in found[:, :2].argmax(axis=0).tolist()


@pytest.mark.parametrize(("others_lie", "strange"), [([0], True), ([0, 1, 2], False)])
def test_a_part_that_lies_as_no_other_is_strange_unless_parts_lie_in_any_direction(
    others_lie: list[int], strange: bool
) -> None:
    generator, photos = torch.Generator().manual_seed(5), 24
    ramps = torch.arange(12.0).expand(photos, 1, 12, 12) + 0.05 * torch.randn(photos, 1, 12, 12, generator=generator)
    turns = [3, *(others_lie * photos)][:photos]
    images = torch.cat([view_of(ramp[None], turn) for ramp, turn in zip(ramps, turns, strict=True)])

    def slopes(indices: NDArray[np.int64], view: int) -> tuple[Tensor, Tensor]:
        seen = view_of(images[torch.from_numpy(indices)], view)
        across, down = seen[:, :, 1:, 1:] - seen[:, :, 1:, :-1], seen[:, :, 1:, 1:] - seen[:, :, :-1, 1:]
        level = torch.cat([across, down], dim=1)
        return level, level

    found = distances_to_others(slopes, photos, generator=np.random.default_rng(0))[:, 2]
    assert (found[0] > 1.5 * found[1:].max()) == strange


@pytest.mark.parametrize(("moved", "strange"), [(0, False), (1, False), (4, True)])
def test_where_parts_lie_one_way_a_small_thing_is_strange_that_other_photos_have_elsewhere(
    moved: int, strange: bool
) -> None:
    generator = torch.Generator().manual_seed(5)
    levels = [0.1 * torch.randn(24, 4, 12, 12, generator=generator) for _ in range(2)]
    for level in levels:
        level[:, 0] += 1
        level[:, 1, 4:7, 4:7] += 3
        level[0] = level[0].roll(moved, dims=2)
    places = places_of((levels[0], levels[1]))
    scale = scale_of(places.early)
    told = AtTheirPlaces(early=scale.of(places.early[12:]), scale=scale)
    farthest = torch.stack([each.amin(1).amax() for each in told.distances(places)])[:12]
    assert (farthest[0] > 2 * farthest[1:].median()) == strange


def test_the_nearest_around_a_place_is_that_of_nine() -> None:
    own, others = torch.randn(2, 5, 4, 3), torch.randn(6, 5, 4, 3)
    found = nearest_around(own, others).view(2, 5, 4, 6)
    for row, column in [(0, 0), (2, 1), (4, 3)]:
        around = others[:, max(0, row - 1) : row + 2, max(0, column - 1) : column + 2].flatten(1, 2)
        expected = torch.cdist(own[:, row, column], around).amin(2).T
        torch.testing.assert_close(found[:, row, column], expected, rtol=1e-4, atol=1e-4)


def test_of_many_photos_each_is_held_against_a_drawn_few() -> None:
    photos = MOST_COMPARED_WITH + 16
    fine, coarse = alike(photos)
    coarse[70, :, 2, 2] = -coarse[70, :, 2, 2]
    found = distances((fine, coarse))
    assert found.shape == (photos, RESPECTS)
    assert found[:, 1].argmax() == 70
    assert (distances((fine, coarse)) == found).all()
    assert (distances((fine, coarse), seed=1) != found).any()
