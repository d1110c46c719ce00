"""What a piece of work took: time, processor time, memory."""

import sys
import time
from dataclasses import dataclass
from pathlib import Path

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_OF_PEAK = "5"  # proc(5): resets the peak of resident memory


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What was spent since a meter was started."""

    seconds: float
    cpu_seconds: float
    """Of all threads of this process."""
    peak_memory_mb: float | None
    """The highest memory of this process since; None where the system does not tell it of a stretch of time."""


class Meter:
    """A meter counts from when it is made."""

    def __init__(self) -> None:
        self._began, self._cpu = time.monotonic(), time.process_time()
        self._resets = _reset_peak()

    def spent(self) -> Spent:
        """Returns what was spent until now."""
        return Spent(
            seconds=time.monotonic() - self._began,
            cpu_seconds=time.process_time() - self._cpu,
            peak_memory_mb=_peak_mb() if self._resets else None,
        )


def _reset_peak() -> bool:
    """Lets the system count the highest memory anew; returns whether it does, as Linux alone can."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        _RESET.write_text(_OF_PEAK, encoding="ascii")
    except OSError:
        return False
    return True


def _peak_mb() -> float | None:
    try:
        lines = _STATUS.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    kilobytes = next((line.split()[1] for line in lines if line.startswith("VmHWM:")), None)
    return None if kilobytes is None else int(kilobytes) * 1024 / 1e6
