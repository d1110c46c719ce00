"""Defects painted over good photos: seeded, of every shape and fill, and known to the pixel."""

import pytest
import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from blemish.synthesis.fills import FILLS, blurred
from blemish.synthesis.painting import VISIBLE, paint_defects, visible_changes
from blemish.synthesis.shapes import SHAPES

COUNT, SIZE = 24, (48, 64)


def seeded(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def photos() -> Tensor:
    return 0.2 + 0.6 * torch.rand(COUNT, 3, *SIZE, generator=seeded(1))


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_covers_some_of_a_photo_softly_and_each_time_elsewhere(name: str) -> None:
    covered = SHAPES[name](64, SIZE, seeded())
    assert covered.shape == (64, 1, *SIZE)
    assert 0 <= covered.min() < covered.max() <= 1
    assert ((covered > 0) & (covered < 1)).any(), "edges fade"
    assert 0.002 < covered.mean() < 0.2
    assert (covered.amax(dim=(1, 2, 3)) > 0.5).float().mean() > 0.5
    assert not torch.equal(covered[0], covered[1])


@pytest.mark.parametrize("name", FILLS)
def test_a_fill_changes_photos_and_stays_a_photo(name: str, photos: Tensor) -> None:
    shown = FILLS[name](photos, photos.roll(2, dims=0), seeded())
    assert shown.shape == photos.shape
    assert 0 <= shown.min() < shown.max() <= 1
    assert (shown - photos).abs().amax(dim=(1, 2, 3)).min() > VISIBLE


def test_blur_is_twice_the_mean_of_a_square_of_what_is_there_of_it(photos: Tensor) -> None:
    side = 2 * (max(4, min(SIZE) // 14) // 2) + 1
    expected = photos
    for _ in range(2):
        expected = F.avg_pool2d(expected, side, stride=1, padding=side // 2, count_include_pad=False)
    torch.testing.assert_close(blurred(photos, photos, seeded()), expected)


def test_masks_are_where_photos_visibly_changed_and_some_photos_stay_as_they_were(photos: Tensor) -> None:
    painted, masks = paint_defects(photos, photos.roll(3, dims=0), seeded())
    assert painted.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(masks, visible_changes(photos, painted))
    untouched = [torch.equal(a, b) for a, b in zip(photos, painted, strict=True)]
    assert sum(untouched) == 4  # of 24: 15 %, rounded
    assert 0.005 < masks.mean() < 0.2


def test_a_seed_gives_the_same_defects_and_another_seed_others(photos: Tensor) -> None:
    first, again, other = (paint_defects(photos, photos, seeded(seed))[0] for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_defects_are_of_the_shapes_and_fills_that_were_asked_for(photos: Tensor) -> None:
    everywhere = {"all": lambda count, size, _generator: torch.ones(count, 1, *size)}
    black = {"black": lambda shown, _textures, _generator: torch.zeros_like(shown)}
    painted, masks = paint_defects(photos, photos, seeded(), shapes=everywhere, fills=black)
    changed = masks.amax(dim=(1, 2, 3)) > 0
    assert (painted[changed] < photos[changed]).all()
    single, _ = paint_defects(photos[:1], photos[:1], seeded())
    assert single.shape == photos[:1].shape
