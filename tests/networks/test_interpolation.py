"""Bilinear resizing by matrix products, which gives GPUs gradients of a fixed order."""

import pytest
import torch
from torch.nn import functional as F

from blemish.networks.interpolation import interpolate_by_products


@pytest.mark.parametrize("size", [(16, 10), (9, 5), (5, 3), (8, 7)])
def test_products_give_what_torch_gives_and_its_gradients(size: tuple[int, int]) -> None:
    values = torch.randn(2, 3, 8, 5, dtype=torch.float64, requires_grad=True)
    factors = torch.randn(2, 3, *size, dtype=torch.float64)
    expected = F.interpolate(values, size=size, mode="bilinear", align_corners=False)
    found = interpolate_by_products(values, size)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)  # torch's weights are of float32
    gradients = [torch.autograd.grad((factors * resized).sum(), values)[0] for resized in (found, expected)]
    torch.testing.assert_close(*gradients, rtol=1e-6, atol=1e-6)


def test_doubling_loses_nothing_in_bf16() -> None:
    """The weights, 1/4 and 3/4, are numbers of bf16."""
    values = torch.randn(1, 2, 4, 4).bfloat16()
    exact = F.interpolate(values.double(), size=(8, 8), mode="bilinear", align_corners=False)
    torch.testing.assert_close(interpolate_by_products(values, (8, 8)).double(), exact, rtol=2**-7, atol=2**-8)
