"""`blemish evaluate`: metrics with intervals, what the threshold does, and the report."""

import logging
import sys
from pathlib import Path

from blemish import api
from blemish.cli.progress import ProgressBars
from blemish.data import AUTO
from blemish.data.dataset import GOOD
from blemish.evaluation.comparison import (
    expectation,
    false_alarms_in_unit,
    other_photos_of_known_parts,
    unlike_parts,
    why_not_compared,
)
from blemish.evaluation.record import EVALUATION_FILE, Evaluation
from blemish.metrics import METRICS
from blemish.metrics.intervals import Interval
from blemish.model.artifact import read_artifact
from blemish.model.thresholds import percent
from blemish.report.page import PAGE
from blemish.wording import on_one_line

_DONE, _LIMIT_EXCEEDED, _SOME_UNREADABLE = 0, 1, 2
_WIDEST_TYPE = 20  # characters of a defect type's name, before its column gives way


def evaluate(
    run: Path,
    test_folder: Path,
    /,
    *,
    output: Path | None = None,
    category: str | None = None,
    dataset: str = AUTO,
    report: bool = True,
    max_misses: float | None = None,
    max_false_alarms: float | None = None,
    runtime: str = "auto",
    precision: str = "fp32",
    device: str = "auto",
) -> int:
    """Measure a model on test photos whose truth is known.

    Exit code 1 where more is missed or stopped than was allowed, 2 where some photos could not be read.

    Parameters
    ----------
    run
        Folder of a trained model.
    test_folder
        Photos in folders such as test/good and test/DEFECT, or good and bad, and ground_truth/DEFECT if there is any.
    output
        Folder for evaluation.json and report.html; RUN/evaluation where none is given.
    category
        Which part, where the folder holds several.
    dataset
        How test photos lie in the folder, such as mvtec_ad or good_and_bad; auto recognises it.
    report
        Write report.html too, a page that shows what was found and missed.
    max_misses
        Share of the defective photos that may be missed, such as 0.05 or 5%: exit code 1 where more are.
    max_false_alarms
        Share of the good photos that may be called anomalous, so too.
    runtime
        What computes: torch, onnx, openvino, or auto for the fastest that the model was exported to, else torch.
    precision
        How exactly is computed: in full (fp32), or, where the model was exported so, rounded and faster: to fewer
        digits (bf16) or to whole numbers (int8).
    device
        auto, cpu or cuda.
    """
    logging.basicConfig(format="blemish: %(message)s")
    folder = output if output is not None else run / "evaluation"
    page = folder / PAGE
    earlier = _stamp(page)
    read_artifact(run)  # a folder that holds no model is refused before one is made in it
    with ProgressBars() as bars:
        evaluation = api.evaluate(
            run,
            test_folder,
            output=folder,
            report=report,
            max_misses=max_misses,
            max_false_alarms=max_false_alarms,
            dataset=dataset,
            category=category,
            runtime=runtime,
            precision=precision,
            device=device,
            on_progress=bars.show,
        )
    print("\n".join(lines_of_evaluation(evaluation)))
    for line in [*evaluation.unreadable, *_about_duplicates(evaluation), *evaluation.exceeded]:
        sys.stderr.write(f"blemish: {line}\n")
    print(f"all figures in {folder / EVALUATION_FILE}")
    if report and _stamp(page) != earlier:  # else it could not be written, and one that is there is of an earlier run
        print(f"report in {page}")
    if evaluation.unreadable:
        return _SOME_UNREADABLE
    return _LIMIT_EXCEEDED if evaluation.exceeded else _DONE


def _stamp(file: Path) -> tuple[int, int] | None:
    """Returns what is another when a file was written anew; None where there is none."""
    try:
        facts = file.stat()
    except OSError:
        return None
    return facts.st_ino, facts.st_mtime_ns


def lines_of_evaluation(evaluation: Evaluation) -> list[str]:
    """Returns what a person reads of an evaluation: what the threshold does, then the figures for ML engineers."""
    return [
        *_about_threshold(evaluation),
        *_about_types(evaluation),
        "",
        "for ML engineers: metrics without a threshold",
        *_about_metrics(evaluation),
        *_about_metrics_of_types(evaluation),
    ]


