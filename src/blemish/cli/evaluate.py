"""`blemish evaluate`: metrics with intervals, what the threshold does, and the report."""

import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap
from typing import Annotated

from cyclopts import Parameter

from blemish import api
from blemish.cli.progress import ProgressBars
from blemish.cli.sizes import lines_of_sizes
from blemish.data import AUTO
from blemish.data.dataset import GOOD
from blemish.evaluation.against_promise import (
    expectation,
    false_alarms_in_unit,
    more_than_promised,
    other_photos_of_known_parts,
    unlike_parts,
    why_not_compared,
)
from blemish.evaluation.next_steps import NextStep, missed_loudly, next_steps
from blemish.evaluation.record import EVALUATION_FILE, Evaluation
from blemish.evaluation.size_sweep import what_it_is
from blemish.metrics import METRICS
from blemish.metrics.intervals import Interval
from blemish.model.artifact import read_artifact
from blemish.model.thresholds import percent
from blemish.report.page import PAGE, as_evaluated
from blemish.wording import counted, on_one_line

_ACCEPTED, _NOT_ACCEPTED, _SOME_UNREADABLE = 0, 1, 2
_BOX_WIDTH = 92  # characters
_WIDEST_TYPE = 20  # characters of a defect type's name, before its column gives way


def evaluate(
    run: Path,
    test_folder: Path,
    /,
    *,
    output: Path | None = None,
    category: str | None = None,
    dataset: str = AUTO,
    masks: Path | None = None,
    report: Annotated[bool, Parameter(negative="--no-report")] = True,
    max_misses: str | None = None,
    max_false_alarms: str | None = None,
    runtime: str = "auto",
    precision: str = "fp32",
    device: str = "auto",
) -> int:
    """Measure a model on test photos whose truth is known. Exit code: 1 where more is missed than may be, or alarms for
    nothing; 2 where some photos or masks could not be read.

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
    masks
        Folder of true masks, where they lie elsewhere: by the photos' names, such as b1_mask.png or scratch/b1.png.
    report
        Write report.html too, a page that shows what was found and missed, as is done unless --no-report is given.
    max_misses
        How many defective photos may be missed: a number, such as 3, or a share, such as 0.05 or 5%. More: exit code 1.
    max_false_alarms
        How many good photos may be false alarms, likewise.
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
    artifact = read_artifact(run)  # a folder that holds no model is refused before one is made in it
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
            masks=masks,
            runtime=runtime,
            precision=precision,
            device=device,
            on_progress=bars.show,
        )
    judged = as_evaluated(artifact, evaluation)
    steps = next_steps(judged, evaluation) if missed_loudly(evaluation) else []
    print("\n".join(lines_of_evaluation(evaluation, steps, more=more_than_promised(judged, evaluation))))
    for line in [*evaluation.unreadable, *_about_duplicates(evaluation)]:
        sys.stderr.write(f"blemish: {line}\n")
    print(f"all figures in {folder / EVALUATION_FILE}")
    if report and _stamp(page) != earlier:  # else it could not be written, and one that is there is of an earlier run
        print(f"report in {page}")
    print(line_of_misses(evaluation))
    return _say_whether_accepted(evaluation)


def _stamp(file: Path) -> tuple[int, int] | None:
    """Returns what is another when a file was written anew; None where there is none."""
    try:
        facts = file.stat()
    except OSError:
        return None
    return facts.st_ino, facts.st_mtime_ns


def _say_whether_accepted(evaluation: Evaluation) -> int:
    """Says so where there are limits, and returns the exit code."""
    if not evaluation.accepted:
        assert evaluation.acceptance is not None
        sys.stdout.flush()  # so that this is last on a terminal too
        for failure in evaluation.acceptance.failures:
            sys.stderr.write(f"blemish: not accepted: {failure}\n")
        return _NOT_ACCEPTED
    if evaluation.acceptance is not None:
        print("accepted: within the limits")
    return _SOME_UNREADABLE if evaluation.unreadable else _ACCEPTED


def lines_of_evaluation(
    evaluation: Evaluation, steps: Sequence[NextStep] = (), *, more: str | None = None
) -> list[str]:
    """Returns what a person reads of an evaluation: what is missed, what else the threshold does, then the figures for
    ML engineers.

    `steps` are what to do where much is missed, `more` says that more false alarms were measured than promised.
    """
    sizes = evaluation.size_sweep
    return [
        *([] if sizes is None else [what_it_is(sizes)]),
        *_box(evaluation, steps),
        *_about_threshold(evaluation, more),
        *_about_types(evaluation),
        *([] if sizes is None else lines_of_sizes(sizes)),
        "",
        "for ML engineers: metrics, of which seg_f1 alone is at the threshold",
        *_about_metrics(evaluation),
        *_about_metrics_of_types(evaluation),
    ]


def line_of_misses(e: Evaluation) -> str:
    """Returns what is missed and what alarms for nothing, in one line that may stand alone."""
    said = []
    if e.defective_photos:
        share = percent(e.misses / e.defective_photos)
        said.append(f"missed {e.misses} of {counted(e.defective_photos, 'defective photo')} ({share})")
    if e.good_photos:
        share = percent(e.false_alarms / e.good_photos)
        said.append(f"false alarms on {e.false_alarms} of {counted(e.good_photos, 'good photo')} ({share})")
    return "; ".join(said)


def _box(e: Evaluation, steps: Sequence[NextStep]) -> list[str]:
    """Returns a frame around what is missed and what to do; nothing where that is little."""
    if not missed_loudly(e):
        return []
    share = percent(e.misses / e.defective_photos)
    lines = [f"MISSED: {e.misses} of {counted(e.defective_photos, 'defective photo')} ({share})"]
    for step in steps:
        lines += ["", *_wrapped(step.evidence), *_wrapped(f"Next: {step.action}")]
        lines += [f"  {step.command}"] if step.command else []
    width = max(map(len, lines))
    edge = f"+{'-' * (width + 2)}+"
    return [edge, *(f"| {line:<{width}} |" for line in lines), edge]


def _wrapped(text: str) -> list[str]:
    """Returns the lines of a text, none of which begins with a percent sign."""
    return [
        line.replace("\N{NO-BREAK SPACE}", " ") for line in wrap(text.replace(" %", "\N{NO-BREAK SPACE}%"), _BOX_WIDTH)
    ]


def _about_threshold(e: Evaluation, more: str | None) -> list[str]:
    false_alarms = _rate(e.false_alarms, e.good_photos, e.false_alarm_interval, of_what="good photos")
    misses = _rate(e.misses, e.defective_photos, e.miss_interval, of_what="defective photos")
    lines = [f"threshold {e.threshold:.6g}", f"  misses        {misses}", f"  false alarms  {false_alarms}"]
    if e.good_parts is not None and e.good_parts.parts < e.good_photos:
        parts = e.good_parts
        counted = _rate(parts.alarmed, parts.parts, parts.alarm_interval, of_what="good parts with any photo above")
        lines.append(f"                {counted}")
    if e.promised_rate is None:
        promise = f"an estimate, not a promise: {expectation(e.asked_rate, e.unit, promised=False)}"
    else:
        promise = f"promised: {expectation(e.promised_rate, e.unit, promised=True)}"
    lines += [f"                {line}" for line in (promise, more) if line]
    if e.good_photos and false_alarms_in_unit(e) is None:
        lines.append(f"                these photos do not test that: {why_not_compared(e)}")
    if unlike := unlike_parts(e):
        lines.append(f"                {unlike}")
    if e.unusual_good:
        lines.append(f"                {e.unusual_good} good photos alarmed for being unusual, not for their score")
    if e.unusual_defective:
        lines.append(f"                {e.unusual_defective} defective photos were stopped for being unusual alone")
    checks = sum(photo.verdict == "check" for photo in e.photos)
    if checks:
        lines.append(f"  to check      {checks} of {len(e.photos)} photos, which are no alarms here")
    if e.good_photos:
        lines.append(f"  marked        {e.marked_good_photos} of {e.good_photos} good photos somewhere")
    if e.lost_masks:
        lines.append(f"{e.lost_masks} defects are too small to show in maps{_size(e)}")
    if e.rules:
        good = sum(photo.defect_type == GOOD for photo in e.passed_by_rules)
        lines.append(
            f"  rules         {' or '.join(e.rules)}: of photos above the threshold {good} good and "
            f"{len(e.passed_by_rules) - good} defective ones are stopped by none, and pass"
        )
    if e.outside_masks:
        lines.append(f"{e.outside_masks} defects lie wholly outside the regions of interest, and count all the same")
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
