"""Textures that need no folder: what every one of them is, and that they differ."""

import pytest
import torch
from torch import Generator, Tensor

from blemish.synthesis.textures import alter_pieces, draw_patterns


def drawn(kind: str, seed: int = 0) -> Tensor:
    generator = Generator().manual_seed(seed)
    if kind == "patterns":
        return draw_patterns(64, (48, 72), generator)
    return alter_pieces(torch.rand((64, 3, 48, 72), generator=Generator().manual_seed(9)), generator)


@pytest.mark.parametrize("kind", ["patterns", "pieces"])
def test_textures_are_images_and_depend_on_the_generator_alone(kind: str) -> None:
    textures = drawn(kind)
    assert textures.shape == (64, 3, 48, 72)
    assert float(textures.min()) >= 0
    assert float(textures.max()) <= 1
    assert torch.equal(textures, drawn(kind))
    assert not torch.equal(textures, drawn(kind, seed=1))


@pytest.mark.parametrize("kind", ["patterns", "pieces"])
def test_textures_are_dark_and_bright_and_of_many_colours(kind: str) -> None:
    colours = drawn(kind).mean(dim=(2, 3))
    brightness, tint = colours.mean(dim=1), colours.amax(dim=1) - colours.amin(dim=1)
    assert float(brightness.min()) < 0.25
    assert float(brightness.max()) > 0.75
    assert 0.03 < float(tint.median()) < 0.4


def test_patterns_have_structure_of_coarse_and_fine_scales() -> None:
    patterns = drawn("patterns")
    neighbours = (patterns[..., 1:] - patterns[..., :-1]).square().mean(dim=(1, 2, 3))
    roughness = neighbours / (2 * patterns.var(dim=(2, 3)).mean(dim=1) + 1e-6)  # 1 for white noise
    assert float(roughness.min()) < 0.15
    assert float(roughness.max()) > 0.6


def test_a_piece_of_a_plain_photo_differs_from_it() -> None:
    """Else a defect would be drawn that nobody can see, and taught as one."""
    photos = torch.full((256, 3, 32, 32), 0.5)
    away = (alter_pieces(photos, Generator().manual_seed(3)) - photos).abs().mean(dim=(1, 2, 3))
    assert float((away > 0.02).float().mean()) > 0.9


def test_pieces_keep_the_structure_of_the_photo_they_are_cut_from() -> None:
    """Flat photos give flat pieces, striped ones striped pieces."""
    flat = torch.full((16, 3, 64, 64), 0.3)
    stripes = (torch.arange(64) % 8 < 4).float().expand(16, 3, 64, 64)
    smooth, striped = (alter_pieces(p, Generator().manual_seed(4)).std(dim=(2, 3)).mean() for p in (flat, stripes))
    assert float(smooth) < 1e-3
    assert float(striped) > 0.05
