"""Several evaluations of one test set: how much figures move from seed to seed."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from blemish.errors import DataError
from blemish.evaluation.record import EVALUATION_FILE, Evaluation, read_evaluation
from blemish.evaluation.test_set import difference_of_masks, difference_of_photos

_RATES = ("false_alarm_rate", "miss_rate")


@dataclass(frozen=True, kw_only=True)
class Spread:
    """The spread that one figure has over several evaluations."""

    mean: float
    deviation: float
    """Standard deviation, of n - 1."""
    lowest: float
    highest: float


def spreads_of(evaluations: Mapping[str, Evaluation]) -> dict[str, Spread | None]:
    """Returns each metric's spread, and those of false alarms and misses; None where an evaluation has no value.

    Keys are what errors call an evaluation. Raises DataError for fewer than two, and where they judge other photos,
    against other masks or at another size: such figures cannot be compared.
    """
    if len(evaluations) < 2:
        raise DataError(f"{len(evaluations)} evaluation has no spread: give two or more")
    names = list(evaluations)
    for name in names[1:]:
        one, other = evaluations[names[0]], evaluations[name]
        difference = difference_of_photos(one, other, called=(names[0], name)) or difference_of_masks(one, other)
        if difference:
            raise DataError(f"{names[0]} and {name} cannot be compared: {difference}")
    figures = [figures_with_rates(evaluation) for evaluation in evaluations.values()]
    return {
        name: _spread([some.get(name) for some in figures]) for name in dict.fromkeys(n for f in figures for n in f)
    }


def summarize_files(places: Sequence[Path]) -> dict[str, Spread | None]:
    """Does the same for evaluation.json files, or RUN folders that were evaluated.

    Raises DataError also for one that is given twice.
    """
    files = [evaluation_file(place) for place in places]
    again = next((file for at, file in enumerate(files) if file.resolve() in {f.resolve() for f in files[:at]}), None)
    if again is not None:
        raise DataError(f"{again} is given twice: it would make figures look steadier than they are")
    return spreads_of({str(file): read_evaluation(file) for file in files})


def evaluation_file(place: Path) -> Path:
    """Returns evaluation.json itself, or the one of a run or of the folder that it was written into."""
    if not place.is_dir():
        return place
    of_run = place / "evaluation" / EVALUATION_FILE
    return of_run if of_run.exists() or not (place / EVALUATION_FILE).exists() else place / EVALUATION_FILE


def figures_with_rates(evaluation: Evaluation) -> dict[str, float | None]:
    """Returns the metrics, and the shares of false alarms and misses at the model's own threshold."""
    counts = (
        (evaluation.false_alarms, evaluation.good_photos),
        (evaluation.misses, evaluation.defective_photos),
    )
    rates = {name: some / of if of else None for name, (some, of) in zip(_RATES, counts, strict=True)}
    return evaluation.metrics | rates


def _spread(values: list[float | None]) -> Spread | None:
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None
    return Spread(
        mean=statistics.fmean(known),
        deviation=statistics.stdev(known),
        lowest=min(known),
        highest=max(known),
    )
