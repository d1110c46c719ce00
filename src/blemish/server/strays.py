"""Files of kept photos that no verdict has: of a server that was killed before it wrote one down, or of verdicts that
another server deleted, which has no way to this one's folder. They are found and deleted.

Only in a folder that one history alone keeps photos in, from the beginning: then a file whose verdict it does not know
is nobody's. A file in the folder says whose it is, and the history's audit trail, which nothing is deleted of, says the
same.
"""

import json
import secrets
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from blemish.errors import OutputError
from blemish.files import remove, write_text
from blemish.history.audit import SERVER, changes, note_change
from blemish.history.opening import History
from blemish.history.reading import keys_with_map, paths_of_photos
from blemish.server.kept_photos import KEPT_MAPS, KEPT_PHOTOS

_OWNERS = "kept-for"
"""The file in the folder: a list of marks, one for each history that keeps photos there."""
_ACTION = "photos folder"
_MOST_MARKS = 500
_AT_ONCE = 500  # files
_OLD = 7 * 86_400.0
"""Seconds after which a file of no verdict is deleted: until then a history that was lost may be restored."""


def own_folder(history: History, folder: Path) -> bool:
    """Returns whether a history alone keeps photos in a folder; where nobody has yet, it is its own from now on.

    One that holds photos and no mark is of an earlier version: whose they are nobody knows. Raises HistoryError,
    OutputError.
    """
    file = folder / _OWNERS
    try:
        marks = [str(mark) for mark in json.loads(file.read_text(encoding="utf-8"))] if file.exists() else []
    except (OSError, ValueError):
        return False
    told = (change.after or {} for change in changes(history, most=_MOST_MARKS, action=_ACTION))
    mine = {str(after.get("mark")) for after in told}
    if not mine.isdisjoint(marks):
        return len(marks) == 1
    if not marks and (folder / KEPT_PHOTOS).exists():
        return False
    mark = secrets.token_hex(16)
    with history.writing() as connection:
        note_change(connection, who=SERVER, action=_ACTION, subject=str(folder), after={"mark": mark})
        write_text(file, json.dumps([*marks, mark]))
    return not marks


def delete_strays(history: History, folder: Path) -> int:
    """Deletes old files in a history's own folder that none of its verdicts has, and returns how many; raises
    HistoryError, OutputError."""
    if not own_folder(history, folder):
        return 0
    deleted = 0
    for place, known_of in ((KEPT_PHOTOS, _known_photos), (KEPT_MAPS, keys_with_map)):
        old = _old_files(folder / place)
        while files := list(islice(old, _AT_ONCE)):
            known = known_of(history, [file.stem for file in files])
            for file in (file for file in files if file.stem not in known):
                remove(file)
                deleted += 1
    return deleted


def _known_photos(history: History, checksums: Sequence[str]) -> set[str]:
    """Returns the checksums of photos that are kept, wherever: a folder may have been moved since."""
    return {Path(path).stem for path in paths_of_photos(history, checksums)}


def _old_files(folder: Path) -> Iterator[Path]:
    try:
        for inside in sorted(path for path in folder.glob("*") if path.is_dir()):
            for file in sorted(inside.iterdir()):
                if file.stat().st_mtime < time.time() - _OLD:
                    yield file
    except OSError as error:
        raise OutputError(f"{folder} cannot be looked through ({error.strerror}); check the disk") from error
