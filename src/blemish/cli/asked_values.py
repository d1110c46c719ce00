"""Options of more than one number or word, as a command line has them, without torch."""

from typing import Any

from cyclopts import Token


def asked_size(_type: Any, tokens: tuple[Token, ...]) -> int | tuple[int, int]:
    """Returns the side of 256, or (height, width) of 640x256; raises ValueError for anything else."""
    sides = tokens[0].value.lower().split("x")
    if len(sides) not in (1, 2) or not all(side.isdecimal() for side in sides):
        raise ValueError("give one number, such as 256, or HEIGHTxWIDTH, such as 640x256")
    return int(sides[0]) if len(sides) == 1 else (int(sides[0]), int(sides[1]))


def asked_names(_type: Any, tokens: tuple[Token, ...]) -> tuple[str, ...]:
    """Returns the names of one option, with commas between them."""
    return tuple(name.strip() for name in tokens[0].value.split(",") if name.strip())
