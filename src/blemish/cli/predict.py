"""`blemish predict`: parse, call, print."""

import logging
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from blemish import api
from blemish.cli.progress import ProgressBars
from blemish.errors import DataError, InterruptionError
from blemish.inference.prediction import Prediction
from blemish.process import stop_requests
from blemish.wording import on_one_line

if TYPE_CHECKING:
    from blemish.results.parts import PredictionRecord

_STANDARD_INPUT = "./-"  # as the command line hands - on
_ALL_NORMAL, _SOME_NOT_NORMAL, _SOME_UNREADABLE = 0, 1, 2


def predict(
    run: Path,
    /,
    *photos: str | Path,
    output: Path | None = None,
    save: str = "overlays",
    min_area: int = 1,
    level_maps: bool = False,
    runtime: str = "auto",
    precision: str = "fp32",
    device: str = "auto",
) -> int:
    """Judge photos: one line and verdict each.

    Exit code: 0 all normal, 1 some not, whatever became of others, 2 some could not be read, and all others are normal.

    Parameters
    ----------
    run
        Folder of a trained model.
    photos
        Photos, folders of photos, patterns in quotes, or - for names on standard input.
    output
        Folder for predictions.jsonl and predictions.csv, and for what --save names.
    save
        Which pictures are left in that folder: overlays (JPEG, of photos that are not normal), all-overlays (of every
        photo), maps (of every photo its raw anomaly map, float32 TIFF), or none; several with commas between them. The
        more, the slower.
    min_area
        Regions of fewer pixels of the photo are dropped, but for the strongest of an anomalous photo; verdicts do not
        change by it.
    level_maps
        For ML engineers: leave in FOLDER/level_maps which pair of teacher and student fired, and at which level: a
        picture per photo, and the raw values as float32 TIFF. Needs --output, the runtime torch, and up to twice the
        time.
    runtime
        What computes: torch, onnx, openvino, or auto for the fastest that the model was exported to, else torch.
    precision
        How exactly is computed: in full (fp32), or, where the model was exported so, rounded and faster: to fewer
        digits (bf16) or to whole numbers (int8).
    device
        auto, cpu or cuda.
    """
    logging.basicConfig(format="blemish: %(message)s")
    with stop_requests() as stop, ProgressBars(lines=False) as bars:

        def end_where_told() -> None:
            if stop.signal is not None and bars.done < bars.total:
                raise InterruptionError(f"stopped after {bars.done} of {bars.total} photos", signal=stop.signal)

        results = api.predict(
            run,
            as_named(photos),
            output=output,
            save=save,
            min_area=min_area,
            level_maps=level_maps,
            runtime=runtime,
            precision=precision,
            device=device,
            on_progress=bars.show,
        )
        return show_results(results, after_each=end_where_told)


def as_named(photos: Sequence[str | Path]) -> list[str | Path]:
    """Returns photos as verbs take them: what stands for standard input is - again."""
    return [Path(photo) if photo == _STANDARD_INPUT else photo for photo in photos]


def show_results(
    results: "Generator[Prediction | PredictionRecord | DataError, None, None]",
    *,
    after_each: Callable[[], None] = lambda: None,
) -> int:
    """Prints a line for each photo as it is judged, and returns the exit code; closes the results in any case."""
    unreadable = not_normal = False
    with closing(results):
        for result in results:
            if isinstance(result, DataError):
                unreadable = True
                sys.stderr.write(f"blemish: {result}\n")
            else:
                not_normal |= result.verdict != "normal"
                # Flushed, so that who reads a pipe need not wait, and nothing is lost where this is stopped.
                print(prediction_line(result), flush=True)
            after_each()
    if unreadable and not_normal:
        sys.stderr.write("blemish: some photos are not normal, which exit code 1 says, and others could not be read\n")
    return _SOME_NOT_NORMAL if not_normal else _SOME_UNREADABLE if unreadable else _ALL_NORMAL


def prediction_line(result: "Prediction | PredictionRecord") -> str:
    """Returns a photo's verdict, score and name, what is unusual about it, and what rules say of it."""
    why = "" if result.unusual_reason is None else f"  (unusual: {result.unusual_reason})"
    if rules := result.rule_reason or " or ".join(result.stopped_by):
        why += f"  ({rules})"
    return f"{result.verdict:<9}  {result.anomaly_score:.6g}  {on_one_line(result.image)}{why}"
