"""A stage's loss as a module, and the sums of its named parts."""

import torch
from torch import Tensor, nn

from blemish.detectors import Batch, Stage


class StageLoss(nn.Module):
    """A module whose forward is the stage's loss, so that DistributedDataParallel sees it."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.trains = stage.trains
        self.names: tuple[str, ...] = ()
        """The names of the parts, once a batch was seen."""
        self._loss = stage.loss

    def forward(self, batch: Batch) -> Tensor:
        """Returns the parts (K,)."""
        parts = self._loss(batch)
        self.names = tuple(parts)
        return torch.stack(list(parts.values()))


class LossSums:
    """The sums of a loss's parts since the last check, which stay on the device, so that no step waits for a number."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._names: tuple[str, ...] = ()
        self._sums = torch.zeros(0, device=device)

    def add(self, names: tuple[str, ...], parts: Tensor) -> None:
        """Adds the parts (K,) of one step."""
        if names != self._names:
            assert not self._names, "a stage's loss has the same parts in every step"
            self._names, self._sums = names, torch.zeros_like(parts)
        self._sums += parts.detach()

    def values(self) -> dict[str, float]:
        """Returns the sums, by name."""
        return dict(zip(self._names, self._sums.tolist(), strict=True))

    def restore(self, values: dict[str, float]) -> None:
        """Goes on from sums that a checkpoint holds."""
        self._names = tuple(values)
        self._sums = torch.tensor(list(values.values()), device=self._device)

    def clear(self) -> None:
        """Begins again at zero."""
        self._sums.zero_()
