"""Which pages and channels of a file are the photo, as model.json keeps it and every runtime applies it."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from blemish.errors import DataError

_MOST = 1024  # of pages, and of channels
_COLOURS = 3


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Pages and channels that were asked for, each counted from 1."""

    pages: tuple[int, ...] = ()
    """One, or three of one grey value a pixel, which become red, green and blue; none: the first page."""
    channels: tuple[int, ...] = ()
    """One, which is grey, or three, which become red, green and blue; none: grey or colours as the page has them."""

    def __post_init__(self) -> None:
        for name, numbers in (("pages", self.pages), ("channels", self.channels)):
            if len(numbers) not in (0, 1, _COLOURS) or not all(1 <= number <= _MOST for number in numbers):
                raise ValueError(f"{name} are {said(numbers)}: give one number from 1, or three such as 1,2,3")

    @classmethod
    def asked(cls, *, pages: int | str, channels: int | str) -> Self:
        """Returns what settings ask for: a number, or numbers with commas; "first" page, "all" channels.

        Raises ValueError.
        """
        return cls(pages=_numbers("pages", pages, usual="first"), channels=_numbers("channels", channels, usual="all"))

    def chosen(self, values: NDArray[Any], *, name: str) -> NDArray[Any]:
        """Returns the channels asked for of a page's values (H, W) or (H, W, C): (H, W), or (H, W, 3).

        Without any, the values themselves. Raises DataError where the page has fewer.
        """
        if not self.channels:
            return values
        there = 1 if values.ndim == 2 else values.shape[2]
        if max(self.channels) > there:
            raise DataError(
                f"{name}: has {there} channel{'s' * (there > 1)}, and channel {said(self.channels)} was asked for; "
                "give photos like those trained on, or train with other --channels"
            )
        if values.ndim == 2:  # all that is asked for is its one channel
            return values
        picked: NDArray[Any] = values[:, :, [number - 1 for number in self.channels]]
        return picked[:, :, 0] if len(self.channels) == 1 else picked


FIRST_PAGE = Reading()
"""What is read where nothing was asked for."""


def said(numbers: tuple[int, ...]) -> str:
    """Returns numbers as people give them: 1,2,3."""
    return ",".join(map(str, numbers))


def stacked_pages(planes: list[NDArray[Any]], *, name: str) -> NDArray[Any]:
    """Returns three pages of grey (H, W) as one of colours (H, W, 3); raises DataError where they do not fit."""
    if any(plane.ndim != 2 for plane in planes):
        raise DataError(f"{name}: has pages of colours, of which three make no photo; name one page, or --channels 1")
    if len({(plane.shape, plane.dtype) for plane in planes}) > 1:
        kinds = ", ".join(f"{plane.shape[1]}x{plane.shape[0]} of {8 * plane.dtype.itemsize} bits" for plane in planes)
        raise DataError(f"{name}: its pages differ ({kinds}), and make no photo together; name one page")
    return np.stack(planes, axis=2)


def _numbers(name: str, given: int | str, *, usual: str) -> tuple[int, ...]:
    if given == usual:
        return ()
    parts = str(given).split(",")
    if not all(part.strip().isdecimal() for part in parts):
        raise ValueError(f"{name} is {given!r}: give {usual}, one number from 1, or three such as 1,2,3")
    return tuple(int(part) for part in parts)