def _about_threshold(e: Evaluation) -> list[str]:
    false_alarms = _rate(e.false_alarms, e.good_photos, e.false_alarm_interval, of_what="good photos")
    lines = [f"threshold {e.threshold:.6g}", f"  false alarms  {false_alarms}"]
    if e.good_parts is not None and e.good_parts.parts < e.good_photos:
        parts = e.good_parts
        counted = _rate(parts.alarmed, parts.parts, parts.alarm_interval, of_what="good parts with any photo above")
        lines.append(f"                {counted}")
    if e.promised_rate is None:
        promise = f"an estimate, not a promise: {expectation(e.asked_rate, e.unit, promised=False)}"
    else:
        promise = f"promised: {expectation(e.promised_rate, e.unit, promised=True)}"
    lines.append(f"                {promise}")
    if e.good_photos and false_alarms_in_unit(e) is None:
        lines.append(f"                these photos do not test that: {why_not_compared(e)}")
    if unlike := unlike_parts(e):
        lines.append(f"                {unlike}")
    lines.append(f"  misses        {_rate(e.misses, e.defective_photos, e.miss_interval, of_what='defective photos')}")
    checks = sum(photo.verdict == "check" for photo in e.photos)
    if checks:
        lines.append(f"  to check      {checks} of {len(e.photos)} photos, which are no alarms here")
    if e.good_photos:
        lines.append(f"  marked        {e.marked_good_photos} of {e.good_photos} good photos somewhere")
    if e.lost_masks:
        lines.append(f"{e.lost_masks} defects are too small to show in maps{_size(e)}")
    return lines


def _rate(count: int, of: int, interval: Interval | None, *, of_what: str) -> str:
    span = "" if interval is None else f" ({percent(interval[0])} to {percent(interval[1])})"
    return f"{count} of {of} {of_what}{span}"


def _size(e: Evaluation) -> str:
    return "" if e.map_size is None else f" of {e.map_size[1]}x{e.map_size[0]} pixels"


def _about_types(e: Evaluation) -> list[str]:
    lines = [f"  {'':<{_WIDEST_TYPE}}{'judged anomalous':>20}"]
    for name, kind in e.defect_types.items():
        count = f"{kind.judged_anomalous} of {kind.photos}"
        lines.append(f"  {on_one_line(name):<{_WIDEST_TYPE}}{count:>20}")
    return lines


def _about_metrics(e: Evaluation) -> list[str]:
    width = max([15, *(len(name) + 1 for name in e.metrics)])
    lines = [f"{'':<{width}}{'':>6}  95 % interval"]
    reasons: dict[str, list[str]] = {}
    for name, value in e.metrics.items():
        if value is None:
            lines.append(f"{name:<{width}}{'-':>6}")
            reasons.setdefault(e.undefined[name], []).append(name)
        else:
            interval = e.intervals[name]
            span = "-" if interval is None else f"{interval[0]:.4f} to {interval[1]:.4f}"
            lines.append(f"{name:<{width}}{value:.4f}  {span}")
    lines += [f"no {' or '.join(names)}: {reason}" for reason, names in reasons.items()]
    return [*lines, f"pixels of maps{_size(e)}: {e.mask_rule}", e.bootstrap]


def _about_metrics_of_types(e: Evaluation) -> list[str]:
    kinds = {name: kind.metrics for name, kind in e.defect_types.items() if name != GOOD}
    metrics = list(dict.fromkeys(metric for values in kinds.values() for metric in values))
    if not metrics:
        return []
    titles = [METRICS[metric].title if metric in METRICS else metric for metric in metrics]
    widths = [max(len(title), 6) + 2 for title in titles]
    lines = [
        f"  {'':<{_WIDEST_TYPE}}" + "".join(f"{title:>{width}}" for title, width in zip(titles, widths, strict=True))
    ]
    for name, values in kinds.items():
        figures = ["-" if (value := values.get(metric)) is None else f"{value:.4f}" for metric in metrics]
        row = "".join(f"{figure:>{width}}" for figure, width in zip(figures, widths, strict=True))
        lines.append(f"  {on_one_line(name):<{_WIDEST_TYPE}}{row}")
    return lines


def _about_duplicates(evaluation: Evaluation) -> list[str]:
    lines = []
    if evaluation.duplicates:
        lines.append(
            f"{len(evaluation.duplicates)} test photos are copies of photos the model was trained or calibrated with, "
            f"such as {on_one_line(evaluation.duplicates[0])}: figures flatter; remove them here or there"
        )
    if others := other_photos_of_known_parts(evaluation):
        lines.append(
            f"{len(others)} good test photos show, by data set or name, parts that the model was trained or calibrated "
            f"with, such as {on_one_line(others[0])}: figures flatter; test with photos of other parts"
        )
    return lines
