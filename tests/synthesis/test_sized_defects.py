"""Synthetic defects of a given size: exactly that long, one region, wholly inside, of the contrast asked for."""

import numpy as np
import pytest
from numpy.random import default_rng
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.distance import pdist

from blemish.synthesis.sized_defects import SIZED_KINDS, longest_extent, paint_sized_defect

CONNECTED = np.ones((3, 3), np.bool_)


def photo(level: int = 120, dtype: type = np.uint8) -> NDArray[np.uint8]:
    noise = default_rng(9).integers(-10, 11, (90, 150, 1))
    grey: NDArray[np.uint8] = np.repeat(level + noise, 3, axis=2).astype(dtype)
    return grey


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13, 43])
@pytest.mark.parametrize("kind", SIZED_KINDS)
def test_a_defect_is_one_region_as_long_as_asked_and_wholly_inside(kind: str, size: int) -> None:
    clean = photo()
    for seed in range(6):
        painted, made = paint_sized_defect(clean, kind, size, contrast=0.2, white=255, generator=default_rng(seed))
        points = np.argwhere(made.mask)
        apart = pdist(points).max() if len(points) > 1 else 0.0  # by every pair of pixels, not by the ends of rows
        assert round(apart + 1) == size
        assert ndimage.label(made.mask, CONNECTED)[1] == 1
        left, top, right, bottom = made.box
        assert made.mask[top:bottom, left:right].sum() == made.mask.sum()
        assert made.mask[:, [left, right - 1]].any(axis=0).all() and made.mask[[top, bottom - 1]].any(axis=1).all()
        changed = (painted != clean).any(axis=2)
        assert changed[made.mask].mean() > 0.95
        reach = ndimage.distance_transform_edt(~made.mask)[changed].max()
        assert reach <= 2 + size / 4, "what fades outside the mask stays near it"


@pytest.mark.parametrize("kind", SIZED_KINDS)
def test_the_pixels_of_a_defect_change_by_the_contrast_on_average(kind: str) -> None:
    clean = photo()
    for seed in range(4):
        painted, made = paint_sized_defect(clean, kind, 9, contrast=0.3, white=255, generator=default_rng(seed))
        measured = (painted.astype(float) - clean)[made.mask].mean() / 255
        assert abs(measured) == pytest.approx(0.3, abs=0.03)  # a stain's middle may reach black or white
        assert made.changed == pytest.approx(measured)


def test_a_defect_becomes_what_the_photo_leaves_room_for_and_says_how_far_it_came() -> None:
    for level, sign in ((20, 1), (235, -1)):
        changes = [
            paint_sized_defect(photo(level), "spot", 6, contrast=0.4, white=255, generator=default_rng(seed))[1].changed
            for seed in range(8)
        ]
        assert all(np.sign(change) == sign for change in changes)
    both = [
        paint_sized_defect(photo(128), "spot", 6, contrast=0.2, white=255, generator=default_rng(seed))[1].changed
        for seed in range(12)
    ]
    assert min(both) < 0 < max(both)
    short = paint_sized_defect(photo(128), "spot", 6, contrast=0.9, white=255, generator=default_rng(0))[1]
    assert 0.4 < abs(short.changed) < 0.6


def test_photos_of_16_bits_change_by_their_own_white() -> None:
    clean = photo(2000, np.uint16)
    painted, made = paint_sized_defect(clean, "spot", 8, contrast=0.25, white=4095, generator=default_rng(1))
    assert painted.dtype == np.uint16 and painted.max() <= 4095
    assert abs((painted.astype(float) - clean)[made.mask].mean()) == pytest.approx(0.25 * 4095, rel=0.02)


def test_a_row_of_pixels_is_as_long_as_their_number_and_a_diagonal_longer() -> None:
    row, corner = np.zeros((9, 9), np.bool_), np.eye(9, dtype=np.bool_)
    row[4, 2:7] = True
    assert longest_extent(row) == longest_extent(row.T) == 5
    assert longest_extent(corner) == pytest.approx(8 * 2**0.5 + 1)
