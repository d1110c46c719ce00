"""`blemish predict`: parse, call, print."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from blemish.cli.progress import ProgressBars
from blemish.data.listing import photos_under
from blemish.errors import DataError, on_one_line
from blemish.inference import open_predictor
from blemish.inference.output import PredictionFolder
from blemish.inference.predictor import Predictor

ALL_NORMAL, SOME_NOT_NORMAL, SOME_UNREADABLE = 0, 1, 2


def predict(
    run: Path,
    /,
    *photos: Path,
    output: Path | None = None,
    min_area: int = 1,
    runtime: str = "torch",
    device: str = "auto",
) -> int:
    """Judge photos: one line and verdict each. Exit code: 0 all normal, 1 some not, 2 some could not be read.

    Parameters
    ----------
    run
        Folder of a trained model.
    photos
        Photos, and folders of photos.
    output
        Folder for predictions.jsonl, predictions.csv, maps/ (float32 TIFF, raw values) and overlays/ (PNG).
    min_area
        Marked regions of fewer pixels of the photo are dropped; verdicts do not change by it.
    runtime
        What computes: torch.
    device
        auto, cpu or cuda.
    """
    predictor = open_predictor(run, runtime=runtime, device=device, min_area=min_area)
    missing: list[DataError] = []
    found = photos_under(photos, on_error=missing.append)
    for error in missing:
        sys.stderr.write(f"blemish: {error}\n")
    if not found:
        raise DataError("no photos to judge: give photos, or folders that hold some")
    with ProgressBars() as bars:
        code = predict_into(output, predictor, found, bars=bars)
    return SOME_UNREADABLE if missing else code


def predict_into(
    output: Path | None,
    predictor: Predictor,
    photos: Sequence[Path],
    *,
    bars: ProgressBars,
    say: Callable[[str], object] | None = print,
) -> int:
    """Judges photos, says a line for each, fills the folder `output`, and returns the exit code."""
    folder = PredictionFolder(output, photos) if output is not None else None
    code = ALL_NORMAL
    try:
        for done, (path, result) in enumerate(zip(photos, predictor.predict_many(photos), strict=True), start=1):
            if isinstance(result, DataError):
                code = SOME_UNREADABLE
                sys.stderr.write(f"blemish: {result}\n")
            else:
                code = max(code, ALL_NORMAL if result.verdict == "normal" else SOME_NOT_NORMAL)
                if say is not None:
                    say(f"{result.verdict:<9}  {result.anomaly_score:.6g}  {on_one_line(path)}")
            if folder is not None:
                try:
                    folder.add(path, result)
                except DataError as error:  # it was there to be judged, but not to be shown under its map
                    code = SOME_UNREADABLE
                    sys.stderr.write(f"blemish: {error}\n")
                    folder.add(path, error)
            bars.show("judging", done, len(photos))
    finally:
        if folder is not None:
            folder.close()
    return code
