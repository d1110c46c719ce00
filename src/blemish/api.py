"""The one door: every command has its verb here, with the same settings, and calls it."""

import logging
import typing
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blemish.data import AUTO, find_dataset
from blemish.data.dataset import Dataset, Sample
from blemish.data.folder import good_photos_at
from blemish.data.paths import Named, paths_of, photos_under
from blemish.errors import BlemishError, DataError, SettingsError
from blemish.inference import open_predictor
from blemish.inference.predictor import Predictor
from blemish.model.artifact import read_artifact
from blemish.progress import OnProgress, Progress, say_nothing

if TYPE_CHECKING:
    from blemish.calibration.recalibrate import Recalibration
    from blemish.evaluation.record import Evaluation
    from blemish.evaluation.summary import Spread
    from blemish.exporting.make import ExportResult
    from blemish.exporting.proof import ProofOutcome
    from blemish.inference.prediction import Prediction
    from blemish.model.artifact import Artifact
    from blemish.studies.demo import DemoPart
    from blemish.training.findings import Findings
    from blemish.training.fit import OnProgress as OnTrainingProgress

Folder = str | Path

log = logging.getLogger("blemish")


def train(
    method: str,
    photos: Named | Dataset,
    run: Folder,
    *,
    dataset: str = AUTO,
    category: str | None = None,
    teacher_weights: Folder | Sequence[Folder] = (),
    resume: bool = False,
    overwrite: bool = False,
    on_progress: "OnTrainingProgress | None" = None,
    **settings: Any,
) -> "Artifact":
    """Trains a detector on photos of good parts and leaves its artifact in `run`.

    They are a folder's, several files and folders', or a Dataset's.

    `settings` are the fields of the method's settings and of TrainingSettings: image_size, teacher, steps, seed, ...
    An image_size of one number is a square; of two, (height, width).
    """
    from blemish.detectors import DETECTORS
    from blemish.detectors.settings import image_size_of, typed_setting
    from blemish.training.run_file import PhotosOrigin
    from blemish.training.settings import TrainingSettings
    from blemish.training.train import train as run_training

    if method not in DETECTORS:
        raise SettingsError(f"method {method!r} is unknown: give one of {', '.join(DETECTORS)}")
    size = settings.get("image_size")
    if size is not None:
        settings["image_size"] = image_size_of(size)
    known = typing.get_type_hints(TrainingSettings)
    training = TrainingSettings(**{k: typed_setting(k, v, known[k]) for k, v in settings.items() if k in known})
    own = {k: v for k, v in settings.items() if k not in known}
    found = photos if isinstance(photos, Dataset) else find_photos(photos, dataset=dataset, category=category)
    found.good_photos()  # or an error that says what to name instead
    origin = None
    if not isinstance(photos, Dataset) and len(places := paths_of(photos)) == 1:
        origin = PhotosOrigin(root=places[0], dataset=dataset, category=category)
    return run_training(
        method,
        found,
        run=Path(run),
        settings=DETECTORS[method].Settings.from_json(own, others=known),
        training=training,
        teacher_weights=[Path(file) for file in _listed(teacher_weights)],
        origin=origin,
        resume=resume,
        overwrite=overwrite,
        on_progress=on_progress or (lambda _: None),
    )


def _listed(files: Folder | Sequence[Folder]) -> Sequence[Folder]:
    return [files] if isinstance(files, str | Path) else files


def find_photos(photos: Named, *, dataset: str = AUTO, category: str | None = None) -> Dataset:
    """Photos of a dataset, with a warning for each thing that is left out; several paths are of good parts all."""
    paths = paths_of(photos)
    found = find_dataset(dataset, paths[0], category) if len(paths) == 1 else good_photos_at(paths)
    for error in found.left_out:
        log.warning("left out: %s", error)
    for line in found.skipped.lines():
        log.warning("%s", line)
    return found


def check(
    folder: Folder,
    *,
    dataset: str = AUTO,
    category: str | None = None,
    method: str | None = None,
    on_progress: OnProgress = say_nothing,
    **settings: Any,
) -> "Findings":
    """Looks through photos as training and evaluating would find them; nothing is changed.

    `settings` are those that decide what training can promise and see: keep, held_out, part, seed, image_size. Without
    a method, one that keeps its best weights is assumed, as most do. Raises DataError where there are no photos.
    """
    from blemish.training.arrangement import intended
    from blemish.training.findings import look_into

    training, validates, image_size = intended(method, settings)
    found = find_dataset(dataset, Path(folder), category)
    return look_into(found, training, validates=validates, image_size=image_size, on_progress=on_progress)


def open(  # noqa: A001
    run: Folder, *, runtime: str = "auto", precision: str = "fp32", device: str = "auto", min_area: int = 1
) -> Predictor:
    """The trained model in the folder `run`, ready to judge photos; raises ArtifactError.

    `runtime` auto takes the fastest that the model was exported to, else torch. Marked regions of fewer than `min_area`
    pixels of a photo are dropped; verdicts do not change by it.
    """
    return open_predictor(run, runtime=runtime, precision=precision, device=device, min_area=min_area)


