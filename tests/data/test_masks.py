from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from blemish.data.dataset import Sample
from blemish.data.images import MaskValues, read_mask, save_png
from blemish.data.masks import mask_of
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


def test_several_masks_of_a_photo_count_together(tmp_path: Path) -> None:
    for name, values in (("1.png", [[255, 0, 0]]), ("2.png", [[0, 0, 255]])):
        Image.fromarray(np.array(values, np.uint8)).save(tmp_path / name)
    sample = Sample(image=tmp_path / "p.png", defect_type="cut", masks=(tmp_path / "1.png", tmp_path / "2.png"))
    mask = mask_of(sample, (1, 3))
    assert mask is not None
    assert mask.tolist() == [[True, False, True]]
    assert mask_of(Sample(image=tmp_path / "p.png", defect_type="cut")) is None


@pytest.mark.parametrize(("values", "defect"), [("any", [False, True, True]), ("black", [True, False, False])])
def test_a_dataset_may_say_which_values_stand_for_defect(
    tmp_path: Path, values: MaskValues, defect: list[bool]
) -> None:
    Image.fromarray(np.array([[0, 2, 7]], np.uint8)).save(tmp_path / "mask.png")
    sample = Sample(image=tmp_path / "p.png", defect_type="cut", masks=(tmp_path / "mask.png",), mask_values=values)
    mask = mask_of(sample)
    assert mask is not None
    assert mask.tolist() == [defect]


def test_one_mask_of_another_size_is_named(tmp_path: Path) -> None:
    for name, size in (("1.png", (2, 3)), ("2.png", (5, 5))):
        Image.fromarray(np.full(size, 255, np.uint8)).save(tmp_path / name)
    sample = Sample(image=tmp_path / "p.png", defect_type="cut", masks=(tmp_path / "1.png", tmp_path / "2.png"))
    with pytest.raises(DataError, match=r"2\.png is 5x5, its photo 3x2: a mask must have its photo's size"):
        mask_of(sample)


def test_masks_that_mark_nothing_are_refused_of_a_defect_alone(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((2, 2), np.uint8)).save(tmp_path / "mask.png")
    defective = Sample(image=tmp_path / "p.png", defect_type="cut", masks=(tmp_path / "mask.png",))
    with pytest.raises(DataError, match="marks no defect"):
        mask_of(defective)
    good = mask_of(Sample(image=tmp_path / "p.png", masks=(tmp_path / "mask.png",)))
    assert good is not None
    assert not good.any()
