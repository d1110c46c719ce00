"""What a process has and hears: the cores it may use, the signals that ask it to stop."""

import ctypes
import os
import platform
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import gettempdir
from types import FrameType
from typing import IO


def available_cores() -> int:
    """Returns how many processor cores this process may use.

    Fewer than the machine has where a container, `taskset` or a queue gives fewer.
    """
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def taken_cores(count: int, *, folder: Path | None = None) -> ExitStack:
    """Keeps this process to so many cores that no other worker of the machine has, until it is closed or ends.

    What computes takes as many threads as it may use cores: without this, each worker would take the whole machine's.
    A locked file in `folder` stands for each core. Where there are too few, or the system cannot keep a process to
    some, nothing changes.
    """
    with ExitStack() as stack:
        if not hasattr(os, "sched_setaffinity") or count < 1:
            return stack.pop_all()
        taken: list[int] = []
        place = folder or Path(gettempdir()) / f"blemish-cores-{os.getuid()}"
        place.mkdir(exist_ok=True)
        for core in sorted(os.sched_getaffinity(0)):
            file = stack.enter_context((place / str(core)).open("w"))
            if _locked_alone(file):
                taken.append(core)
            if len(taken) == count:
                os.sched_setaffinity(0, taken)
                return stack.pop_all()
    return ExitStack()


def _locked_alone(file: IO[str]) -> bool:
    import fcntl  # which Windows lacks

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def available_memory(*, root: Path = Path("/")) -> int | None:
    """Returns how many bytes this process may still take; None where the system does not say, as outside Linux.

    Fewer than the machine has where a container or a queue gives fewer; `root` is where /proc and /sys lie.
    """
    free = _number_after("MemAvailable:", root / "proc/meminfo")
    if free is None:
        return None
    free *= 1024  # the file's kB are of 1,024 bytes
    for most, used, inactive in _LIMITS:
        limit, taken = _number_after("", root / most), _number_after("", root / used)
        if limit is not None and taken is not None:
            cached = _number_after("inactive_file ", root / inactive) or 0  # which the system gives back when asked
            free = min(free, max(0, limit - taken + cached))
    return free


_LIMITS = (
    ("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory.current", "sys/fs/cgroup/memory.stat"),
    (
        "sys/fs/cgroup/memory/memory.limit_in_bytes",
        "sys/fs/cgroup/memory/memory.usage_in_bytes",
        "sys/fs/cgroup/memory/memory.stat",
    ),
)
"""The files of control groups, of version 2 and 1, as a container sees its own: most bytes, used ones, what of these is
cached."""


def _number_after(word: str, file: Path) -> int | None:
    """Returns the whole number after a line's first word; None where there is no such file, line or number."""
    try:
        lines = file.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    rest = next((line.removeprefix(word).split() for line in lines if line.startswith(word)), [])
    return int(rest[0]) if rest and rest[0].isdecimal() else None


_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # malloc.h of glibc


def keep_freed_memory() -> None:
    """Makes glibc keep freed memory instead of handing every large tensor back to the kernel, for the whole process.

    glibc cannot be asked what it was told before, so that this cannot be undone: a program says it of itself, as the
    command line does before it trains; a library must not.

    A training step frees and asks for gigabytes; without this each of those pages is faulted in and zeroed again, which
    took a quarter of the step on the CPU that it was measured on (some 400,000 page faults in every step).
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_MAX, 0)
        libc.mallopt(_M_TRIM_THRESHOLD, -1)


def return_freed_memory() -> None:
    """Hands what was freed back to the system, once, where glibc is: what is then held is at work."""
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)


class StopRequest:
    """The request to stop that a signal made, if any did."""

    def __init__(self) -> None:
        self.signal: int | None = None


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """Lets SIGINT and SIGTERM only note themselves while it is open; a second one acts as it always does."""
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request  # only the main thread may install handlers; elsewhere the caller's stay in force
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def note(number: int, _frame: FrameType | None) -> None:
        request.signal = number
        restore()

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    for number in before:
        signal.signal(number, note)
    try:
        yield request
    finally:
        restore()