def predict(
    run: Folder,
    photos: Named,
    *,
    output: Folder | None = None,
    min_area: int = 1,
    level_maps: bool = False,
    runtime: str = "auto",
    precision: str = "fp32",
    device: str = "auto",
    on_progress: OnProgress = say_nothing,
) -> "Generator[Prediction | DataError, None, None]":
    """Judges photos, and those of folders, one after another as results are asked for: list(...) asks for all.

    What cannot be found or read is a DataError among the results. `output` is a folder for predictions.jsonl,
    predictions.csv, maps/ and overlays/, and with `level_maps` for level_maps/; it is whole when the last result was
    taken, or when the iterator is closed. Raises what `open` does, and DataError where there is no photo at all.
    """
    from blemish.results.judging import judge_folder

    return judge_folder(
        run,
        photos,
        output=None if output is None else Path(output),
        level_maps=level_maps,
        opening={"runtime": runtime, "precision": precision, "device": device, "min_area": min_area},
        on_progress=on_progress,
    )


def report(
    run: Folder,
    *,
    evaluation: Folder | None = None,
    output: Folder | None = None,
    level_maps: bool = False,
    runtime: str = "auto",
    precision: str | None = None,
    device: str = "auto",
) -> Path:
    """Writes one self-contained HTML page on a model and returns its path; see `blemish report --help`."""
    from blemish.report import write_report

    return write_report(
        Path(run),
        evaluation=None if evaluation is None else Path(evaluation),
        output=None if output is None else Path(output),
        runtime=runtime,
        precision=precision,
        device=device,
        level_maps=level_maps,
    )


def summarize(evaluations: Sequence[Folder]) -> "dict[str, Spread | None]":
    """Says how much figures move between evaluations of one test set, as between seeds.

    `evaluations` are two or more: evaluation.json files, or RUN folders that were evaluated.
    """
    from blemish.evaluation.summary import summarize_files

    return summarize_files([Path(place) for place in _listed(evaluations)])


def demo(
    folder: Folder = "demo", *, steps: int = 120, seed: int = 0, on_progress: OnProgress = say_nothing
) -> "Iterator[DemoPart]":
    """Shows the main job on made-up parts, one kind after another as results are asked for.

    See `blemish demo --help`.
    """
    from blemish.studies.demo import run_demo

    return run_demo(Path(folder), steps=steps, seed=seed, on_progress=on_progress)


def export(
    run: Folder,
    to: str,
    *,
    precision: str = "fp32",
    photos: Named = (),
    on_progress: OnProgress = say_nothing,
) -> "ExportResult":
    """Makes the trained model in `run` serve another runtime or precision; see `blemish export --help`.

    Raises ExportError, with the figures, where the export disagrees with the model.
    """
    from blemish.exporting.make import make_export

    return make_export(
        read_artifact(run), to, precision=precision, photos=photos_under(photos), on_progress=on_progress
    )


def verify(
    run: Folder, *, runtime: str | None = None, precision: str | None = None
) -> "dict[tuple[str, str], ProofOutcome | BlemishError]":
    """Proves again, on this machine, that exports say what the trained model says.

    Returns, by runtime and precision, how far each export is from the model, or what is wrong: ExportError where it
    disagrees, another error where it cannot be tried. Without `runtime` or `precision` all exports are proven. Raises
    ArtifactError where there is none.
    """
    from blemish.exporting.proof import prove_all

    return prove_all(read_artifact(run), runtime=runtime, precision=precision)


def calibrate(
    run: Folder,
    *,
    false_alarms: float | None = None,
    check: float | None = None,
    estimate: bool | None = None,
    good: Named = (),
    replace: bool = False,
    runtime: str = "auto",
    device: str = "auto",
    on_progress: OnProgress = say_nothing,
) -> "Recalibration":
    """Sets other thresholds for a trained model, from the calibration photos it knows and from more `good` ones.

    `false_alarms`, `check` (the share of good photos that may be called anomalous or "check"; 0: none is called
    "check") and `estimate` (thresholds come from a fitted tail, which promises nothing) are as before where they are
    not given. `replace` forgets the calibration photos so far. `runtime` and `device` judge photos, as for `open`.
    """
    from blemish.calibration.recalibrate import AskedRates, recalibrate

    places = paths_of(good)
    if replace and not places:
        raise DataError("replacing forgets the calibration photos: give others with --good")
    return recalibrate(
        Path(run),
        photos_under(places),
        asked=AskedRates(false_alarms=false_alarms, check=check, estimate=estimate),
        replace=replace,
        runtime=runtime,
        device=device,
        on_progress=on_progress,
    )


def evaluate(
    model: Folder | Predictor,
    photos: Folder | Dataset | Sequence[Sample],
    *,
    dataset: str = "mvtec_ad",
    category: str | None = None,
    runtime: str = "auto",
    precision: str = "fp32",
    device: str = "auto",
    on_progress: OnProgress = say_nothing,
) -> "Evaluation":
    """Measures how well a model judges test photos whose truth is known, such as test/good and test/DEFECT of a folder.

    Test photos whose files a model was trained or calibrated with are listed as duplicates, and parts are told apart
    as they were in its training; a Predictor does not know these. `runtime`, `precision` and `device` open the model
    in a folder, as for `open`.
    """
    from blemish.evaluation.evaluate import evaluate_predictor

    digests, part = frozenset[str](), None
    if not isinstance(model, Predictor):
        training = read_artifact(model).training
        digests, part = frozenset(training.digests), training.part_pattern
        model = open(model, runtime=runtime, precision=precision, device=device)
    if isinstance(photos, str | Path):
        photos = find_dataset(dataset, Path(photos), category)
    if isinstance(photos, Dataset) and not photos.test:
        raise DataError(f"{photos.root} holds no test photos: test/good and test/DEFECT are looked for")
    return evaluate_predictor(
        model,
        photos,
        known_digests=digests,
        part=part,
        on_photo=lambda done, of: on_progress(Progress(activity="judging", done=done, total=of)),
    )
