"""`blemish stress`: what a model does when photos change, and how far it holds."""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import wrap

from blemish import api
from blemish.cli.progress import ProgressBars
from blemish.evaluation.stress_next_steps import steps_against_changes
from blemish.evaluation.stress_record import STRESS_FILE, UNCHANGED, StressTest, WrongCount
from blemish.evaluation.stress_verdict import RULE, count_says, expected_rate, headline_of, in_order
from blemish.model.artifact import Artifact, read_artifact
from blemish.model.thresholds import percent
from blemish.report.stress_page import STRESS_PAGE
from blemish.wording import counted, on_one_line

_WITHIN, _BEYOND, _SOME_UNREADABLE = 0, 1, 2
_WIDTH = 36  # characters of a count
_LINE = 110  # characters of a paragraph


def stress(
    run: Path,
    good: Path,
    test: Path | None = None,
    /,
    *,
    output: Path | None = None,
    conditions: tuple[str, ...] = (),
    photos: int = 50,
    limits: Path | None = None,
    write_limits: Path | None = None,
    seed: int = 0,
    runtime: str = "auto",
    precision: str = "fp32",
    device: str = "auto",
) -> int:
    """Measure how false alarms and misses change when photos do: light, place, lens, camera, file. Exit code: 1 where a
    limit is broken; 2 where some photos could not be read.

    Parameters
    ----------
    run
        Folder of a trained model, which judges at its own thresholds.
    good
        Photos of good parts; those that the model was trained on are passed over.
    test
        Test photos whose defective ones are judged too, in folders such as test/DEFECT.
    output
        Folder for stress.json and stress.html, a page that shows what was tried; RUN/stress where none is given.
    conditions
        Some of brightness, gradient, colour, shift, rotation, scale, blur, noise, jpeg and resize, as in jpeg,blur.
        One strength: shift=8. Without it, all are tried, or those that --limits names.
    photos
        The most photos of each kind, good and defective, that are drawn: each is judged once per strength.
    limits
        JSON file of the highest shares that may be judged wrongly, such as {"brightness 1.1": {"false_alarms": 0.05}}.
    write_limits
        File for the figures that are found, as such limits.
    seed
        Another seed draws other photos, directions and noise.
    runtime
        What computes: torch, onnx, openvino, or auto for the fastest that the model was exported to, else torch.
    precision
        How exactly is computed: in full (fp32), or, where the model was exported so, rounded and faster: to fewer
        digits (bf16) or to whole numbers (int8).
    device
        auto, cpu or cuda.
    """
    logging.basicConfig(format="blemish: %(message)s")
    artifact = read_artifact(run)  # a folder that holds no model is refused before one is made in it
    folder = output if output is not None else run / "stress"
    with ProgressBars() as bars:
        measured = api.stress(
            run,
            good,
            test,
            output=folder,
            conditions=conditions,
            photos=photos,
            limits=limits,
            write_limits=write_limits,
            seed=seed,
            runtime=runtime,
            precision=precision,
            device=device,
            on_progress=bars.show,
        )
    print("\n".join(lines_of_stress(measured, artifact)))
    for line in measured.unreadable:
        sys.stderr.write(f"blemish: {on_one_line(line)}\n")
    print(f"all figures in {folder / STRESS_FILE}")
    if (folder / STRESS_PAGE).exists():
        print(f"page in {folder / STRESS_PAGE}")
    if write_limits is not None:
        print(f"these figures as limits in {write_limits}")
    return _say_whether_within(measured)


def lines_of_stress(test: StressTest, artifact: Artifact) -> list[str]:
    """Returns what a person reads of a test: the figures at each strength, how far the model holds, what to do."""
    lines = [*_about_photos(test), "", *_table(test), "", *_about_conditions(test), "", headline_of(test)]
    for step in steps_against_changes(artifact, test):
        lines += [step.evidence, f"Next: {step.action}", *([f"  {step.command}"] if step.command else [])]
    return lines


def _about_photos(test: StressTest) -> Iterator[str]:
    bad = "" if test.defective is None else f" and {test.defective.photos} defective ones of {test.found[1]}"
    yield f"{counted(test.good.photos, 'good photo')} of {test.found[0]} found{bad}, at the model's own thresholds"
    yield f"  {expected_rate(test)}"
    if test.known:
        yield f"  passed over: {counted(test.known, 'photo')} that the model was trained on"
    if test.calibrating:
        yield f"  {test.calibrating} of the good photos gave the threshold, which fits them: new ones alarm more often"
    for name, why in test.left_out.items():
        yield f"  not tried: {name}, for {why}"


def _table(test: StressTest) -> Iterator[str]:
    misses = "" if test.defective is None else f"{'misses':<{_WIDTH}}"
    yield f"{'':<12}{'':<16}{'false alarms':<{_WIDTH}}{misses}".rstrip()
    yield f"{UNCHANGED:<12}{'':<16}{_count(test.good)}{_count(test.defective)}".rstrip()
    for condition in test.conditions:
        for counts in filter(None, in_order(condition)):
            holding = "" if counts.holding == "holds" else counts.holding
            row = f"{condition.name:<12}{counts.said:<16}{_count(counts.good)}{_count(counts.defective)}{holding}"
            yield row.rstrip()


def _count(count: WrongCount | None) -> str:
    if count is None:
        return ""
    unusual = f", {count.unusual} unusual" if count.unusual else ""
    return f"{count_says(count) + unusual:<{_WIDTH}}"


def _about_conditions(test: StressTest) -> Iterator[str]:
    for condition in test.conditions:
        yield f"{condition.name:<12}{condition.says}"
    yield from wrap(RULE, _LINE)
    if test.defective is None:
        yield "no defective photos were given: whether changes hide defects is not known"
    yield f"false alarms hold up to {percent(test.allowed_rate)}" + (
        "" if test.allowed_miss_rate is None else f", misses up to {percent(test.allowed_miss_rate)}"
    )


def _say_whether_within(test: StressTest) -> int:
    """Says so where there are limits, and returns the exit code."""
    if not test.within_limits:
        sys.stdout.flush()  # so that this is last on a terminal too
        for failure in test.failures:
            sys.stderr.write(f"blemish: beyond the limit: {failure}\n")
        return _BEYOND
    if test.limits is not None:
        print("within all limits")
    return _SOME_UNREADABLE if test.unreadable else _WITHIN
