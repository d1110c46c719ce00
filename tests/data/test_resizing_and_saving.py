from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from blemish.data.images import read_image, resize_image, resize_map, resize_mask, save_map, save_png
from blemish.errors import OutputError

sizes = st.tuples(st.integers(1, 24), st.integers(1, 24))


def triangle_weights(old: int, new: int) -> NDArray[np.float64]:
    """(new, old) weights of bilinear resizing whose triangle widens as the picture shrinks."""
    scale = max(old / new, 1)
    centres = (np.arange(new) + 0.5) * old / new
    weights = np.clip(1 - np.abs(np.arange(old) + 0.5 - centres[:, None]) / scale, 0, None)
    normalised: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return normalised


@given(old=sizes, new=sizes, seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_maps_are_resized_as_the_triangle_filter_says(old: tuple[int, int], new: tuple[int, int], seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=old).astype(np.float32)
    expected = triangle_weights(old[0], new[0]) @ values @ triangle_weights(old[1], new[1]).T
    resized = resize_map(values, new)
    assert resized.dtype == np.float32
    np.testing.assert_allclose(resized, expected, atol=1e-5)


@given(old=sizes, new=sizes, seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_photos_are_resized_as_the_triangle_filter_says(old: tuple[int, int], new: tuple[int, int], seed: int) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (*old, 3), dtype=np.uint8)
    rows, columns = triangle_weights(old[0], new[0]), triangle_weights(old[1], new[1])
    expected = np.einsum("yh,xw,hwc->yxc", rows, columns, image)
    resized = resize_image(image, new)
    assert resized.dtype == np.uint8
    assert np.abs(resized - expected).max() <= 1.01  # rounded after each of the two directions


@given(old=sizes, new=sizes, seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_masks_are_rounded_at_half(old: tuple[int, int], new: tuple[int, int], seed: int) -> None:
    mask = np.random.default_rng(seed).random(old) < 0.5
    share = triangle_weights(old[0], new[0]) @ mask @ triangle_weights(old[1], new[1]).T
    clear = np.abs(share - 0.5) > 1e-5
    np.testing.assert_array_equal(resize_mask(mask, new)[clear], share[clear] > 0.5)


def test_a_mask_pixel_of_which_just_half_is_defect_is_defect() -> None:
    mask = np.repeat([[True, False]], 2, axis=0)
    assert resize_mask(mask, (1, 1)).tolist() == [[True]]


@given(old=sizes, new=sizes, value=st.integers(0, 255))
@settings(max_examples=40, deadline=None)
def test_what_is_constant_stays_constant(old: tuple[int, int], new: tuple[int, int], value: int) -> None:
    assert (resize_image(np.full((*old, 3), value, np.uint8), new) == value).all()
    assert (resize_mask(np.full(old, value > 127), new) == (value > 127)).all()


def test_nothing_happens_where_the_size_is_right() -> None:
    image = np.zeros((4, 6, 3), np.uint8)
    assert resize_image(image, (4, 6)) is image
    assert resize_image(image, (6, 4)).shape == (6, 4, 3)


def test_saving_makes_the_folders_and_leaves_nothing_else_behind(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "photo.png"
    image = np.random.default_rng(0).integers(0, 256, (3, 4, 3), dtype=np.uint8)
    save_png(path, image)
    save_png(path, image)
    np.testing.assert_array_equal(read_image(path), image)
    assert list(path.parent.iterdir()) == [path]


def test_a_mask_is_saved_as_0_and_255(tmp_path: Path) -> None:
    save_png(tmp_path / "mask.png", np.array([[True, False]]))
    with Image.open(tmp_path / "mask.png") as picture:
        assert (picture.mode, np.array(picture).tolist()) == ("L", [[255, 0]])


def test_a_saved_map_keeps_every_digit(tmp_path: Path) -> None:
    anomaly_map = np.random.default_rng(0).normal(size=(5, 7)).astype(np.float32)
    save_map(tmp_path / "map.tiff", anomaly_map)
    with Image.open(tmp_path / "map.tiff") as picture:
        np.testing.assert_array_equal(np.array(picture), anomaly_map)


def test_a_file_in_the_place_of_a_folder_gives_one_line(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("in the way")
    with pytest.raises(OutputError) as caught:
        save_png(tmp_path / "out" / "photo.png", np.zeros((2, 2), np.uint8))
    assert str(tmp_path / "out" / "photo.png") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_disk_without_room_leaves_the_old_picture_whole(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    save_png(path, np.zeros((2, 2), np.uint8))
    old = path.read_bytes()
    noise = np.random.default_rng(0).integers(0, 256, (200, 200), dtype=np.uint8)
    resource = pytest.importorskip("resource", reason="this system cannot limit the size of files")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
        with pytest.raises(OutputError, match=r"photo\.png"):
            save_png(path, noise)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == old
    assert list(tmp_path.iterdir()) == [path]
