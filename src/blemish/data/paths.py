"""What a user names as photos: files, folders, patterns, lines of standard input."""

import glob
import io
import logging
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from blemish.data.listing import Listing, OnError, in_natural_order, is_folder, look_through
from blemish.data.skipped import Skipped, all_skipped, no_photos_in
from blemish.errors import DataError
from blemish.wording import on_one_line

Named = str | Path | Iterable[str | Path]
"""One path or several; a path may be a pattern such as `photos/*.png`, or `-` for lines of standard input."""

OnSkipped = Callable[[Skipped], object]
"""Told, once, of what was passed over in the folders named."""

_ADDRESS = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+:/")  # Path makes one slash of two; a Windows drive is one letter

_log = logging.getLogger("blemish")


def paths_of(named: Named) -> list[Path]:
    """Returns every path that is meant, in the order given, patterns and standard input spelt out.

    Raises DataError for an address on the network, a pattern that fits nothing, an empty name and what is no path at
    all.
    """
    return [path for item in items_of(named) for path in _spelt_out(item)]


def photos_under(
    named: Named, *, on_error: OnError | None = None, on_skipped: OnSkipped | None = None
) -> tuple[Path, ...]:
    """Returns files as named and the photos of folders, each once, in the order given.

    A path where nothing is, and a folder without photos, are a DataError. What is passed over in folders is logged as
    a warning, unless `on_skipped` is told.
    """
    listings: list[Listing] = []
    for item in items_of(named):
        try:
            listings += [_photos_at(path) for path in _spelt_out(item)]
        except DataError as error:
            listings.append(Listing(troubles=(error,)))
    for trouble in (trouble for listing in listings for trouble in listing.troubles):
        if on_error is None:
            raise trouble
        on_error(trouble)
    skipped = all_skipped(listing.skipped for listing in listings)
    if on_skipped is not None:
        on_skipped(skipped)
    else:
        for line in skipped.lines():
            _log.warning("%s", line)
    return tuple(dict.fromkeys(photo for listing in listings for photo in listing.photos))


def photos_and_unread(named: Named, *, on_error: OnError | None = None) -> tuple[tuple[Path, ...], list[DataError]]:
    """Returns the photos that `photos_under` finds, and an error where pictures lie among them that are not read.

    What else is passed over is logged as a warning.
    """
    told: list[Skipped] = []
    photos = photos_under(named, on_error=on_error, on_skipped=told.append)
    for line in (line for skipped in told for line in skipped.notes()):
        _log.warning("%s", line)
    return photos, [error for skipped in told for error in skipped.unread()]


def _photos_at(path: Path) -> Listing:
    try:
        found = look_through(path) if is_folder(path) else Listing(photos=(path,))
    except DataError as error:
        return Listing(troubles=(error,))
    if found.photos or found.troubles:
        return found
    return Listing(troubles=(no_photos_in(path, found.skipped),), skipped=Skipped(own=found.skipped.own))


def items_of(named: Named) -> Iterator[str | Path]:
    """Yields single paths, from one or from several, and lines of standard input: a string is one path, never its
    letters."""
    for item in [named] if isinstance(named, str | Path) else named:
        if str(item) == "-":
            yield from _names_on_standard_input()
        else:
            yield item


def _names_on_standard_input() -> Iterator[str]:
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="surrogateescape")  # names of files need not be text
    yield from (line for line in (line.rstrip("\r\n") for line in sys.stdin) if line)


def _as_typed(item: str, scheme: str) -> str:
    """Returns an address with its two slashes, of which a Path has left one."""
    rest = item.removeprefix(scheme).lstrip("/")
    return on_one_line(f"{scheme}/{rest}")


def _spelt_out(item: str | Path) -> list[Path]:
    if not isinstance(item, str | Path):
        raise DataError(f"{type(item).__name__} is no path: give names of files and folders")
    if item == "":  # of a shell's variable that is not set; Path would take it for the folder one is in
        raise DataError("a path is empty: give names of files and folders, and . for the folder you are in")
    if address := _ADDRESS.match(str(item)):
        raise DataError(
            f"{_as_typed(str(item), address[0])}: is an address, and photos are read from disk; "
            "download them first and name their folder, or judge them by `blemish predict-on-ray`"
        )
    path = Path(item)
    if not glob.has_magic(str(item)) or os.path.lexists(path):
        return [path]
    fitting = in_natural_order(Path(name) for name in glob.glob(str(item), recursive=True))  # noqa: PTH207
    if not fitting:
        raise DataError(f"{path}: no file fits this pattern; check the path")
    return fitting
