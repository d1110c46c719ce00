"""The verb that holds two models against one another: compare."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from blemish.api.judging import evaluate
from blemish.api.pages import write_beside
from blemish.data import AUTO
from blemish.errors import DataError, SettingsError
from blemish.files import Folder, make_folder
from blemish.model.artifact import MODEL_FILE, read_artifact
from blemish.progress import OnProgress, say_nothing

if TYPE_CHECKING:
    from blemish.evaluation.paired import PairedComparison
    from blemish.evaluation.record import Evaluation

_log = logging.getLogger("blemish")


def compare(
    first: Folder,
    second: Folder,
    photos: Folder | None = None,
    *,
    output: Folder | None = None,
    dataset: str = AUTO,
    category: str | None = None,
    masks: Folder | None = None,
    runtime: str = "auto",
    precision: str = "fp32",
    device: str = "auto",
    on_progress: OnProgress = say_nothing,
) -> "PairedComparison":
    """Says whether two models differ by more than chance on the same test photos, and on which they disagree.

    Without `photos`, `first` and `second` are evaluation.json files, or models that were evaluated; with them, models,
    and both judge `photos`, found and judged as `evaluate` does by the other settings. `output` is a folder for
    comparison.json and comparison.html. Raises DataError where the two are not of the same photos, or one is given
    twice.
    """
    from blemish.evaluation.paired import COMPARISON_FILE, compare_evaluations, write_comparison
    from blemish.report.comparison_page import COMPARISON_PAGE, write_comparison_page

    places = (str(first), str(second))
    if Path(first).resolve() == Path(second).resolve():
        raise DataError(f"{first} is given twice: it differs from itself in nothing")
    if output is not None:
        make_folder(Path(output))
    if photos is None:
        if (dataset, category, masks, runtime, precision, device) != (AUTO, None, None, "auto", "fp32", "auto"):
            raise SettingsError(
                "dataset, category, masks, runtime, precision and device are of photos to judge: give these too"
            )
        found = [_evaluation_in(Path(place)) for place in (first, second)]
    else:
        found = [
            evaluate(
                place,
                photos,
                dataset=dataset,
                category=category,
                masks=masks,
                runtime=runtime,
                precision=precision,
                device=device,
                on_progress=on_progress,
            )
            for place in (first, second)
        ]
    compared = compare_evaluations(found[0], found[1], places=places)
    if output is not None:
        write_comparison(compared, Path(output, COMPARISON_FILE))
        folder = Path(output)
        write_beside(lambda: write_comparison_page(compared, folder), folder / COMPARISON_PAGE)
    return compared


def _evaluation_in(place: Path) -> "Evaluation":
    """Reads an evaluation.json, or a model's; raises DataError where the model is another one by now."""
    from blemish.evaluation.record import read_evaluation
    from blemish.evaluation.summary import evaluation_file

    file = evaluation_file(place)
    if not file.exists():
        raise DataError(f"{place} was not evaluated: do that first, or name test photos for both to judge")
    found = read_evaluation(file)
    if (place / MODEL_FILE).exists() and found.provenance is not None:
        artifact = read_artifact(place)
        if found.provenance.weights_sha256 != artifact.weights_sha256:
            raise DataError(f"{file} is of another model than {place} holds now: evaluate anew")
        if found.provenance.precision == "fp32" and found.threshold != artifact.calibration.image.value:
            _log.warning("%s was calibrated since: verdicts are those of its threshold of then; evaluate anew", place)
    return found
