"""`blemish evaluate`: metrics with intervals, what the threshold does, and the report."""

import os
import sys
from pathlib import Path

from blemish.cli.progress import ProgressBars
from blemish.data import find_dataset
from blemish.errors import DataError, MissingExtraError, OutputError, on_one_line
from blemish.evaluation.evaluate import evaluate as measure
from blemish.evaluation.record import EVALUATION_FILE, Evaluation, write_evaluation
from blemish.inference import open_predictor
from blemish.inference.predictor import Predictor
from blemish.metrics.intervals import Interval
from blemish.model.artifact import read_artifact
from blemish.model.thresholds import percent
from blemish.progress import Progress

DONE, SOME_UNREADABLE = 0, 2


def evaluate(
    run: Path,
    test_folder: Path,
    /,
    *,
    output: Path | None = None,
    category: str | None = None,
    dataset: str = "mvtec_ad",
    report: bool = True,
    runtime: str = "auto",
    precision: str = "fp32",
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
        Folder for evaluation.json and report.html; RUN/evaluation where none is given.
    category
        Which part, where the folder holds several.
    dataset
        How test photos lie in the folder: mvtec_ad, or another that was added.
    report
        Write report.html too, a page that shows what was found and missed.
    runtime
        What computes: torch, onnx, openvino, or auto for the fastest that the model was exported to, else torch.
    precision
        fp32, or bf16 or int8 where the model was exported in it.
    device
        auto, cpu or cuda.
    """
    folder = output if output is not None else run / "evaluation"
    digests = frozenset(read_artifact(run).training.digests)
    predictor = open_predictor(run, runtime=runtime, precision=precision, device=device)
    found = find_dataset(dataset, test_folder, category)
    if not found.test:
        raise DataError(f"{found.root} holds no test photos: test/good and test/DEFECT are looked for")
    _check_folder(folder)
    with ProgressBars() as bars:
        evaluation = measure(
            predictor,
            found,
            known_digests=digests,
            on_photo=lambda done, of: bars.show(Progress(activity="judging", done=done, total=of)),
        )
    print("\n".join(lines_of(evaluation)))
    for line in [*evaluation.unreadable, *_about_duplicates(evaluation)]:
        sys.stderr.write(f"blemish: {line}\n")
    write_evaluation(evaluation, folder / EVALUATION_FILE)
    print(f"all figures in {folder / EVALUATION_FILE}")
    if report:
        _report(run, folder, predictor)
    return SOME_UNREADABLE if evaluation.unreadable else DONE


def _check_folder(folder: Path) -> None:
    """Better now than when all photos are judged."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make {folder}: {error.strerror}; choose another folder with --output") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"cannot write into {folder}: no permission; choose another folder with --output")


def _report(run: Path, folder: Path, predictor: Predictor) -> None:
    from blemish.report import write_report

    try:
        page = write_report(run, evaluation=folder / EVALUATION_FILE, predictor=predictor)
        print(f"report in {page}")
    except MissingExtraError as error:
        sys.stderr.write(f"blemish: no report: {error}\n")


def lines_of(evaluation: Evaluation) -> list[str]:
    """What a person reads of an evaluation."""
    e = evaluation
    lines = [f"{'':<15}{'':>6}  95 % interval"]
    for name, value in e.metrics.items():
        if value is None:
            lines.append(f"{name:<15}{'-':>6}  {e.undefined[name]}")
        else:
            interval = e.intervals[name]
            span = "-" if interval is None else f"{interval[0]:.4f} to {interval[1]:.4f}"
            lines.append(f"{name:<15}{value:.4f}  {span}")
    lines += [f"pixels at {e.image_size[0]}x{e.image_size[1]}: {e.mask_rule}", e.bootstrap]
    return [*lines, *_about_threshold(e), *_about_types(e)]


def _about_threshold(e: Evaluation) -> list[str]:
    false_alarms = _rate(e.false_alarms, e.good_photos, e.false_alarm_interval, of_what="good photos")
    promise = f"expected {percent(e.asked_rate)}, an estimate"
    if e.promised_rate is not None:
        promise = f"promised: at most {percent(e.promised_rate)}"
    lines = [
        f"threshold {e.threshold:.6g}",
        f"  false alarms  {false_alarms}; {promise}",
        f"  misses        {_rate(e.misses, e.defective_photos, e.miss_interval, of_what='defective photos')}",
    ]
    checks = sum(photo.verdict == "check" for photo in e.photos)
    if checks:
        lines.append(f"  to check      {checks} of {len(e.photos)} photos, which are no alarms here")
    if e.good_photos:
        lines.append(f"  marked        {e.marked_good_photos} of {e.good_photos} good photos somewhere")
    if e.lost_masks:
        lines.append(f"{e.lost_masks} defects are too small to show at {e.image_size[0]}x{e.image_size[1]} pixels")
    return lines


def _rate(count: int, of: int, interval: Interval | None, *, of_what: str) -> str:
    span = "" if interval is None else f" ({percent(interval[0])} to {percent(interval[1])})"
    return f"{count} of {of} {of_what}{span}"


def _about_types(e: Evaluation) -> list[str]:
    lines = [f"  {'':<20}{'judged anomalous':>20}{'image AUROC':>13}{'pixel AUROC':>13}{'pixel AP':>10}{'PRO':>8}"]
    for name, kind in e.defect_types.items():
        values = [kind.image_auroc, kind.pixel_auroc, kind.pixel_ap, kind.pro]
        figures = ["-" if value is None else f"{value:.4f}" for value in values]
        widths = zip(figures, (13, 13, 10, 8), strict=True)
        count = f"{kind.judged_anomalous} of {kind.photos}"
        lines.append(
            f"  {on_one_line(name):<20}{count:>20}" + "".join(f"{figure:>{width}}" for figure, width in widths)
        )
    return lines


def _about_duplicates(evaluation: Evaluation) -> list[str]:
    if not evaluation.duplicates:
        return []
    return [
        f"{len(evaluation.duplicates)} test photos are copies of photos the model was trained or calibrated with, "
        f"such as {on_one_line(evaluation.duplicates[0])}: figures flatter; remove them here or there"
    ]
