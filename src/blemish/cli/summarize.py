"""`blemish summarize`: several evaluations of one test set, as of several seeds."""

from pathlib import Path

from blemish.errors import DataError
from blemish.evaluation.record import EVALUATION_FILE, read_evaluation
from blemish.evaluation.summary import spreads_of


def summarize(*evaluations: Path) -> int:
    """See how much figures move between evaluations of one test set, as between seeds.

    Parameters
    ----------
    evaluations
        Two or more: evaluation.json files, or RUN folders that were evaluated.
    """
    files = [_file(place) for place in evaluations]
    again = next((file for at, file in enumerate(files) if file.resolve() in {f.resolve() for f in files[:at]}), None)
    if again is not None:
        raise DataError(f"{again} is given twice: it would make figures look steadier than they are")
    read = {str(file): read_evaluation(file) for file in files}
    spreads = spreads_of(read)
    photos = len(next(iter(read.values())).photos)
    print(f"{len(read)} evaluations of the same {photos} photos")
    print(f"{'':<17}{'mean':>9}{'deviation':>11}{'lowest':>9}{'highest':>9}")
    for name, spread in spreads.items():
        if spread is None:
            print(f"{name:<17}{'-':>9}  not every evaluation has a value")
        else:
            print(f"{name:<17}{spread.mean:>9.4f}{spread.deviation:>11.4f}{spread.lowest:>9.4f}{spread.highest:>9.4f}")
    return 0


def _file(place: Path) -> Path:
    """An evaluation.json itself, or the one of a run or of the folder that it was written into."""
    if not place.is_dir():
        return place
    of_run = place / "evaluation" / EVALUATION_FILE
    return of_run if of_run.exists() or not (place / EVALUATION_FILE).exists() else place / EVALUATION_FILE
