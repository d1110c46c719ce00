"""Perlin noise against its definition, pixel by pixel."""

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from blemish.synthesis.noise import CORNERS, draw_noise, perlin_noise

Array = NDArray[np.float64]


def by_definition(angles: Array, cells: tuple[int, int], size: tuple[int, int]) -> Array:
    """In each cell the four corners' gradient . offset, mixed by the quintic fade first along y, then along x."""
    noise = np.empty(size)
    for i, j in np.ndindex(size):
        y, x = i / size[0] * cells[0], j / size[1] * cells[1]
        k, m = int(y), int(x)
        dy, dx = y - k, x - m
        dots = np.array(
            [
                [math.cos(angles[k + a, m + b]) * (dy - a) + math.sin(angles[k + a, m + b]) * (dx - b) for b in (0, 1)]
                for a in (0, 1)
            ]
        )
        fade_y, fade_x = (6 * t**5 - 15 * t**4 + 10 * t**3 for t in (dy, dx))
        top, bottom = dots[:, 0], dots[:, 1]
        left, right = top[0] + (top[1] - top[0]) * fade_y, bottom[0] + (bottom[1] - bottom[0]) * fade_y
        noise[i, j] = math.sqrt(2) * (left + (right - left) * fade_x)
    return noise


@pytest.mark.parametrize("size", [(64, 64), (30, 47)])
def test_noise_is_what_its_definition_gives_for_every_number_of_cells(size: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(1)
    angles = 2 * math.pi * torch.rand((4, CORNERS, CORNERS), generator=generator)
    cells = [(1, 1), (32, 2), (4, 16), (8, 32)]
    noise = perlin_noise(angles, torch.tensor(cells), size)
    for ours, angle, cell in zip(noise, angles, cells, strict=True):
        assert ours.numpy() == pytest.approx(by_definition(angle.double().numpy(), cell, size), abs=2e-5)


def test_noise_is_drawn_from_the_generator_alone() -> None:
    cells = torch.tensor([[4, 8], [16, 1]])

    def drawn(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return draw_noise(cells, (32, 48), torch.Generator().manual_seed(2))

    assert torch.equal(drawn(0), drawn(1))
    assert not torch.allclose(drawn(0)[0], drawn(0)[1])
