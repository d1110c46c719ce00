"""`blemish predict` and `blemish evaluate`: parse, call, print."""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from blemish.api import find_photos
from blemish.cli.progress import ProgressBars
from blemish.data.atomic import write_text
from blemish.data.listing import photos_under
from blemish.errors import DataError
from blemish.evaluation.evaluate import Evaluation
from blemish.evaluation.evaluate import evaluate as measure
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
    found, missing = _found(photos)
    for error in missing:
        sys.stderr.write(f"blemish: {error}\n")
    if not found:
        raise DataError("no photos to judge: give photos, or folders that hold some")
    with ProgressBars() as bars:
        code = predict_into(output, predictor, found, bars=bars)
    return SOME_UNREADABLE if missing else code


def _found(places: Sequence[Path]) -> tuple[list[Path], list[DataError]]:
    """The photos of all places, each once, and what is wrong with the places that have none."""
    found: dict[Path, None] = {}
    missing = []
    for place in places:
        try:
            found |= dict.fromkeys(photos_under([place]))
        except DataError as error:
            missing.append(error)
    return list(found), missing


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
                    say(f"{result.verdict:<9}  {result.anomaly_score:.6g}  {path}")
            if folder is not None:
                folder.add(path, result)
            bars.show("judging", done, len(photos))
    finally:
        if folder is not None:
            folder.close()
    return code


def evaluate(
    run: Path,
    test_folder: Path,
    /,
    *,
    output: Path | None = None,
    category: str | None = None,
    runtime: str = "torch",
    device: str = "auto",
) -> int:
    """Measure a model on test photos whose truth is known. Exit code 2 where some could not be read.

    Parameters
    ----------
    run
        Folder of a trained model.
    test_folder
        MVTec AD's layout: test/good, test/DEFECT, and ground_truth/DEFECT if there is any.
    output
        Folder for evaluation.json.
    category
        Which part, where the folder holds several.
    runtime
        What computes: torch.
    device
        auto, cpu or cuda.
    """
    predictor = open_predictor(run, runtime=runtime, device=device)
    found = find_photos(test_folder, dataset="mvtec_ad", category=category)
    if not found.test:
        raise DataError(f"{found.root} holds no test photos: test/good and test/DEFECT are looked for")
    with ProgressBars() as bars:
        evaluation = measure(predictor, found.test, on_photo=lambda done, of: bars.show("judging", done, of))
    print("\n".join(lines_of(evaluation)))
    if output is not None:
        write_text(output / "evaluation.json", json.dumps(evaluation.to_json(), indent=2) + "\n")
    for error in evaluation.unreadable:
        sys.stderr.write(f"blemish: left out: {error}\n")
    return SOME_UNREADABLE if evaluation.unreadable else ALL_NORMAL


def lines_of(evaluation: Evaluation) -> list[str]:
    """What a person reads of an evaluation."""
    e = evaluation
    lines = [f"{name:<15}{value:.4f}" for name, value in e.metrics.items() if value is not None]
    lines += [f"{name:<15}-  {reason}" for name, reason in e.undefined.items()]
    lines += [
        f"at threshold {e.threshold:.6g}: {e.false_alarms} false alarms in {e.good_photos} good photos, "
        f"{e.misses} misses in {e.defective_photos} defective",
    ]
    if e.lost_masks:
        lines.append(f"{e.lost_masks} defects are too small to show at {e.image_size[0]}x{e.image_size[1]} pixels")
    for name, kind in e.defect_types.items():
        auroc = f"  image AUROC {kind.image_auroc:.4f}" if kind.image_auroc is not None else ""
        lines.append(f"  {name:<20}{kind.judged_anomalous:>4} of {kind.photos:<4} judged anomalous{auroc}")
    return lines
