"""Which part a photo shows, where several photos show the same one."""

import re
from collections.abc import Sequence
from pathlib import Path

from blemish.errors import DataError, SettingsError, on_one_line


def parts_of(photos: Sequence[Path], pattern: str | None) -> list[str]:
    """A name of the part for each photo: what the first group of `pattern` finds in the file's name without its suffix,
    else, where it has no group, all it finds.

    Without a pattern every photo shows a part of its own. Raises SettingsError for a pattern that is none, DataError
    for a photo in whose name it finds nothing.
    """
    if pattern is None:
        return [str(photo) for photo in photos]
    try:
        known = re.compile(pattern)
    except re.error as error:
        raise SettingsError(
            f"part {pattern!r} is no regular expression ({error}): give one such as '(.+)_[0-9]+'"
        ) from error
    return [_part_of(photo, known) for photo in photos]


def _part_of(photo: Path, known: re.Pattern[str]) -> str:
    found = known.search(photo.stem)
    part = None if found is None else found.group(1 if known.groups else 0)
    if not part:
        raise DataError(
            on_one_line(f"{photo}: {known.pattern!r} finds no part in its name; give a pattern that fits all photos")
        )
    return part
