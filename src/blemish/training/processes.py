"""What training runs on: device, processes, precision, memory."""

import atexit
import ctypes
import os
import platform
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
from torch import distributed, nn

from blemish.errors import BlemishError, brief
from blemish.networks.device import device_of, has_fast_bf16, keep_float32
from blemish.training.settings import TrainingSettings

T = TypeVar("T")
PATIENCE = timedelta(hours=12)  # with the leader, which alone calibrates
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # malloc.h of glibc


@dataclass(frozen=True, kw_only=True)
class Processes:
    """Device, place among the processes, and precision of one training process."""

    device: torch.device
    precision: str
    rank: int = 0
    world_size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes files and speaks."""
        return self.rank == 0

    def autocast(self) -> AbstractContextManager[object]:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16")

    def place(self, module: nn.Module) -> nn.Module:
        """The module on the device, channels last: convolutions are fastest so on CPUs and on tensor cores."""
        return module.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

    def gather(self, values: list[T]) -> list[T]:
        """Every process's values, in the order of ranks, on every process."""
        if self.world_size == 1:
            return values
        parts: list[list[T]] = [[] for _ in range(self.world_size)]
        distributed.all_gather_object(parts, values)
        return [value for part in parts for value in part]

    def any(self, flag: bool) -> bool:
        """Whether any process says so; every process gets the same answer."""
        return max(self.gather([float(flag)])) > 0

    def wait(self) -> None:
        if self.world_size > 1:
            distributed.barrier()

    @contextmanager
    def one_by_one(self) -> Iterator[None]:
        """The leader goes first, the others when it is done."""
        if not self.leads:
            self.wait()
        yield
        if self.leads:
            self.wait()

    def copy_from_leader(self, module: nn.Module) -> None:
        """Batch-norm statistics differ between processes: the leader's become everybody's."""
        if self.world_size > 1:
            for tensor in module.state_dict().values():
                distributed.broadcast(tensor, src=0)


@contextmanager
def open_processes(settings: TrainingSettings) -> Iterator[Processes]:
    """One process, or one of those that torchrun started (it says so in the environment)."""
    world_size, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    device = device_of(settings.device, of_rank=int(os.environ.get("LOCAL_RANK", "0")))
    processes = Processes(
        device=device, precision=_precision(settings.precision, device), rank=rank, world_size=world_size
    )
    keep_freed_memory()
    keep_float32(device)
    torch.backends.cudnn.deterministic = True  # a seed gives the same weights
    if world_size > 1 and not distributed.is_initialized():
        if device.type == "cuda":
            torch.cuda.set_device(device)  # what NCCL takes for objects and barriers
        distributed.init_process_group(_backend(settings.device, device), timeout=PATIENCE)
        # Not before: a group that is made again under torchrun finds the first one's addresses, and waits for ever.
        atexit.register(distributed.destroy_process_group)
    try:
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
    """Where one process ends, torch tells the others that a connection broke: by a type (NCCL) or by words (gloo)."""
    return isinstance(error, distributed.DistError) or "gloo" in str(error)


def keep_freed_memory() -> None:
    """Makes glibc keep freed memory instead of handing every large tensor back to the kernel.

    A training step frees and asks for gigabytes; without this each of those pages is faulted in and zeroed again, which
    took a quarter of the step on the CPU that it was measured on (some 400,000 page faults in every step).
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_MAX, 0)
        libc.mallopt(_M_TRIM_THRESHOLD, -1)


def _precision(asked: str, device: torch.device) -> str:
    if asked != "auto":
        return asked
    return "bf16" if has_fast_bf16(device) else "fp32"
