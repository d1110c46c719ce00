"""Which part a photo shows, where several photos show the same one."""

import re
from collections.abc import Sequence
from pathlib import Path

from blemish.data.dataset import Sample
from blemish.errors import DataError, SettingsError


def parts_of(photos: Sequence[Path | Sample], pattern: str | None) -> list[str]:
    """Returns each photo's part: what the dataset knows, else what `pattern` finds in the file's name.

    That is what the pattern's first group finds in the name without its suffix, or, where it has no group, all that it
    finds. Without a pattern every photo shows a part of its own. Raises SettingsError for a pattern that is no regular
    expression, DataError for a photo in whose name it finds nothing.
    """
    try:
        known = None if pattern is None else re.compile(pattern)
    except re.error as error:
        raise SettingsError(
            f"part {pattern!r} is no regular expression ({error}): give one such as '(.+)_[0-9]+'"
        ) from error
    return [_part_of(photo, known) for photo in photos]


def ignored_pattern(samples: Sequence[Sample], pattern: str | None) -> str | None:
    """Returns a line where a pattern is given and the dataset says itself which parts photos show; else None."""
    known = sum(sample.part is not None for sample in samples)
    if pattern is None or not known:
        return None
    others = "the others'" if known < len(samples) else "none"
    return (
        f"part {pattern!r} is not looked for in {known} of {len(samples)} photos: the data set says itself which parts "
        f"they show; it finds {others}"
    )


def _part_of(photo: Path | Sample, known: re.Pattern[str] | None) -> str:
    if isinstance(photo, Sample):
        if photo.part is not None:
            return photo.part
        photo = photo.image
    if known is None:
        return str(photo)
    found = known.search(photo.stem)
    part = None if found is None else found.group(1 if known.groups else 0)
    if not part:
        raise DataError(f"{photo}: {known.pattern!r} finds no part in its name; give a pattern that fits all photos")
    return part
