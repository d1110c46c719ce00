"""A training in somebody's process leaves that process as it was."""

import logging
import os
import random
import signal
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

import blemish
from blemish.data.dataset import Dataset
from commands import Started


def state_of_the_process() -> dict[str, Any]:
    cudnn = torch.backends.cudnn
    logger = logging.getLogger("blemish")
    return {
        "torch": torch.get_rng_state().tolist(),
        "numpy": np.random.get_state()[1].tolist(),  # type: ignore[index]  # noqa: NPY002
        "python": random.getstate(),
        "flags": (cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32, torch.are_deterministic_algorithms_enabled()),
        "matmul": torch.get_float32_matmul_precision(),
        "threads": torch.get_num_threads(),
        "gradients": torch.is_grad_enabled(),
        "type": torch.get_default_dtype(),
        "signals": {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)},
        "logging": (logger.level, logger.propagate, list(logger.handlers), list(logging.getLogger().handlers)),
        "warnings": (warnings.showwarning, len(warnings.filters)),
        "environment": dict(os.environ),
        "folder": Path.cwd(),
    }


def test_after_training_all_is_as_before(parts: Dataset, tmp_path: Path) -> None:
    photos = Dataset(name="folder", root=tmp_path, train=parts.train[:8])
    settings: Any = {"teacher": "efficientnet_lite0", "image_size": 32, "steps": 2, "batch_size": 4}
    generator = torch.get_rng_state()
    blemish.train("destseg", photos, tmp_path / "first", **settings)  # loads parts of torch that set variables
    assert torch.equal(torch.get_rng_state(), generator)
    assert not torch.backends.cudnn.deterministic
    before = state_of_the_process()
    blemish.train("destseg", photos, tmp_path / "second", **settings)
    after = state_of_the_process()
    assert [name for name, value in before.items() if after[name] != value] == []


def test_only_the_command_tells_the_allocator_to_keep_memory(parts: Dataset, tmp_path: Path) -> None:
    """Asked in a process of its own, of the system's allocator itself: what it was told it cannot unlearn."""
    code = """
import ctypes
libc, told = ctypes.CDLL(None), []
class Noting:
    def __getattr__(self, name):
        return (lambda *values: told.append(values)) if name == "mallopt" else getattr(libc, name)
ctypes.CDLL = lambda *_, **__: Noting()
import blemish
blemish.train("stpm", good, run, teacher="efficientnet_lite0", image_size=32, steps=1, batch_size=4)
print(len(told))
"""
    places = {"good": parts.train[0].image.parent, "run": tmp_path / "run"}
    done = Started(exec, code, places).wait()
    assert (done.code, done.out) == (0, ["0"])
