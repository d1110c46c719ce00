"""OpenVINO without its telemetry: by itself it tells Google Analytics of every process that imports it, which waits.

Blemish asks no network but for what its user names. The telemetry is left out as where its package is not installed;
whoever uses OpenVINO in the same process finds the rest whole.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_TELEMETRY = "openvino_telemetry"


@contextmanager
def _not_installed(package: str) -> Iterator[None]:
    """Importing the package fails inside as where it is not installed; one that is imported already stays."""
    modules: dict[str, Any] = sys.modules
    if package in modules:
        yield
        return
    modules[package] = None
    try:
        yield
    finally:
        del modules[package]


with _not_installed(_TELEMETRY):
    import openvino as openvino
