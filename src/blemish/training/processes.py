"""What training runs on: device, processes, precision."""

import atexit
import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
from torch import Tensor, distributed, nn

from blemish.errors import BlemishError
from blemish.networks.device import device_of, has_fast_bf16
from blemish.training.generators import own_random_numbers
from blemish.training.repeatable import repeatable_kernels
from blemish.training.settings import TrainingSettings
from blemish.wording import brief

_T = TypeVar("_T")
_PATIENCE = timedelta(hours=12)  # with the leader, which alone calibrates


@dataclass(frozen=True, kw_only=True)
class Processes:
    """The device, the place among the processes, and the precision that one training process has."""

    device: torch.device
    precision: str
    rank: int = 0
    world_size: int = 1

    @property
    def here(self) -> int:
        """Returns how many processes share the memory of this machine."""
        return int(os.environ.get("LOCAL_WORLD_SIZE", "1")) if self.world_size > 1 else 1

    @property
    def is_leader(self) -> bool:
        """Whether this process is the one that writes files and prints."""
        return self.rank == 0

    def autocast(self) -> AbstractContextManager[object]:
        """Returns the context in which networks compute in the precision of training."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16")

    def place(self, module: nn.Module) -> nn.Module:
        """Moves the module to the device, channels last: convolutions are fastest so on CPUs and on tensor cores."""
        return module.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

    def gather(self, values: list[_T]) -> list[_T]:
        """Returns every process's values, in the order of ranks, on every process."""
        if self.world_size == 1:
            return values
        parts: list[list[_T]] = [[] for _ in range(self.world_size)]
        distributed.all_gather_object(parts, values)
        return [value for part in parts for value in part]

    def any(self, flag: bool) -> bool:
        """Returns whether any process says so; every process gets the same answer.

        Asked after every step, so it is one number that stays in the processor's memory, on which no GPU waits.
        """
        if self.world_size == 1:
            return flag
        highest = torch.tensor([float(flag)])
        distributed.all_reduce(highest, op=distributed.ReduceOp.MAX)
        return bool(highest.item())

    def wait(self) -> None:
        """Waits until every process has come here."""
        if self.world_size > 1:
            distributed.barrier()

    @contextmanager
    def one_by_one(self) -> Iterator[None]:
        """Lets the leader go first, the others when it is done."""
        if not self.is_leader:
            self.wait()
        yield
        if self.is_leader:
            self.wait()

    def copy_from_leader(self, tensors: Iterable[Tensor]) -> None:
        """Makes the leader's tensors everybody's: batch-norm statistics, which differ between processes."""
        if self.world_size > 1:
            for tensor in tensors:
                distributed.broadcast(tensor, src=0)


@contextmanager
def open_processes(settings: TrainingSettings) -> Iterator[Processes]:
    """Gives this one process, or its place among those that torchrun started, as the environment says.

    Torch's flags and generators are given back as they were; the group of processes stays until the program ends.
    """
    world_size, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    device = device_of(settings.device, of_rank=int(os.environ.get("LOCAL_RANK", "0")))
    processes = Processes(
        device=device, precision=_precision(settings.precision, device), rank=rank, world_size=world_size
    )
    if world_size > 1 and not distributed.is_initialized():
        if device.type == "cuda":
            torch.cuda.set_device(device)  # what NCCL takes for barriers
        distributed.init_process_group(_backend(settings.device, device), timeout=_PATIENCE)
        # Not before: a group that is made again under torchrun finds the first one's addresses, and waits for ever.
        atexit.register(distributed.destroy_process_group)
    try:
        with own_random_numbers(device), repeatable_kernels(device):
            yield processes
    except RuntimeError as error:
        if world_size > 1 and _is_of_the_others(error):
            raise BlemishError(f"another of the processes ended, and has said why ({brief(error)})") from error
        raise


def _backend(asked: str, device: torch.device) -> str:
    """Returns NCCL for GPUs; it refuses two processes on one, which they share where the setting names it (cuda:0)."""
    shared = asked.startswith("cuda:") and int(os.environ.get("LOCAL_WORLD_SIZE", "1")) > 1
    return "cpu:gloo,cuda:nccl" if device.type == "cuda" and not shared else "gloo"


def _is_of_the_others(error: RuntimeError) -> bool:
    """Returns whether torch only tells that another process ended: by a type (NCCL) or by words (gloo)."""
    return isinstance(error, distributed.DistError) or "gloo" in str(error)


def _precision(asked: str, device: torch.device) -> str:
    if asked != "auto":
        return asked
    return "bf16" if has_fast_bf16(device) else "fp32"
