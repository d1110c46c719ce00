"""Every miss and every false alarm by name, with a link to its file."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from blemish.data.dataset import GOOD
from blemish.evaluation.record import Evaluation, PhotoJudgement
from blemish.model.thresholds import is_alarm
from blemish.wording import on_one_line

MOST_LISTED = 1000  # photos in a list: with their links they take half a megabyte


@dataclass(frozen=True, kw_only=True)
class ListedPhoto:
    """A photo that was judged wrongly."""

    judgement: PhotoJudgement
    name: str
    """Its path below the root of the test set."""
    link: str
    """The address of its file."""


@dataclass(frozen=True, kw_only=True)
class PhotoList:
    """The list that all misses have, or all false alarms, the worst first."""

    title: str
    photos: list[ListedPhoto]
    left_out: int
    """How many there are beyond MOST_LISTED."""


def wrong_photos(e: Evaluation) -> list[PhotoList]:
    """Returns the misses, lowest score first, and the false alarms, highest score first; a list of none is left out."""
    rising = sorted(e.photos, key=lambda photo: (photo.anomaly_score, photo.image))
    missed = [photo for photo in rising if photo.defect_type != GOOD and not is_alarm(photo.verdict)]
    alarmed = [photo for photo in rising[::-1] if photo.defect_type == GOOD and is_alarm(photo.verdict)]
    lists = (("All misses", missed), ("All false alarms", alarmed))
    return [_listed(f"{title}: {len(photos)}", photos, Path(e.root)) for title, photos in lists if photos]


def _listed(title: str, photos: Sequence[PhotoJudgement], root: Path) -> PhotoList:
    shown = [
        ListedPhoto(judgement=photo, name=name_below(Path(photo.image), root), link=address_of(Path(photo.image)))
        for photo in photos[:MOST_LISTED]
    ]
    return PhotoList(title=title, photos=shown, left_out=len(photos) - len(shown))


def name_below(path: Path, root: Path) -> str:
    """Returns a photo's path below the root of the test set, for people; its folder and name where it lies
    elsewhere."""
    return on_one_line(path.relative_to(root) if path.is_relative_to(root) else Path(path.parent.name, path.name))


def address_of(path: Path) -> str:
    """Returns what a page links to a file by."""
    return path.as_uri() if path.is_absolute() else quote(os.fsencode(path.as_posix()))
