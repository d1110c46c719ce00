"""Rotation against Pillow's, and how far parts are turned at random."""

import math
from typing import get_args

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from blemish.synthesis.rotation import GREY, Rotation, rotate, turn_at_random


@pytest.mark.parametrize("size", [(48, 48), (40, 72)])
@pytest.mark.parametrize("degrees", [-63.0, 4.0, 90.0, 180.0])
def test_an_image_is_turned_as_pillow_turns_it(size: tuple[int, int], degrees: float) -> None:
    image = np.random.default_rng(0).random(size).astype(np.float32)
    ours = rotate(torch.from_numpy(image)[None, None], torch.tensor([degrees]), fill=0.25)[0, 0].numpy()
    theirs = np.array(Image.fromarray(image).rotate(degrees, Image.Resampling.BILINEAR, fillcolor=0.25))
    known = np.array(Image.fromarray(np.ones(size, np.float32)).rotate(degrees, Image.Resampling.BILINEAR))
    inside = np.abs(_neighbours_mean(known) - 1) < 1e-6  # at the border of the photo Pillow rounds otherwise
    outside = _neighbours_mean(known) == 0
    assert inside.mean() > 0.3
    assert ours[inside] == pytest.approx(theirs[inside], abs=2e-4)
    assert ours[outside] == pytest.approx(0.25)


def _neighbours_mean(values: NDArray[np.float32]) -> NDArray[np.float32]:
    padded = np.pad(values, 2, constant_values=0.5)  # the outermost pixels are neither
    views = np.lib.stride_tricks.sliding_window_view(padded, (5, 5))
    mean: NDArray[np.float32] = views.mean(axis=(2, 3))
    return mean


def dial(side: int) -> Tensor:
    """512 parts with a bright spot at the top."""
    part = torch.zeros(1, 3, side, 65)
    part[:, :, 4:9, 30:35] = 1
    return part.expand(512, -1, -1, -1)


def degrees_of(parts: Tensor) -> Tensor:
    """Where the spot went, counter-clockwise from the top."""
    bright = (parts[:, 0] > 0.7).float()
    y, x = (torch.arange(n) - (n - 1) / 2 for n in parts.shape[-2:])
    down, right = (bright * y[:, None]).sum(dim=(1, 2)), (bright * x).sum(dim=(1, 2))
    return torch.atan2(-right, -down) * 180 / math.pi


def test_slight_is_up_to_five_degrees_either_way() -> None:
    turned = degrees_of(turn_at_random(dial(65), "slight", torch.Generator().manual_seed(3)))
    assert float(turned.abs().max()) == pytest.approx(5, abs=0.5)
    assert abs(float(turned.mean())) < 0.5


def test_full_is_a_quarter_turn_and_slight_on_top() -> None:
    turned = degrees_of(turn_at_random(dial(65), "full", torch.Generator().manual_seed(4)))
    quarters = (turned / 90).round()
    assert float((turned - 90 * quarters).abs().max()) == pytest.approx(5, abs=0.5)
    counts = torch.bincount((quarters % 4).long(), minlength=4)
    assert int(counts.min()) > 90  # of 128 expected


def test_parts_that_are_not_square_are_never_turned_on_their_side() -> None:
    turned = degrees_of(turn_at_random(dial(97), "full", torch.Generator().manual_seed(5)))
    halves = (turned / 180).round()
    assert float((turned - 180 * halves).abs().max()) < 5.5
    assert 200 < int((halves == 0).sum()) < 312


def test_corners_that_nothing_was_turned_into_are_grey_and_no_turn_is_no_change() -> None:
    parts = torch.ones(4, 3, 64, 64)
    turned = turn_at_random(parts, "slight", torch.Generator().manual_seed(6))
    assert float(turned.min()) == pytest.approx(GREY, abs=1e-6)
    assert torch.equal(turn_at_random(parts, "none", torch.Generator().manual_seed(6)), parts)
    assert get_args(Rotation) == ("none", "slight", "full")
