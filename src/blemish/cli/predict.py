"""`blemish predict`: parse, call, print."""

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from blemish.cli.progress import ProgressBars
from blemish.data.paths import photos_under
from blemish.data.skipped import Skipped
from blemish.errors import DataError, InterruptionError, SettingsError, on_one_line
from blemish.inference import open_predictor
from blemish.inference.predictor import Predictor
from blemish.process import stop_requests
from blemish.results.folder import PredictionFolder
from blemish.results.level_maps import FOLDER, LevelMapFolder, runtime_for

ALL_NORMAL, SOME_NOT_NORMAL, SOME_UNREADABLE = 0, 1, 2


def predict(
    run: Path,
    /,
    *photos: Path,
    output: Path | None = None,
    min_area: int = 1,
    level_maps: bool = False,
    runtime: str = "auto",
    precision: str = "fp32",
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
    level_maps
        Leave in FOLDER/level_maps which pair of teacher and student fired, and at which level: a picture per photo, and
        the raw values as float32 TIFF. Needs --output, the runtime torch, and two to three times the time.
    runtime
        What computes: torch, onnx, openvino, or auto for the fastest that the model was exported to, else torch.
    precision
        fp32, or bf16 or int8 where the model was exported in it.
    device
        auto, cpu or cuda.
    """
    if level_maps and output is None:
        raise SettingsError("level maps are left in files: say where with --output FOLDER")
    runtime = runtime_for(runtime, level_maps=level_maps)
    predictor = open_predictor(run, runtime=runtime, precision=precision, device=device, min_area=min_area)
    missing: list[DataError] = []
    skipped: list[Skipped] = []
    found = photos_under(photos, on_error=missing.append, on_skipped=skipped.append)
    for line in (*missing, *(line for folder in skipped for line in folder.lines())):
        sys.stderr.write(f"blemish: {line}\n")
    if not found:
        raise DataError("no photos to judge: give photos, or folders that hold some")
    levels = LevelMapFolder(output / FOLDER, found, predictor) if level_maps and output is not None else None
    with ProgressBars() as bars:
        code = predict_into(output, predictor, found, levels=levels, bars=bars)
    return SOME_UNREADABLE if missing or any(folder.pictures for folder in skipped) else code


def _say(line: str) -> None:
    print(line, flush=True)  # who reads a pipe need not wait, and nothing is lost where this is stopped


def predict_into(
    output: Path | None,
    predictor: Predictor,
    photos: Sequence[Path],
    *,
    levels: LevelMapFolder | None = None,
    bars: ProgressBars,
    say: Callable[[str], object] | None = _say,
) -> int:
    """Judges photos, says a line for each, fills the folder `output`, and returns the exit code.

    Raises InterruptionError where a signal stops it, between two photos: what was said is written.
    """
    folder = PredictionFolder(output, photos) if output is not None else None
    code, done = ALL_NORMAL, 0
    results = predictor.predict_many(photos, keep_photos=folder is not None)
    with stop_requests() as stop, ExitStack() as stack:
        if folder is not None:
            stack.callback(folder.close)
        for done, (path, result) in enumerate(zip(photos, results, strict=True), start=1):
            if isinstance(result, DataError):
                code = SOME_UNREADABLE
                sys.stderr.write(f"blemish: {result}\n")
            else:
                code = max(code, ALL_NORMAL if result.verdict == "normal" else SOME_NOT_NORMAL)
                if say is not None:
                    say(f"{result.verdict:<9}  {result.anomaly_score:.6g}  {on_one_line(path)}")
                if levels is not None:
                    levels.add(path, result)
            if folder is not None:
                folder.add(path, result)
            bars.show("judging", done, len(photos))
            if stop.signal is not None:
                break
    if stop.signal is not None and done < len(photos):
        raise InterruptionError(f"stopped after {done} of {len(photos)} photos", signal=stop.signal)
    return code
