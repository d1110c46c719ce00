"""Which parts a model knows, by a pattern that may be given later than its photos were."""

import dataclasses
import logging
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from blemish.data.part_names import parts_of
from blemish.errors import DataError
from blemish.model.artifact import Artifact
from blemish.model.training_record import KnownPhoto
from blemish.wording import counted, on_one_line

_log = logging.getLogger("blemish")


def part_in_name(photo: Path | None, pattern: str | None) -> str | None:
    """Returns which part a photo's name says that it shows; None where it does not say."""
    try:
        return None if photo is None or pattern is None else parts_of([photo], pattern)[0]
    except DataError:
        return None


def remembered_photos(artifact: Artifact, pattern: str | None, *, replace: bool) -> list[KnownPhoto]:
    """Returns the photos that an artifact goes on knowing, each with the part that `pattern` finds in its file's name;
    what the data set said stays. `replace`: it forgets those that calibrated.

    Raises DataError where their scores stay, and were taken of other parts: which photo a score is of is not kept.
    """
    training = artifact.training
    first = training.calibrated_from
    photos = training.photos[:first] if replace else training.photos
    named = _named(photos, pattern, before=training.part_pattern)
    if regrouped := _groups(named, first) - _groups(photos, first):
        shown = on_one_line(photos[min(map(max, regrouped))].file)
        raise DataError(
            f"{artifact.folder} was calibrated with {shown}, which by {pattern!r} shows the same part as others that "
            "it knows, or no longer does: scores so far cannot be regrouped by part; forget them (--replace, with "
            "photos of new parts by --good), or give another --part"
        )
    unsaid = [photo.file for photo in named if photo.part is None]
    if unsaid and pattern != training.part_pattern:
        _log.warning(
            "%r finds no part in the names of %s that %s knows, such as %s: each is taken for one of its own",
            pattern,
            counted(len(unsaid), "photo"),
            artifact.folder,
            on_one_line(unsaid[0]),
        )
    return named


def names_of_known_parts(photos: Sequence[KnownPhoto], pattern: str | None) -> set[str]:
    """Returns what the parts of known photos are called.

    Where `pattern` finds none in a photo's name, that is the whole name without its suffix: new photos may be called
    after it, as copies are.
    """
    unsaid = {Path(photo.file).stem for photo in photos if photo.part is None and pattern is not None}
    return unsaid.union(photo.part for photo in photos if photo.part is not None)


def _named(photos: Sequence[KnownPhoto], pattern: str | None, *, before: str | None) -> list[KnownPhoto]:
    """Returns the photos with the parts that `pattern` finds, in place of none, and of those that the one `before` has
    found: it may have been a wrong one."""
    found = {photo.file: part_in_name(Path(photo.file), before) for photo in photos}
    return [
        dataclasses.replace(photo, part=part_in_name(Path(photo.file), pattern))
        if photo.part in (None, found[photo.file])
        else photo
        for photo in photos
    ]


def _groups(photos: Sequence[KnownPhoto], first: int) -> set[tuple[int, ...]]:
    """Returns the places of photos that show one part together, of every part that photos from `first` on show."""
    by_part = defaultdict[tuple[str | None, str | None], list[int]](list)
    for place, photo in enumerate(photos):
        by_part[photo.part, photo.digest if photo.part is None else None].append(place)
    return {tuple(places) for places in by_part.values() if places[-1] >= first}
