"""Pages that are written beside a record: without the packages for them, the record is there all the same."""

import logging
from collections.abc import Callable
from pathlib import Path

from blemish.errors import MissingExtraError

_log = logging.getLogger("blemish")


def write_beside(write: Callable[[], object], page: Path) -> None:
    """Writes a page, or says which package it lacks, and that a page which lies there is of an earlier time."""
    try:
        write()
    except MissingExtraError as error:
        stale = f"; {page} is of an earlier time" if page.exists() else ""
        _log.warning("no page: %s%s", error, stale)
