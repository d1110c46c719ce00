"""Work that is done in threads a few items ahead, and whose results are taken in order: photos are decoded so.

Decoded photos are many times as large as their files: of large ones, as many at once as a machine has cores would fill
its memory.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from itertools import islice
from typing import TypeVar

MOST_AT_WORK = 1 << 29
"""Bytes that photos may have, as they are when decoded, which are at work or wait for those before them."""

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def results_in_order(
    submit: Callable[[_Item], Future[_Result]], items: Iterable[_Item], *, room: Callable[[], int]
) -> Iterator[_Result]:
    """Yields the result of each item, in their order; `room` says how many may be started by now that were not taken,
    and is asked anew before each."""
    source = iter(items)
    pending: deque[Future[_Result]] = deque()
    while True:
        pending.extend(map(submit, islice(source, max(0, room() - len(pending)))))
        if not pending:
            return
        yield pending.popleft().result()


def photos_at_once(most: int, *, largest: int) -> int:
    """Returns how many photos may be at work: of those whose `largest` has so many bytes, decoded, fewer than the
    `most`, but one."""
    return max(1, min(most, MOST_AT_WORK // max(1, largest)))
