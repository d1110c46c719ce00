"""Says while photos come, each thing once, that they are others than those the model knows."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from blemish.calibration.drift import Drift, DriftWatch
from blemish.data.images import Size
from blemish.data.seen import MUCH_SHRUNK, seen_line
from blemish.data.shapes import other_aspect_line, sizes_counted
from blemish.inference.prediction import Prediction
from blemish.inference.predictor import Predictor
from blemish.model.artifact import Artifact

_log = logging.getLogger("blemish")


class Changes:
    """What has been seen of a watch: sizes of its photos, and whether they drift from those learned from."""

    def __init__(
        self, run: Path, predictor: Predictor, artifact: Artifact, *, on_drift: Callable[[Sequence[Drift]], object]
    ) -> None:
        """`on_drift` is told of what is new of what has moved."""
        self._run, self._on_drift = run, on_drift
        self._framing = predictor.framing
        self._trained = sizes_counted(artifact.training.photo_sizes)
        self._drift = DriftWatch(predictor.calibration, part=artifact.training.part_pattern)
        self._sizes: set[Size] = set()

    def add(self, result: Prediction) -> None:
        """Takes the next photo, and says what is new about it."""
        if result.photo_size not in self._sizes:
            self._sizes.add(result.photo_size)
            one = {result.photo_size: 1}
            self._say(other_aspect_line(one, self._trained))
            self._say(seen_line(one, self._framing, beyond=MUCH_SHRUNK))
        if new := self._drift.add(result):
            self._say(self._drift.line(str(self._run)))
            self._on_drift(new)

    def end(self) -> None:
        """Says what only the last photo has shown, and where drift could not be watched."""
        said = len(self._drift.found)
        line = self._drift.line(str(self._run))
        if not said or len(self._drift.found) > said:
            self._say(line)
            self._on_drift(self._drift.found[said:])

    def _say(self, line: str | None) -> None:
        if line is not None:
            _log.warning("%s", line)
