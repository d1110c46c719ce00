"""Pictures of an earlier prediction, which make way when its folder is used again."""

import glob
import json
from collections.abc import Collection
from pathlib import Path

from blemish.data.skipped import OWN_FOLDERS

PREDICTIONS_FILE = "predictions.jsonl"
JOURNAL_FILE = "watch.sqlite"
"""A folder that holds it is a watch's: its tables grow, and are of many days."""
_PICTURES = ("map", "overlay", "level_maps")  # a line's fields that name them


def remove_earlier(folder: Path, names: Collection[str], *, unfinished: bool) -> None:
    """Deletes the pictures that the tables of an earlier prediction name, and nothing else; raises OSError.

    The tables will hold the new prediction alone: beside pictures of both, nobody could tell what is of when. An
    `unfinished` one, which was killed, may have left pictures whose lines were not written yet: of those go what
    `names`, the new prediction's, call alike.
    """
    tables = (folder / PREDICTIONS_FILE, folder / f"{PREDICTIONS_FILE}.part")
    for table in tables:
        lines = table.read_text(encoding="utf-8", errors="replace").splitlines() if table.is_file() else []
        for line in lines:
            try:
                values = json.loads(line)
                named = [str(values[kind]) for kind in _PICTURES if kind in values]
            except (ValueError, TypeError):
                continue  # half a line of a prediction that was killed
            for name in named:
                _remove_picture(folder, name)
    if unfinished:
        for name in names:
            for picture in (f"maps/{name}.tiff", f"overlays/{name}.jpg", f"overlays/{name}.png"):
                _remove_picture(folder, picture)


def _remove_picture(folder: Path, named: str) -> None:
    """Deletes a file that a line names, with the raw values beside it where it shows level maps."""
    place, _, name = named.partition("/")
    if place not in OWN_FOLDERS or Path(name).name != name:
        return
    (folder / named).unlink(missing_ok=True)
    if place == "level_maps":
        for raw in (folder / place).glob(f"{glob.escape(Path(name).stem)}_*_level?.tiff"):
            raw.unlink()
