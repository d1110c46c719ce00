from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from blemish.data.images import read_mask, save_png
from blemish.errors import DataError


@pytest.mark.parametrize(
    ("values", "defect"),
    [
        ([0, 127, 128, 255], [False, False, True, True]),
        ([0, 1, 0, 1], [False, True, False, True]),
        ([0, 0, 0, 0], [False] * 4),
        ([1, 2, 0, 200], [False, False, False, True]),
    ],
)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_mask_rule_is_half_the_range_or_ones(
    tmp_path: Path, values: list[int], defect: list[bool], dtype: type[np.unsignedinteger[Any]]
) -> None:
    grey = np.array([values], dtype)
    if dtype == np.uint16 and grey.max() > 1:
        grey = grey * dtype(257)
    Image.fromarray(grey).save(tmp_path / "mask.png")
    assert read_mask(tmp_path / "mask.png").tolist() == [defect]


@pytest.mark.parametrize("grey", [np.array([[0, 1, 2, 3]], np.uint8), np.array([[0, 255]], np.uint16)])
def test_a_mask_that_would_come_out_empty_is_refused(tmp_path: Path, grey: NDArray[Any]) -> None:
    Image.fromarray(grey).save(tmp_path / "mask.png")
    with pytest.raises(DataError, match=rf"mask\.png: no value is above {grey.max()} of "):
        read_mask(tmp_path / "mask.png")


@given(height=st.integers(1, 9), width=st.integers(1, 9), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_a_saved_mask_comes_back(height: int, width: int, seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    mask = np.random.default_rng(seed).random((height, width)) < 0.5
    path = tmp_path_factory.mktemp("masks") / "mask.png"
    save_png(path, mask)
    np.testing.assert_array_equal(read_mask(path), mask)
