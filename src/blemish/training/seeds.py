"""Where random numbers come from: a stream for each purpose, stage and step."""

import hashlib
from typing import Literal

Stream = Literal["weights", "split", "order", "step", "textures", "views", "unusual photos", "surface"]


def seed_of(stream: Stream, seed: int, *place: int) -> int:
    """Returns a stream's own seed, 0 to 2^63 - 1.

    It is a hash, so that no two places share a stream: with sums, stage 1 of seed 0 would be stage 0 of seed 1.
    """
    digest = hashlib.sha256(repr((stream, seed, *place)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
