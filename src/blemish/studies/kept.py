"""The evaluations of a benchmark's cells, which stay when the models are deleted."""

import logging
import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from blemish.errors import DataError
from blemish.evaluation.record import EVALUATION_FILE, Evaluation, read_evaluation
from blemish.evaluation.summary import figures_with_rates
from blemish.files import write_atomically
from blemish.studies.cell import RUNS, CellResult

EVALUATIONS = "evaluations"
"""Their folder, in that of a benchmark."""
_log = logging.getLogger("blemish")


def keep_evaluations(results: Sequence[CellResult], output: Path) -> dict[str, Evaluation]:
    """Returns the evaluations of cells by the cells' names, after copying those of models that are still there.

    A cell whose evaluation is gone, or damaged, or of another test, has none. Raises OutputError.
    """
    found = {}
    for result in results:
        try:
            found[result.name] = _evaluation_of(result, output)
        except DataError as error:
            _log.warning("%s is not compared, and has no curves: %s", result.name, error)
    return found


def _evaluation_of(result: CellResult, output: Path) -> Evaluation:
    """Returns what the cell's test gave; raises DataError where there is none of it."""
    kept = output / EVALUATIONS / f"{result.name}.json"
    file = output / RUNS / result.name / "evaluation" / EVALUATION_FILE
    if _is_newer(file, kept):
        try:
            newer = _of_its_test(result, file)
        except DataError as error:
            if not kept.exists():
                raise
            _log.warning("%s; what was kept before is used", error)
        else:
            write_atomically(kept, partial(shutil.copyfile, file))
            return newer
    return _of_its_test(result, kept)


def _of_its_test(result: CellResult, file: Path) -> Evaluation:
    """Reads an evaluation; raises DataError where it has not the figures of the cell, as after `blemish evaluate` of
    its model on other photos, which writes into the model's folder too."""
    found = read_evaluation(file)
    if figures_with_rates(found) != result.metrics:
        raise DataError(
            f"{file}: has other figures than the benchmark's own test, as of other photos; to measure anew, delete "
            f"cells/{result.name}.json"
        )
    return found


def _is_newer(file: Path, kept: Path) -> bool:
    if not file.exists():
        return False
    return not kept.exists() or kept.stat().st_mtime_ns < file.stat().st_mtime_ns


def seeds_of_methods(
    results: Sequence[CellResult], evaluations: Mapping[str, Evaluation]
) -> dict[tuple[str | None, str], list[Evaluation]]:
    """Returns by (category, method) the evaluations of its seeds, where all of its results have theirs."""
    found: dict[tuple[str | None, str], list[Evaluation]] = {}
    lacking = {(r.category, r.method) for r in results if r.name not in evaluations}
    for result in results:
        place = (result.category, result.method)
        if place not in lacking:
            found.setdefault(place, []).append(evaluations[result.name])
    return found
