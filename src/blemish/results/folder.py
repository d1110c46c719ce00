"""What predicting leaves on the disk: predictions.jsonl, predictions.csv, and the pictures that are asked for."""

import csv
import json
import math
import os
import sys
from collections import deque
from collections.abc import Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from blemish.data.images import save_map
from blemish.errors import DataError, OutputError, SettingsError
from blemish.file_lock import is_still_there, lock
from blemish.inference.prediction import Prediction, unreadable_json
from blemish.process import available_cores
from blemish.results.caption import captioned
from blemish.results.earlier import JOURNAL_FILE, PREDICTIONS_FILE, remove_earlier
from blemish.results.overlays import picture, save_overlay
from blemish.results.saved import USUAL, saved
from blemish.wording import as_cell

MOST_WAITING = 1 << 29
"""Bytes of photos, maps and overlays that may wait to be written, beyond those of one photo."""
BYTES_PER_PIXEL = 18
"""What a pixel of a photo takes while its overlay is drawn: photo, map, mask, overlay, and that with its caption."""
LONGEST_NAME = 200  # bytes: most disks take 255, of which a number and the suffix need some
TABLE_FILE = "predictions.csv"
COLUMNS = (
    *("format_version", "image", "digest", "judged_at", "verdict", "anomaly_score", "threshold", "threshold_estimated"),
    *("check_threshold", "pixel_threshold", "percentile", "percentile_of", "height", "width", "mask_pixels"),
    *("unusual_reason", "unusualness", "unusual_threshold", "stopped_by", "rule_reason"),
    *("region_count", "left", "top", "right", "bottom", "area", "mark_length", "mark_width", "peak", "centroid_x"),
    *("centroid_y", "region_of_interest", "map", "overlay"),
    *("map_height", "map_width", "level_maps"),
    *("method", "weights_sha256", "runtime", "precision", "blemish_version", "error"),
)
"""The columns of the table; from `left` on, those of a region are of the one with the strongest peak."""


