"""What makes a seed give the same weights on a GPU, and is taken back after training."""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import torch
from torch.backends import cudnn

from blemish.networks.device import enforce_float32

_WORKSPACE, _REPEATABLE_WORKSPACE = "CUBLAS_WORKSPACE_CONFIG", ":4096:8"  # the value that NVIDIA documents

_log = logging.getLogger("blemish")


@contextmanager
def repeatable_kernels(device: torch.device) -> Iterator[None]:
    """Lets a GPU compute the same bits again, in float32 and not in TF32; processors do so anyway.

    Only a warning, once, names an operation that cannot: a teacher of timm may have one, and should train all the same.
    """
    if device.type != "cuda":
        yield
        return
    flags = cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32
    strict = torch.are_deterministic_algorithms_enabled()
    lenient = torch.is_deterministic_algorithms_warn_only_enabled()
    workspace = os.environ.get(_WORKSPACE)
    os.environ.setdefault(_WORKSPACE, _REPEATABLE_WORKSPACE)
    cudnn.deterministic, cudnn.benchmark = True, False
    enforce_float32(device)
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        with _named_once():
            yield
    finally:
        torch.use_deterministic_algorithms(strict, warn_only=lenient)
        cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32 = flags
        if workspace is None:
            os.environ.pop(_WORKSPACE, None)


@contextmanager
def _named_once() -> Iterator[None]:
    """Turns torch's warnings of what cannot be repeated into a line of the log for each operation."""
    named: set[str] = set()
    show = warnings.showwarning

    def say(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        text = str(message)
        if "deterministic" not in text:
            show(message, category, filename, lineno, file, line)
        elif (operation := text.split(" ", 1)[0]) not in named:
            named.add(operation)
            _log.warning("%s gives other last bits each time on this GPU: this seed may give other weights", operation)

    with warnings.catch_warnings():
        warnings.filterwarnings("always", message=".*deterministic")
        warnings.showwarning = say
        yield
