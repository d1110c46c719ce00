"""File permissions that bind root too, so that tests of them need no other user."""

import ctypes
import os
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

_DROP_FROM_BOUNDING_SET = 24  # prctl(2)
_OVERRIDES = (1, 2)  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH of capabilities(7)
_VERSION_3 = 0x20080522


@contextmanager
def obeyed() -> Iterator[None]:
    """In here, this thread may do to a file what its owner's permissions say, even where it is root's."""
    if not _is_root():
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = ctypes.create_string_buffer(struct.pack("=Ii", _VERSION_3, 0))
    before = ctypes.create_string_buffer(24)
    if libc.capget(header, before) != 0:
        pytest.skip("this system lets root do everything")
    words = list(struct.unpack("=6I", before.raw[:24]))
    words[0] &= ~sum(1 << capability for capability in _OVERRIDES)  # effective, 0 to 31
    assert libc.capset(header, ctypes.create_string_buffer(struct.pack("=6I", *words))) == 0
    try:
        yield
    finally:
        assert libc.capset(header, before) == 0


def obey() -> None:
    """The same for a whole new program: to be called between fork and exec."""
    if _is_root():
        libc = ctypes.CDLL(None, use_errno=True)
        for capability in _OVERRIDES:
            if libc.prctl(_DROP_FROM_BOUNDING_SET, capability, 0, 0, 0) != 0:
                raise OSError(ctypes.get_errno(), "root cannot be bound by permissions here")


def _is_root() -> bool:
    if not hasattr(os, "geteuid"):
        pytest.skip("this system has no file permissions of this kind")
    if os.geteuid() == 0 and not sys.platform.startswith("linux"):
        pytest.skip("only Linux can bind root by permissions")
    return os.geteuid() == 0
