"""Synthetic defects: their shapes' statistics, their making step by step, and what they leave alone."""

import math

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Generator, Tensor

from blemish.synthesis.defects import blend, draw_defects, draw_masks
from blemish.synthesis.noise import CORNERS
from synthesis.test_noise import by_definition


@pytest.fixture(scope="module")
def areas() -> Tensor:
    """Share of the pixels that are defect, of 1,200 masks."""
    generator = Generator().manual_seed(0)
    return torch.cat([draw_masks(50, (256, 256), generator).mean(dim=(1, 2, 3)) for _ in range(24)])


def test_masks_cover_on_average_4_9_percent_and_4_6_percent_of_them_are_empty(areas: Tensor) -> None:
    """Within four standard errors of 3,000 masks of an implementation that drew them one by one."""
    assert float(areas.mean()) == pytest.approx(0.049, abs=0.003)
    assert float(areas.median()) == pytest.approx(0.046, abs=0.004)
    assert float((areas == 0).float().mean()) == pytest.approx(0.046, abs=0.024)
    assert float(areas.quantile(0.9)) == pytest.approx(0.074, abs=0.006)


def test_a_mask_is_noise_of_1_to_32_cells_turned_by_up_to_90_degrees_and_cut_at_a_half() -> None:
    size, count = (72, 96), 8
    masks = draw_masks(count, size, Generator().manual_seed(1))
    same = Generator().manual_seed(1)  # draws what the function drew
    cells = 2 ** torch.randint(6, (count, 2), generator=same)
    angles = 2 * math.pi * torch.rand((count, CORNERS, CORNERS), generator=same).double().numpy()
    degrees = 90 * (2 * torch.rand(count, generator=same) - 1)
    assert float(degrees.abs().max()) > 45
    for mask, cell, angle, degree in zip(masks[:, 0].numpy(), cells.tolist(), angles, degrees.tolist(), strict=True):
        noise = ndimage.rotate(by_definition(angle, tuple(cell), size), degree, reshape=False, order=1)
        assert (mask == (noise > 0.5)).mean() > 0.998  # but for single pixels at the border
        assert set(np.unique(mask)) <= {0.0, 1.0}


def test_the_texture_covers_the_part_where_the_mask_is_one_and_nothing_else_changes() -> None:
    generator = Generator().manual_seed(2)
    clean, textures = (torch.rand((3, 3, 20, 24), generator=generator) for _ in range(2))
    masks = (torch.rand((3, 1, 20, 24), generator=generator) > 0.7).float()
    transparency = torch.tensor([0.0, 0.3, 0.8]).view(3, 1, 1, 1)
    image, texture, mask, b = (t.double().numpy() for t in (clean, textures, masks, transparency))
    expected = image * (1 - mask) + (1 - b) * (mask * texture) + b * (mask * image)
    defective = blend(clean, textures, masks, transparency)
    assert defective.double().numpy() == pytest.approx(expected, abs=1e-6)
    assert torch.equal(torch.where(masks > 0, 0, defective), torch.where(masks > 0, 0, clean))
    assert defective.is_contiguous(memory_format=torch.channels_last)


def test_textures_are_a_fifth_opaque_to_wholly_and_evenly_so() -> None:
    clean, textures = torch.zeros(400, 3, 32, 32), torch.ones(400, 3, 32, 32)
    defective, masks = draw_defects(clean, textures, Generator().manual_seed(3))
    opacity = defective.amax(dim=(1, 2, 3))[masks.amax(dim=(1, 2, 3)) > 0]
    assert 0.2 <= float(opacity.min()) < 0.22
    assert 0.98 < float(opacity.max()) <= 1
    assert float(opacity.mean()) == pytest.approx(0.6, abs=4 * 0.8 / 12**0.5 / len(opacity) ** 0.5)


def test_defects_depend_on_the_generator_alone() -> None:
    def drawn(seed: int, other: int) -> tuple[Tensor, Tensor]:
        torch.manual_seed(other)
        clean, textures = torch.full((4, 3, 64, 64), 0.5), torch.ones(4, 3, 64, 64)
        return draw_defects(clean, textures, Generator().manual_seed(seed))

    (images, masks), (again, masks_again), (_, others) = drawn(4, 0), drawn(4, 1), drawn(5, 0)
    assert torch.equal(images, again)
    assert torch.equal(masks, masks_again)
    assert not torch.equal(masks, others)
