"""Whether good photos show a surface or a part is told by whether a place says which way edges run there."""

from collections.abc import Callable

import numpy as np
import pytest

from blemish.data.alignment import Grey
from blemish.data.surface import FEWEST_TO_TELL, MOST_OF_A_SURFACE, is_surface, place_share

SIZE = (96, 128)
Rng = np.random.Generator


def cloth(rng: Rng) -> Grey:
    """Diagonal threads, shifted by any amount, and noise."""
    down, across = np.indices(SIZE)
    threads = 40 * np.sin((down + across) / 2 + rng.uniform(0, 6))
    return np.asarray(120 + threads + rng.normal(0, 30, SIZE), np.float32)


def washer(rng: Rng) -> Grey:
    """A ring near the middle, on ground as noisy as the cloth."""
    down, across = np.indices(SIZE)
    away = np.hypot(down - 48 - rng.normal(0, 3), across - 64 - rng.normal(0, 3))
    return np.asarray(120 + 80 * ((away < 36) & (away > 18)) + rng.normal(0, 30, SIZE), np.float32)


def in_light_from_a_side(picture: Grey) -> Grey:
    return np.asarray(picture * np.linspace(0.5, 1.3, picture.shape[1]), np.float32)


def some(draw: Callable[[Rng], Grey], count: int = 24) -> list[Grey]:
    rng = np.random.default_rng(0)
    return [draw(rng) for _ in range(count)]


@pytest.mark.parametrize("light", [np.asarray, in_light_from_a_side])
def test_cloth_is_a_surface_in_any_light_and_a_washer_is_none(light: Callable[[Grey], Grey]) -> None:
    assert is_surface([light(picture) for picture in some(cloth)])
    assert not is_surface([light(picture) for picture in some(washer)])


def test_what_lies_alike_in_every_photo_is_a_part() -> None:
    rng = np.random.default_rng(1)
    weave = cloth(rng)
    alike = [np.asarray(weave + rng.normal(0, 3, SIZE), np.float32) for _ in range(12)]
    assert place_share(alike) > 0.5
    assert place_share([weave, weave]) == pytest.approx(1)


def test_shapes_may_differ_and_a_blank_place_is_no_trouble() -> None:
    rng = np.random.default_rng(2)
    mixed = [picture[:, :100] if place % 2 else picture for place, picture in enumerate(some(cloth))]
    assert place_share(mixed) < MOST_OF_A_SURFACE
    blank = [np.full(SIZE, 7, np.float32)] * FEWEST_TO_TELL
    assert not is_surface(blank), "nothing is seen of which a place could say anything"
    half = [np.where(np.indices(SIZE)[1] < 64, picture, 0).astype(np.float32) for picture in some(cloth)]
    assert not is_surface(half), "it has an edge, which lies where it lies"
    assert np.isfinite(place_share([np.zeros(SIZE, np.float32), cloth(rng)]))


def test_of_few_photos_nobody_knows() -> None:
    assert not is_surface(some(cloth, FEWEST_TO_TELL - 1))
    assert not is_surface([])
