"""What a photo's file is known by: a digest of its bytes."""

import hashlib
from pathlib import Path

from blemish.data.images import read_file

DIGEST_DIGITS = 16
"""64 bits: of a million different photos, two share a digest in one folder of 37 million."""


def file_digest(path: Path) -> str:
    """Returns the first 16 hex digits of the SHA-256 of a file's bytes: the same for exact copies only.

    Raises DataError where the file cannot be read.
    """
    return digest_of(read_file(path))


def digest_of(data: bytes) -> str:
    """Returns the first 16 hex digits of the SHA-256 of these bytes."""
    return hashlib.sha256(data).hexdigest()[:DIGEST_DIGITS]
