"""A line that photos come from, and what a watch has made of them."""

import io
import json
import shutil
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import blemish
from blemish.errors import DataError
from blemish.inference.prediction import Prediction


@dataclass(frozen=True, kw_only=True)
class Line:
    """Folders of one test: what is watched, and where results go."""

    folder: Path
    into: Path
    run: Path
    photos: list[Path]

    def put(self, name: str, photo: int = 0) -> Path:
        """A photo comes in."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.photos[photo % len(self.photos)], path)
        return path

    def watching(self, **settings: Any) -> Generator[Prediction | DataError, None, None]:
        """Judges as long as results are asked for, and until nothing comes any more."""
        given: dict[str, Any] = {"quiet": 0.05, "idle": 0.2, "save": "none", "runtime": "onnx", **settings}
        return blemish.watch(self.folder, self.run, into=self.into, **given)

    def watch(self, **settings: Any) -> list[Prediction | DataError]:
        """Judges until nothing comes any more."""
        return list(self.watching(**settings))

    def lines(self) -> list[dict[str, Any]]:
        """The lines of predictions.jsonl."""
        text = (self.into / "predictions.jsonl").read_text("utf-8")
        return [json.loads(line) for line in text.splitlines()]

    def names(self) -> list[str]:
        """The names in predictions.jsonl, in order."""
        return [line["name"] for line in self.lines()]

    def filed(self) -> dict[str, str]:
        """The verdict folder that each photo is in, by its path there."""
        verdicts = ("normal", "check", "anomalous", "unusual", "unreadable")
        found = {v: [p for p in (self.into / v).rglob("*") if p.is_file()] for v in verdicts}
        return {p.relative_to(self.into / v).as_posix(): v for v, photos in found.items() for p in photos}


def darker(photo: bytes) -> bytes:
    """The same photo under half the light."""
    file = io.BytesIO()
    with Image.open(io.BytesIO(photo)) as opened:
        Image.fromarray((np.asarray(opened) // 2).astype(np.uint8)).save(file, format="PNG")
    return file.getvalue()
