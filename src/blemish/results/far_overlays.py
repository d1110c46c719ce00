"""Overlays of calibration photos that score far above the rest, in the run folder, and the lines that point to them."""

import logging
from collections.abc import Sequence
from pathlib import Path

from blemish.calibration.far_photos import FarPhotos
from blemish.data.images import save_png
from blemish.errors import DataError
from blemish.inference.predictor import Predictor
from blemish.inference.read_ahead import Input
from blemish.results.overlays import picture

FAR_FOLDER = "far_photos"

_log = logging.getLogger("blemish")


def say_far_photos(far: FarPhotos, inputs: Sequence[Input], predictor: Predictor, *, run: Path, mend: str) -> None:
    """Writes each photo's overlay into the run folder and warns of it; `inputs` are the photos as they can be judged.

    Colours are those of the thresholds without these photos, else nothing of what is unusual in them would show. Raises
    OutputError.
    """
    seeing = Predictor(
        predictor.runtime,
        predictor.framing,
        score=predictor.score,
        calibration=predictor.calibration if far.without is None else far.without,
        interest=predictor.interest,
        rules=predictor.rules,
    )
    overlays = [run / FAR_FOLDER / f"{place + 1}_{photo.stem}.png" for place, photo in enumerate(far.photos)]
    for overlay, item in zip(overlays, inputs, strict=True):
        try:
            save_png(overlay, picture(seeing.predict(item)))
        except DataError as error:  # its file is gone since it was judged
            _log.warning("no overlay: %s", error)
    for line in far.lines(overlays=overlays, mend=mend):
        _log.warning("%s", line)
