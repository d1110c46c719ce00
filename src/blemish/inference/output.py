"""What predicting leaves on the disk: predictions.jsonl, raw maps, overlays."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from blemish.data.images import overlay, read_image, save_map, save_png
from blemish.errors import DataError, OutputError
from blemish.inference.prediction import Prediction

SMALLEST = float(np.finfo(np.float32).tiny)
PREDICTIONS_FILE = "predictions.jsonl"


class PredictionFolder:
    """Takes predictions as they come; a line that was written stays, whatever happens to later photos."""

    def __init__(self, folder: Path, photos: Sequence[Path]) -> None:
        self.folder = folder
        self._names = output_names(photos)
        self._part = folder / f"{PREDICTIONS_FILE}.part"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lines: IO[str] = self._part.open("w", encoding="utf-8")
        except OSError as error:
            raise OutputError(f"cannot write into {folder}: {error.strerror}; choose another folder") from error

    def add(self, photo: Path, result: Prediction | DataError) -> None:
        if isinstance(result, DataError):
            self._write({"image": str(photo), "verdict": "unreadable", "error": str(result)})
            return
        name = self._names[photo]
        save_map(self.folder / "maps" / f"{name}.tiff", result.photo_map)
        save_png(self.folder / "overlays" / f"{name}.png", picture(result))
        self._write(result.to_json() | {"map": f"maps/{name}.tiff", "overlay": f"overlays/{name}.png"})

    def close(self) -> None:
        """Gives the lines their name, also when not every photo was reached."""
        self._lines.close()
        self._part.replace(self.folder / PREDICTIONS_FILE)

    def _write(self, line: dict[str, object]) -> None:
        try:
            self._lines.write(json.dumps(line, ensure_ascii=False) + "\n")
            self._lines.flush()
        except OSError as error:
            raise OutputError(f"cannot write into {self.folder}: {error.strerror}; make room") from error


def picture(prediction: Prediction) -> NDArray[np.uint8]:
    """The photo under its anomaly map: half the colour scale is the threshold, for every photo of one model alike."""
    assert prediction.image is not None
    anomaly_map = prediction.photo_map
    scaled = np.clip(anomaly_map / max(2 * prediction.threshold, SMALLEST), 0, 1)
    return overlay(read_image(prediction.image), scaled, mask=anomaly_map > prediction.threshold)


def output_names(photos: Sequence[Path]) -> dict[Path, str]:
    """A file name for each photo: its own stem, numbered where several photos share it."""
    names: dict[Path, str] = {}
    taken: set[str] = set()
    for photo in photos:
        name, number = photo.stem, 1
        while name in taken:
            number += 1
            name = f"{photo.stem}-{number}"
        taken.add(name)
        names[photo] = name
    return names
