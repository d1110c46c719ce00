"""The learning rate rises and falls over the steps that a stage takes, and a stopped optimiser goes on in its place."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from blemish.networks.one_cycle import OneCycleAdamW, OneCycleSGD, one_cycle

STEPS = 40


Built = Callable[[nn.Module], OneCycleAdamW | OneCycleSGD]


def adamw(module: nn.Module) -> OneCycleAdamW:
    return OneCycleAdamW(module.parameters(), highest=0.1, weight_decay=0.01, steps=STEPS, warm_up=0.25)


def sgd(module: nn.Module) -> OneCycleSGD:
    return OneCycleSGD(module.parameters(), highest=0.1, momentum=0.9, weight_decay=0.01, steps=STEPS, warm_up=0.25)


def trained(module: nn.Module, optimizer: OneCycleAdamW | OneCycleSGD, steps: int) -> list[float]:
    rates = []
    for _ in range(steps):
        optimizer.zero_grad()
        out: Tensor = module(torch.ones(1, 3))
        torch.autograd.backward(out.square().sum())
        optimizer.step()
        rates.append(optimizer.param_groups[0]["lr"])
    return rates


@pytest.mark.parametrize("built", [adamw, sgd])
def test_it_is_highest_after_the_warm_up_and_nothing_at_the_end(built: Built) -> None:
    rates = trained(module := nn.Linear(3, 1), built(module), STEPS)
    assert rates.index(max(rates)) == 10
    assert max(rates) == pytest.approx(0.1)
    assert rates[0] == pytest.approx(0.1 / 25)
    assert rates[-1] < 0.001
    assert one_cycle(1.0, warm_up=0.25) == pytest.approx(1e-5)


@pytest.mark.parametrize("built", [adamw, sgd])
def test_a_stopped_one_goes_on_in_its_place(built: Built) -> None:
    torch.manual_seed(0)
    whole = nn.Linear(3, 1)
    stopped = nn.Linear(3, 1)
    stopped.load_state_dict(whole.state_dict())
    trained(whole, built(whole), STEPS)
    first = built(stopped)
    trained(stopped, first, 7)
    second = built(stopped)
    second.load_state_dict(first.state_dict())
    trained(stopped, second, STEPS - 7)
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), stopped.parameters(), strict=True))
