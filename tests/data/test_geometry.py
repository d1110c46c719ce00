"""Where tiles lie, and that their maps join without seams."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blemish.data.framing import Framing
from blemish.data.geometry import JoinedMap


def joined(framing: Framing, canvas: np.ndarray, photo_size: tuple[int, int], *, coarser: int = 1) -> np.ndarray:
    """The joined map of a network that gives back what it sees, of every so many pixels one, and tells no border."""
    height, width = framing.image_size
    whole = framing.joining(photo_size, (height // coarser, width // coarser))
    for number, (top, left) in enumerate(framing.geometry(photo_size).windows):
        whole.add(number, canvas[top : top + height : coarser, left : left + width : coarser])
    return whole.values


@given(st.integers(1, 700), st.integers(1, 700), st.sampled_from([64, 96, 128]), st.integers(32, 100))
@settings(max_examples=30, deadline=None)
def test_every_pixel_is_the_mean_of_all_tiles_that_count_there(h: int, w: int, side: int, overlap: int) -> None:
    framing = Framing(image_size=(side, 64), tile=max(side, 64), overlap=overlap)
    geometry = framing.geometry((h, w))
    assert geometry.map_size == (h, w)
    canvas = np.random.default_rng(0).normal(size=geometry.canvas_size).astype(np.float32)
    (top, left) = geometry.origin
    np.testing.assert_allclose(joined(framing, canvas, (h, w)), canvas[top : top + h, left : left + w], atol=2e-6)


def test_what_a_network_says_at_a_tiles_border_counts_nowhere() -> None:
    framing = Framing(image_size=(256, 256), tile=256)
    geometry = framing.geometry((300, 500))
    whole = JoinedMap(geometry)
    for number in range(len(geometry.windows)):
        found = np.full((256, 256), 7, np.float32)
        found[:48], found[-48:], found[:, :48], found[:, -48:] = (np.nan,) * 4
        whole.add(number, np.where(np.isnan(found), 7, found) if geometry.windows[number] == (0, 0) else found)
    inside = whole.values[208:, :]  # rows that the last tiles alone see to their end
    assert np.isfinite(whole.values[: 256 - 96, : 256 - 96]).all()
    assert np.nanmax(np.abs(inside - 7)) < 1e-5


@pytest.mark.parametrize("coarser", [4, 16, 32])
def test_levels_join_like_the_map(coarser: int) -> None:
    framing = Framing(image_size=(128, 128), tile=256, overlap=64)
    geometry = framing.geometry((600, 900))
    levels = joined(framing, np.ones(geometry.canvas_size, np.float32), (600, 900), coarser=coarser)
    assert levels.shape == (round(300 / coarser), round(450 / coarser))
    np.testing.assert_allclose(levels, 1, atol=1e-6)


def test_tiles_are_of_the_photos_pixels_and_mirrored_around_it() -> None:
    framing = Framing(image_size=(64, 64), tile=128, overlap=32)
    photo = np.random.default_rng(0).integers(0, 256, (300, 200, 3), np.uint8)
    canvas, geometry = framing.lay_out(photo), framing.geometry((300, 200))
    assert geometry.map_size == (150, 100)
    (top, left), frames = geometry.origin, framing.cut(photo)
    assert (top, left) == (11, 11)
    assert len(frames) == len(geometry.windows) == 5 * 3
    np.testing.assert_array_equal(canvas[top - 1, left:-1], canvas[top, left:-1])
    np.testing.assert_array_equal(canvas[top - 3, left:-1], canvas[top + 2, left:-1])
    np.testing.assert_array_equal(frames[4], canvas[32:96, 32:96])
    assert len(framing.cut(photo, most=4)) == 4


def test_a_photo_of_another_shape_gets_borders_and_one_of_the_usual_shape_none() -> None:
    framing = Framing(image_size=(64, 128), aspect=2.0)
    usual = np.random.default_rng(0).integers(0, 256, (300, 600, 3), np.uint8)
    np.testing.assert_array_equal(framing.lay_out(usual), Framing(image_size=(64, 128)).lay_out(usual))
    geometry = framing.geometry((300, 300))
    assert (geometry.map_size, geometry.origin) == ((64, 64), (0, 32))
    canvas = framing.lay_out(usual[:, :300])
    assert canvas.shape == (64, 128, 3)
    np.testing.assert_array_equal(canvas[:, 31], canvas[:, 32])
    np.testing.assert_array_equal(canvas[:, 32:96], framing.lay_out(usual[:, :300])[:, 32:96])
    assert framing.mask(np.ones((300, 300), np.bool_)).shape == (64, 64)


def test_tiles_that_cannot_be_are_refused() -> None:
    for size, tile, overlap in (((100, 100), 100, 32), ((32, 32), 64, 32), ((64, 64), 8, 32), ((64, 64), 64, 5)):
        with pytest.raises(ValueError, match=r"tiles of|overlap is"):
            Framing(image_size=size, tile=tile, overlap=overlap)
