"""Labelled photos as a folder that `blemish evaluate` takes: what the line has met tests the next model."""

import re
from dataclasses import replace
from functools import partial
from pathlib import Path

from sqlalchemy import func, select

from blemish.errors import DataError, OutputError
from blemish.files import make_folder, write_atomically
from blemish.history.opening import History
from blemish.history.reading import Sought, conditions
from blemish.history.schema import LABELS, VERDICTS
from blemish.history.stored_photo import stored_photo
from blemish.history.verdict import GOOD_LABEL

_UNNAMED = "bad"
"""The folder of defects whose type nobody has said."""


def write_test_photos(history: History, folder: Path, sought: Sought | None = None) -> int:
    """Copies labelled photos that were kept to FOLDER/test/good and FOLDER/test/DEFECT, and returns how many.

    A photo that was judged several times is there once, by its latest label. Raises DataError where there is none,
    OutputError where the folder cannot be written or holds anything.
    """
    asked = sought or Sought()
    if asked.label in (None, "none"):
        asked = replace(asked, label="any")
    make_folder(folder)
    if any(folder.iterdir()):
        raise OutputError(f"{folder} is not empty: name another folder, or empty it")
    columns = (VERDICTS.c.photo_path, VERDICTS.c.photo_sha256, VERDICTS.c.label, VERDICTS.c.defect_type)
    said = select(func.max(LABELS.c.id)).where(LABELS.c.verdict_id == VERDICTS.c.id).scalar_subquery()
    statement = select(*columns).where(*conditions(asked), VERDICTS.c.photo_path.is_not(None))
    statement = statement.order_by(func.coalesce(said, 0), VERDICTS.c.id)  # as people said it, not as it was judged
    with history.reading() as connection:
        latest_of_each = {row.photo_sha256 or row.photo_path: row for row in connection.execute(statement)}
    written = 0
    for row in latest_of_each.values():
        if (photo := stored_photo(row.photo_path, row.photo_sha256)) is None:
            continue
        written += 1
        kind = GOOD_LABEL if row.label == GOOD_LABEL else _folder_name(row.defect_type)
        place = folder / "test" / kind / f"{written:06}{Path(row.photo_path).suffix}"
        write_atomically(place, partial(_write, photo))
    if not written:
        raise DataError("no labelled photo is kept: serve with --keep-photos FOLDER, and label some")
    return written


def _write(photo: bytes, place: Path) -> None:
    place.write_bytes(photo)


def _folder_name(defect_type: str | None) -> str:
    """Returns a type of defect as a folder can be called; one that is called good would count as no defect."""
    name = re.sub(r"[^\w-]+", "_", defect_type or "").strip("_")[:100]
    return f"{name}_{_UNNAMED}" if name.lower() == GOOD_LABEL else name or _UNNAMED
