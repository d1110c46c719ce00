"""Means of distances count what is inside, and are numbers where nothing is."""

import pytest
import torch
from torch import Tensor

from blemish.networks.discrepancy import mean_inside, mean_of_hardest


@pytest.mark.parametrize("power", [None, 0.0, 3.0])
def test_where_nothing_is_inside_nothing_is_learned(power: float | None) -> None:
    """A region at the edge may move out of every photo of a small batch."""

    def mean_of(values: Tensor, inside: Tensor) -> Tensor:
        return mean_inside(values, inside) if power is None else mean_of_hardest(values, inside, power=power)

    values = torch.rand((2, 1, 4, 4), generator=torch.Generator().manual_seed(0)).requires_grad_()
    nothing, one = torch.zeros(2, 1, 8, 8), torch.zeros(2, 1, 8, 8)
    one[0, 0, 0, 0] = 1
    mean = mean_of(values, nothing)
    (gradient,) = torch.autograd.grad(mean, values)
    assert mean.item() == 0 and not gradient.any()
    assert mean_of(values, one).item() == pytest.approx(values[0, 0, 0, 0].item())
