"""`--image-size` as a command line has it, without torch."""

from typing import Any

from cyclopts import Token


def asked_size(_type: Any, tokens: tuple[Token, ...]) -> int | tuple[int, int]:
    """Returns the side of 256, or (height, width) of 640x256; raises ValueError for anything else."""
    sides = [int(side) for side in tokens[0].value.lower().split("x")]
    if len(sides) not in (1, 2):
        raise ValueError("give one number, or HEIGHTxWIDTH")
    return sides[0] if len(sides) == 1 else (sides[0], sides[1])
