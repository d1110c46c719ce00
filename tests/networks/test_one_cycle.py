"""The learning rate rises and falls over the steps that a stage takes, and a stopped optimiser goes on in its place."""

import pytest
import torch
from torch import Tensor, nn

from blemish.networks.one_cycle import OneCycleAdamW, one_cycle

STEPS = 40


def optimizer_of(module: nn.Module) -> OneCycleAdamW:
    return OneCycleAdamW(module.parameters(), highest=0.1, weight_decay=0.01, steps=STEPS, warm_up=0.25)


def trained(module: nn.Module, optimizer: OneCycleAdamW, steps: int) -> list[float]:
    rates = []
    for _ in range(steps):
        optimizer.zero_grad()
        out: Tensor = module(torch.ones(1, 3))
        torch.autograd.backward(out.square().sum())
        optimizer.step()
        rates.append(optimizer.param_groups[0]["lr"])
    return rates


def test_it_is_highest_after_the_warm_up_and_nothing_at_the_end() -> None:
    rates = trained(module := nn.Linear(3, 1), optimizer_of(module), STEPS)
    assert rates.index(max(rates)) == 10
    assert max(rates) == pytest.approx(0.1)
    assert rates[0] == pytest.approx(0.1 / 25)
    assert rates[-1] < 0.001
    assert one_cycle(1.0, warm_up=0.25) == pytest.approx(1e-5)


def test_a_stopped_one_goes_on_in_its_place() -> None:
    torch.manual_seed(0)
    whole = nn.Linear(3, 1)
    stopped = nn.Linear(3, 1)
    stopped.load_state_dict(whole.state_dict())
    trained(whole, optimizer_of(whole), STEPS)
    first = optimizer_of(stopped)
    trained(stopped, first, 7)
    second = optimizer_of(stopped)
    second.load_state_dict(first.state_dict())
    trained(stopped, second, STEPS - 7)
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), stopped.parameters(), strict=True))
