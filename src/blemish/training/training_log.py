"""training.jsonl: what every check of a training measured, one line of JSON each."""

import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from blemish.files import cannot_write, write_text

LOG_FILE = "training.jsonl"


class TrainingLog:
    """Appends whole lines to a file that has the lines of a resumed training's checkpoint, no more and no fewer."""

    def __init__(self, path: Path | None) -> None:
        """Writes nothing where there is no path, as in processes that do not lead."""
        self._path = path
        self._started = time.monotonic()
        self.seconds_before = 0.0
        """What the training took until the checkpoint that it goes on from."""

    def begin(self, history: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """Begins the file with the checks that were made before, each with its stage's name."""
        if self._path is None:
            return
        written = _read(self._path)
        lines = [written.get((stage, entry["step"]), _line(stage, entry, seconds=None)) for stage, entry in history]
        seconds = [line["seconds"] for line in lines if line["seconds"] is not None]
        self.seconds_before = max(seconds, default=0.0)
        self._started = time.monotonic() - self.seconds_before
        write_text(self._path, "".join(json.dumps(line) + "\n" for line in lines))

    def add(self, stage: str, entry: Mapping[str, Any]) -> None:
        """Adds the line of a check; raises OutputError."""
        if self._path is None:
            return
        line = _line(stage, entry, seconds=round(time.monotonic() - self._started, 2))
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:
            raise cannot_write(self._path, error) from error


def _line(stage: str, entry: Mapping[str, Any], *, seconds: float | None) -> dict[str, Any]:
    return {
        "stage": stage,
        "step": entry["step"],
        "seconds": seconds,
        "losses": entry["losses"],
        "validation_loss": entry.get("validation_loss"),
        "learning_rates": entry["learning_rates"],
    }


def _read(path: Path) -> dict[tuple[str, int], dict[str, Any]]:
    """Returns the whole lines of an earlier file by stage and step; a power cut may have left half a line."""
    found = {}
    text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    for line in text.splitlines():
        try:
            values = json.loads(line)
            found[values["stage"], values["step"]] = values
        except (ValueError, KeyError, TypeError):
            continue
    return found
