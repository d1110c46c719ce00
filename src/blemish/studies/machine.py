"""What figures of speed depend on, beside the model: the processor and its instructions, the system, versions."""

import os
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from blemish.process import available_cores
from blemish.version import __version__

_CPU_FILE = Path("/proc/cpuinfo")
_INSTRUCTIONS = {
    "avx2": ("avx2",),
    "avx512": ("avx512f",),
    "vnni": ("avx512_vnni", "avx_vnni"),
    "dotprod": ("asimddp",),
    "bf16": ("avx512_bf16", "avx_ne_convert", "bf16"),
    "amx_int8": ("amx_int8",),
    "amx_bf16": ("amx_bf16",),
}
"""Our names, and the flags of /proc/cpuinfo (of x86 and of ARM) by any of which the processor has them."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The machine that this process runs on."""

    processor: str
    instructions: tuple[str, ...] | None
    """Those of avx2, avx512, vnni and dotprod (fast int8), bf16, amx_int8 and amx_bf16 that the processor has; None
    where the system does not tell."""
    cores: int
    """How many this process may use."""
    system: str
    omp_num_threads: str | None
    load_before: float | None
    """Mean number of processes that ran in the minute before; None where the system does not tell."""
    python: str
    blemish: str
    numpy: str
    pillow: str


def this_machine() -> Machine:
    """Returns the machine, its load as of now."""
    text = _cpu_text()
    return Machine(
        processor=processor_of(text) or platform.processor() or platform.machine(),
        instructions=instructions_of(text),
        cores=available_cores(),
        system=f"{platform.system()} {platform.machine()}",
        omp_num_threads=os.environ.get("OMP_NUM_THREADS"),
        load_before=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        python=platform.python_version(),
        blemish=__version__,
        numpy=version("numpy"),
        pillow=version("pillow"),
    )


def processor_of(cpuinfo: str) -> str | None:
    """Returns the processor's name by the text of /proc/cpuinfo; None where it holds none, as on ARM."""
    return next(iter(_values(cpuinfo, "model name")), None)


def instructions_of(cpuinfo: str) -> tuple[str, ...] | None:
    """Returns our names of the instructions that the text of /proc/cpuinfo lists; None where it lists none."""
    listed = [*_values(cpuinfo, "flags"), *_values(cpuinfo, "Features")]
    if not listed:
        return None
    flags = set(listed[0].split())
    return tuple(name for name, any_of in _INSTRUCTIONS.items() if not flags.isdisjoint(any_of))


def _values(cpuinfo: str, key: str) -> list[str]:
    pairs = [line.partition(":") for line in cpuinfo.splitlines()]
    return [value.strip() for name, _, value in pairs if name.strip() == key]


def _cpu_text() -> str:
    try:
        return _CPU_FILE.read_text(encoding="utf-8")
    except OSError:  # on Windows and macOS
        return ""
