"""PNG files of our own are read as they were meant."""

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from blemish.data.png import encode_png


def decoded(data: bytes) -> NDArray[np.uint8]:
    with Image.open(BytesIO(data), formats=["PNG"]) as picture:
        return np.array(picture)


@given(
    size=st.tuples(st.integers(1, 70), st.integers(1, 40)), colours=st.sampled_from([(), (3,)]), seed=st.integers(0, 99)
)
@settings(max_examples=60, deadline=None)
def test_every_size_comes_back_as_it_was(size: tuple[int, int], colours: tuple[int, ...], seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, *colours), dtype=np.uint8)
    np.testing.assert_array_equal(decoded(encode_png(pixels)), pixels)


def test_a_view_that_is_not_contiguous_comes_back_as_it_was() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (30, 20, 3), dtype=np.uint8)[::-2, ::3]
    np.testing.assert_array_equal(decoded(encode_png(pixels)), pixels)


@pytest.mark.parametrize("colours", [(), (3,)], ids=["grey", "colour"])
def test_what_is_smooth_takes_little_more_room_than_pillow_needs(colours: tuple[int, ...]) -> None:
    ramp = np.add.outer(np.arange(200), np.arange(300)) // 3
    noise = np.random.default_rng(0).integers(0, 4, (200, 300, *colours))
    pixels = (ramp.reshape(200, 300, *(1 for _ in colours)) + noise).astype(np.uint8)
    pillows = BytesIO()
    Image.fromarray(pixels).save(pillows, format="PNG")
    assert len(encode_png(pixels)) < 1.1 * pillows.tell()


def test_what_is_flat_takes_hardly_any_room() -> None:
    assert len(encode_png(np.full((500, 500, 3), 200, np.uint8))) < 8_000
