"""Half of the photos get painted defects, half Perlin-noise ones."""

import pytest
import torch
from torch import Generator, Tensor

from blemish.synthesis import mixed
from blemish.synthesis.mixed import mix_defects


@pytest.fixture
def kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Either kind shows which it is: whole photos of 1, and of 2."""

    def whole(value: float, clean: Tensor) -> tuple[Tensor, Tensor]:
        assert len(clean), "no kind is asked for no photos"
        return torch.full_like(clean, value), torch.ones_like(clean[:, :1])

    monkeypatch.setattr(mixed, "paint_defects", lambda clean, _textures, _generator: whole(1, clean))
    monkeypatch.setattr(mixed, "draw_defects", lambda clean, _textures, _generator: whole(2, clean))


def painted_of(count: int, seed: int) -> int:
    clean = torch.zeros(count, 3, 8, 8)
    images, masks = mix_defects(clean, clean, Generator().manual_seed(seed))
    assert (images.shape, masks.shape) == (clean.shape, (count, 1, 8, 8))
    return int((images[:, 0, 0, 0] == 1).sum())


@pytest.mark.usefixtures("kinds")
@pytest.mark.parametrize(("count", "fewest"), [(1, 0), (2, 1), (5, 2), (12, 6)])
def test_half_of_the_photos_get_either_kind_and_chance_decides_of_an_odd_one(count: int, fewest: int) -> None:
    assert {painted_of(count, seed) for seed in range(20)} == set(range(fewest, fewest + count % 2 + 1))


def test_photos_change_where_masks_say_so_and_a_seed_gives_the_same_again() -> None:
    clean = 0.2 + 0.6 * torch.rand(12, 3, 48, 64, generator=Generator().manual_seed(1))
    images, masks = mix_defects(clean, clean.roll(1, dims=0), Generator().manual_seed(0))
    again, _ = mix_defects(clean, clean.roll(1, dims=0), Generator().manual_seed(0))
    assert torch.equal(images, again)
    assert ((masks == 0) | (masks == 1)).all()
    changed = (images - clean).abs().mean(dim=1, keepdim=True)
    assert changed[masks > 0].mean() > 20 * changed[masks == 0].mean()
