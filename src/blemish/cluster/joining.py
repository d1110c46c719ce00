"""The cluster that is joined, or started for the time being."""

import logging
import math
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from blemish.errors import MissingExtraError, SettingsError
from blemish.process import available_cores
from blemish.wording import brief

HERE = "local"
"""The address of a cluster that is started for the time being, on this machine alone."""
OBJECT_STORE = 256_000_000
"""Bytes of shared memory of such a cluster, beside what is handed to every worker."""

_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class WorkerShare:
    """What a worker has to itself of the cluster's processors and GPUs."""

    cpus: float = 1.0
    gpus: float = 0.0
    """A part of one, such as 0.5, lets two workers share a GPU."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.cpus) and self.cpus > 0):
            raise SettingsError(f"worker_cpus is {self.cpus}: a worker has more than 0 CPUs")
        if not (math.isfinite(self.gpus) and self.gpus >= 0) or (self.gpus > 1 and self.gpus % 1):
            raise SettingsError(f"worker_gpus is {self.gpus}: give a part of one GPU, such as 0.5, or a whole number")

    def fitting(self, cpus: float, gpus: float) -> int:
        """Returns how many workers a machine of so many CPUs and GPUs has room for."""
        by_gpu = math.inf if not self.gpus else math.floor(gpus) * math.floor(1 / self.gpus + 1e-9)
        if self.gpus > 1:
            by_gpu = gpus // self.gpus
        return int(min(math.floor(cpus / self.cpus + 1e-9), by_gpu))


def check_no_share(share: WorkerShare) -> None:
    """Raises SettingsError where workers are given a share and there is no cluster that has them."""
    if share != WorkerShare():
        raise SettingsError("worker_cpus and worker_gpus are for a Ray cluster: give --ray, too")


@contextmanager
def open_cluster(address: str, *, handed: int = 0) -> Iterator[None]:
    """Joins the cluster at an address, HOST:PORT or `auto`, or starts one for HERE, and leaves it at the end.

    Where the program has joined one already, that is taken, and stays. `handed` are the bytes that every worker is
    given. Raises MissingExtraError, and SettingsError where no cluster answers. Usage statistics are off.
    """
    ray = ray_package()
    if ray.is_initialized():
        yield
        return
    if address not in (HERE, "auto") and ":" not in address:
        raise SettingsError(f"ray {address!r} is no address: give HOST:PORT of a cluster, auto, or {HERE}")
    place: dict[str, Any] = {"address": address}  # said also for one of its own, which the environment may deny it
    if address == HERE:
        place |= {"num_cpus": available_cores(), "include_dashboard": False}
        place |= {"object_store_memory": OBJECT_STORE + 2 * handed}
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        ray.init(**place, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # of any type: a start that takes too long is an Exception and no more
        if address == HERE:
            line = f"no Ray cluster can be started here ({brief(error)}); see to free memory and processors, try again"
        else:
            line = f"no Ray cluster at {address} ({brief(error)}); `ray status` there says more"
        raise SettingsError(line) from error
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in before.items():  # Ray's own would end us at once, whatever is being written
                signal.signal(number, handler)
    try:
        yield
    finally:
        ray.shutdown()


def hand_over(value: _T) -> Callable[[], _T]:
    """Lays a value where every worker finds it, once for all, and returns what gives it there."""
    return _Handed(ray_package().put(value))


@dataclass(frozen=True)
class _Handed:
    reference: Any

    def __call__(self) -> Any:
        return ray_package().get(self.reference)


def ray_package() -> Any:
    """Returns the package, told to count nobody's use of it; raises MissingExtraError."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # GPUs are hidden here; without it Ray warns of it
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError(package="ray", extra="ray", purpose="work on many machines") from error
    return ray
