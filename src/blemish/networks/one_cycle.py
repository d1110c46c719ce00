"""Optimisers with a learning rate that rises, then falls to nothing over a stage (Smith & Topin, arXiv 1708.07120)."""

import math
from collections.abc import Callable, Iterable
from typing import Any

from torch import Tensor, nn
from torch.optim import SGD, AdamW, Optimizer

_START, _END = 1 / 25, 1e-5  # of the highest learning rate


class _OneCycle(Optimizer):
    """Knows how many steps it will take: what it has taken is a part of its state, which resuming keeps."""

    def begin(self, *, highest: float, steps: int, warm_up: float) -> None:
        """Sets out on a cycle whose `highest` learning rate is reached after the share `warm_up` of the steps."""
        self._highest, self._steps, self._warm_up = highest, steps, warm_up
        for group in self.param_groups:
            group["taken"] = 0

    def step(self, closure: Callable[[], Any] | None = None) -> Tensor | float | None:  # type: ignore[override]
        """Takes a step at the learning rate of its place in the cycle."""
        for group in self.param_groups:
            group["lr"] = self._highest * one_cycle(group["taken"] / self._steps, warm_up=self._warm_up)
            group["taken"] += 1
        result: Tensor | float | None = super().step(closure)
        return result


class OneCycleAdamW(_OneCycle, AdamW):
    """AdamW takes its steps at such a rate."""

    def __init__(
        self, parameters: Iterable[nn.Parameter], *, highest: float, weight_decay: float, steps: int, warm_up: float
    ) -> None:
        """Takes the `highest` learning rate, which is reached after the share `warm_up` of the steps."""
        super().__init__(parameters, lr=highest * _START, weight_decay=weight_decay)
        self.begin(highest=highest, steps=steps, warm_up=warm_up)


class OneCycleSGD(_OneCycle, SGD):
    """SGD takes its steps at such a rate."""

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        *,
        highest: float,
        momentum: float,
        weight_decay: float,
        steps: int,
        warm_up: float,
    ) -> None:
        """Takes the `highest` learning rate, which is reached after the share `warm_up` of the steps."""
        super().__init__(parameters, lr=highest * _START, momentum=momentum, weight_decay=weight_decay)
        self.begin(highest=highest, steps=steps, warm_up=warm_up)


def one_cycle(done: float, *, warm_up: float) -> float:
    """Returns the share of the highest learning rate when a share `done` of the steps is taken: two half cosines."""
    if done < warm_up:
        return _between(_START, 1.0, done / warm_up)
    return _between(1.0, _END, min(1.0, (done - warm_up) / (1 - warm_up)))


def _between(first: float, last: float, done: float) -> float:
    return last + (first - last) * (1 + math.cos(math.pi * done)) / 2