class PredictionFolder:
    """A folder that takes predictions as they come; a line that was written stays, whatever happens to later photos.

    Maps and overlays, those of them that `save` names, are drawn and written in threads, a few photos at a time; lines
    come in the order of the photos, each when its photo's pictures are on the disk.
    """

    def __init__(self, folder: Path, photos: Sequence[Path], *, save: str | Sequence[str] = USUAL) -> None:
        """Takes for `save` what `saved` does; raises SettingsError, and OutputError where the folder is of no use."""
        if (folder / JOURNAL_FILE).exists():
            raise SettingsError(f"{folder} holds what a watch has found, and this would replace it: choose another")
        self.folder = folder
        self._saved = saved(save)
        self._names = output_names(photos)
        self._pool = ThreadPoolExecutor(available_cores(), thread_name_prefix="write")
        self._waiting: deque[Future[dict[str, Any]]] = deque()
        self._largest = 1  # pixels of the largest photo so far
        self._open = ExitStack()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            unfinished = (folder / f"{PREDICTIONS_FILE}.part").is_file()
            self._lines = self._claimed(PREDICTIONS_FILE)
            remove_earlier(folder, self._names.values(), unfinished=unfinished)
            self._lines.truncate(0)
            self._rows = self._part(TABLE_FILE)
            self._table = csv.DictWriter(self._rows, COLUMNS, extrasaction="ignore", lineterminator="\n")
            self._table.writeheader()
        except OSError as error:
            self._open.close()
            raise OutputError(f"cannot write into {folder}: {error.strerror}; choose another folder") from error

    def add(self, photo: Path, result: Prediction | DataError) -> None:
        """Returns before it is written, unless writing has fallen behind; raises OutputError, also for earlier photos.

        Where the prediction does not hold its photo that is read again, which may raise DataError.
        """
        if not isinstance(result, DataError):
            self._largest = max(self._largest, math.prod(result.photo_size))
        while self._waiting and (len(self._waiting) >= self._most or self._waiting[0].done()):
            self._write_next()
        self._waiting.append(self._pool.submit(self._draw, photo, result))

    @property
    def _most(self) -> int:
        """How many photos may be taken and not yet written: as many as memory holds, and threads can use."""
        return max(1, min(2 * available_cores(), MOST_WAITING // (BYTES_PER_PIXEL * self._largest)))

    def close(self) -> None:
        """Writes what is waiting and gives the files their names, also when not every photo was reached.

        Raises as `add` does.
        """
        try:
            while self._waiting:
                self._write_next()
        finally:
            self._pool.shutdown()
            self._finish()

    def _draw(self, photo: Path, result: Prediction | DataError) -> dict[str, Any]:
        """Writes the pictures and returns the line; in one of several threads."""
        if isinstance(result, DataError):
            return unreadable_json(photo, result)
        return result.to_json() | save_pictures(result, self.folder, self._names[photo], saved=self._saved)

    def _write_next(self) -> None:
        try:
            self._write(self._waiting.popleft().result())
        except BaseException:
            while self._waiting:  # lines after one that is missing would tell of a photo that was left out
                self._waiting.pop().cancel()
            raise

    def _finish(self) -> None:
        try:
            if sys.platform == "win32":  # which renames no open file
                self._open.close()
            with self._open:  # until they have their names nobody else may take them for an unfinished prediction's
                for name in (TABLE_FILE, PREDICTIONS_FILE):
                    (self.folder / f"{name}.part").replace(self.folder / name)
        except OSError as error:
            raise self._refused(error) from error

    def _claimed(self, name: str) -> IO[str]:
        """Opens a file as it is, for this prediction alone; raises SettingsError where another one has it."""
        while True:
            file = self._part(name, mode="a")
            try:
                lock(file.fileno())
            except BlockingIOError:
                self._open.close()
                raise SettingsError(
                    f"another prediction writes into {self.folder}: wait for its end, or choose another folder"
                ) from None
            if is_still_there(Path(file.name), file.fileno()):
                return file

    def _part(self, name: str, *, mode: str = "w") -> IO[str]:
        path = self.folder / f"{name}.part"
        return self._open.enter_context(path.open(mode, encoding="utf-8", errors="backslashreplace", newline=""))

    def _write(self, values: dict[str, Any]) -> None:
        try:
            self._lines.write(json.dumps(values, ensure_ascii=False) + "\n")
            self._table.writerow(table_row(values))
            self._lines.flush()
            self._rows.flush()
        except OSError as error:
            raise self._refused(error) from error

    def _refused(self, error: OSError) -> OutputError:
        return OutputError(f"cannot write into {self.folder}: {error.strerror}; make room or choose another folder")


def save_pictures(result: Prediction, folder: Path, name: str, *, saved: Collection[str]) -> dict[str, Any]:
    """Writes the pictures of a photo that are asked for, under a name of their own; returns the fields that name them.

    Raises OutputError, and DataError where the photo's file is to be read again and cannot be.
    """
    height, width = result.anomaly_map.shape
    files: dict[str, Any] = {"map": None, "overlay": None, "map_height": height, "map_width": width}
    files["level_maps"] = f"level_maps/{name}.png" if result.level_maps else None
    if "maps" in saved:
        files["map"] = f"maps/{name}.tiff"
        save_map(folder / files["map"], result.anomaly_map)
    if "all-overlays" in saved or ("overlays" in saved and result.verdict != "normal"):
        drawn = save_overlay(folder / "overlays" / name, captioned(picture(result), result))
        files["overlay"] = f"overlays/{drawn.name}"
    return files


def table_row(values: dict[str, Any]) -> dict[str, Any]:
    """Returns the same prediction flat, for a spreadsheet, which takes no name in it for a formula."""
    if "regions" not in values:
        return {name: as_cell(value) for name, value in values.items()}
    row = values | {"region_count": len(values["regions"]), "stopped_by": "; ".join(values["stopped_by"])}
    for region in values["regions"][:1]:
        row |= dict(zip(("left", "top", "right", "bottom"), region["box"], strict=True))
        row |= dict(zip(("centroid_x", "centroid_y"), region["centroid"], strict=True))
        row |= {"area": region["area"], "mark_length": region["length"], "mark_width": region["width"]}
        row |= {"peak": region["peak"], "region_of_interest": region["region_of_interest"]}
    return {name: as_cell(value) for name, value in row.items()}


def short_stem(photo: Path) -> str:
    """Returns a file's name without suffix, cut where it is so long that nothing could be added to it."""
    stem = photo.stem
    while len(os.fsencode(stem)) > LONGEST_NAME:
        stem = stem[:-1]
    return stem


def output_names(photos: Sequence[Path]) -> dict[Path, str]:
    """Returns a file name for each photo: its own stem, numbered where several share it, cut where it is very long."""
    names: dict[Path, str] = {}
    taken: dict[str, int] = {}  # and the last number given to a name
    for photo in photos:
        stem = short_stem(photo)
        name, number = stem, taken.get(stem.casefold(), 1)
        while name.casefold() in taken:  # some disks take A and a for the same
            number += 1
            name = f"{stem}-{number}"
        taken[name.casefold()] = 1
        taken[stem.casefold()] = number
        names[photo] = name
    return names
