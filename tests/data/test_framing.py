"""Photos as a network's inputs, and what white is in files of 16 bits."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blemish.data.framing import Framing, shown, white_level_of
from blemish.data.images import read_image, resize_image
from blemish.errors import DataError

FRAMING = Framing(image_size=(8, 12))


def test_a_photo_is_one_frame_of_the_networks_size_in_its_own_type() -> None:
    photo = np.full((30, 40, 3), 77, np.uint8)
    for frames, dtype in ((FRAMING.cut(photo), np.uint8), (FRAMING.cut(photo.astype(np.uint16)), np.uint16)):
        assert frames.shape == (1, 8, 12, 3)
        assert frames.dtype == dtype
        assert (frames == 77).all()


def test_white_is_1_in_8_and_in_16_bits_and_what_is_above_it_too() -> None:
    eight = FRAMING.images(np.full((1, 8, 12, 3), 255, np.uint8))
    framing = Framing(image_size=(8, 12), white_level=4095)
    twelve = framing.images(np.array([0, 4095, 5000] * 96, np.uint16).reshape(1, 8, 12, 3))
    assert eight.shape == twelve.shape == (1, 3, 8, 12)
    assert eight.dtype == twelve.dtype == np.float32
    assert eight.min() == eight.max() == 1
    assert twelve[0, :, 0, 0].tolist() == [0, 1, 1]


def test_sixteen_bits_reach_the_network_without_passing_through_eight(tmp_path: Path) -> None:
    """A ramp of 512 values that 8 bits would make 3 of."""
    ramp = np.tile(np.arange(512, dtype=np.uint16), (16, 1))
    Image.fromarray(ramp).save(tmp_path / "ramp.png")
    framing = Framing(image_size=(16, 512))
    images = framing.images(framing.cut(read_image(tmp_path / "ramp.png")))
    assert len(np.unique(images)) == 512
    np.testing.assert_allclose(images[0, 0, 0], np.arange(512) / 65535, rtol=1e-6)


def test_shrinking_sixteen_bits_is_shrinking_eight_with_finer_steps() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (50, 60, 3), dtype=np.uint8)
    wide = FRAMING.images(FRAMING.cut(photo.astype(np.uint16) * 257))
    np.testing.assert_allclose(
        wide, FRAMING.images(FRAMING.cut(photo)), atol=1.01 / 255
    )  # Pillow rounds rows, then columns


@pytest.mark.parametrize("size", [(37, 11), (90, 130)])
def test_a_large_photo_of_16_bits_is_resized_in_bands_that_do_not_show(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = np.random.default_rng(0).integers(0, 65536, (211, 64, 3), dtype=np.uint16)
    whole = resize_image(photo, size)
    monkeypatch.setattr("blemish.data.resizing._BAND", 1000)
    assert np.abs(resize_image(photo, size).astype(int) - whole).max() <= 1


@pytest.mark.parametrize(
    ("highest", "white"), [(0, 1023), (1023, 1023), (1024, 4095), (4095, 4095), (4096, 16383), (16384, 65535)]
)
def test_white_is_the_highest_value_of_the_fewest_bits_that_hold_the_photos(highest: int, white: int) -> None:
    assert white_level_of(highest) == white


def test_a_photo_of_more_bits_than_the_model_knows_is_refused_and_a_highlight_is_not() -> None:
    framing = Framing(image_size=(8, 12), white_level=4095)
    photo = np.zeros((20, 20, 3), np.uint16)
    photo[:2, 0] = 65535
    framing.cut(photo)
    photo[:5] = 65535
    with pytest.raises(DataError, match=r"^cam.png: 25% of its values are above 4095, [^\n]*train anew"):
        framing.cut(photo, name="cam.png")


def test_photos_are_shown_as_the_model_sees_them() -> None:
    twelve_bits = np.array([[[0, 2048, 4095], [9999, 16, 8]]], np.uint16)
    assert shown(twelve_bits, white_level=4095).tolist() == [[[0, 128, 255], [255, 1, 0]]]
    eight = np.array([[[0, 128, 255]]], np.uint8)
    assert shown(eight) is eight


def test_a_mask_is_made_at_the_size_of_the_joined_map() -> None:
    mask = np.zeros((16, 24), np.bool_)
    mask[4:8, 6:12] = True
    framed = FRAMING.mask(mask)
    assert framed.shape == FRAMING.map_size((16, 24)) == (8, 12)
    assert framed.sum() == mask.sum() / 4


def test_a_photo_of_fewer_bits_than_16_is_refused_where_only_photos_of_8_bits_were_trained_on() -> None:
    framing = Framing(image_size=(8, 12), white_unknown=True)
    photo = np.full((20, 20, 3), 4095, np.uint16)
    with pytest.raises(DataError, match=r"^twelve.png: has 16 bits, but no value above 4095: what is white in it"):
        framing.cut(photo, name="twelve.png")
    framing.cut(photo * 16)  # 16 bits in full are known
    framing.cut(photo.astype(np.uint8))
