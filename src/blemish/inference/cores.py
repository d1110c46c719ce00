"""How many processor cores this process may use."""

import os


def available_cores() -> int:
    """Fewer than the machine has where a container, `taskset` or a queue gives fewer."""
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
