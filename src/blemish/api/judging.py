"""Verbs that use a model: open, predict, predict_on_ray, evaluate, report, submission, summarize."""

from collections.abc import Generator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blemish.api.pages import write_beside
from blemish.data import find_dataset
from blemish.data.dataset import Dataset, Sample
from blemish.data.good_and_bad import to_test_on
from blemish.data.mask_folder import with_masks_in
from blemish.data.paths import Named, paths_of
from blemish.data.shapes import sizes_counted
from blemish.data.synthetic_manifest import read_manifest
from blemish.errors import DataError, SettingsError
from blemish.files import Folder, make_folder
from blemish.inference import open_predictor
from blemish.inference.predictor import Predictor
from blemish.model.artifact import read_artifact
from blemish.progress import OnProgress, Progress, say_nothing

if TYPE_CHECKING:
    from blemish.evaluation.record import Evaluation
    from blemish.evaluation.summary import Spread
    from blemish.inference.prediction import Prediction
    from blemish.results.parts import PredictionRecord
    from blemish.results.submission import Submission


def open(  # noqa: A001
    run: Folder, *, runtime: str = "auto", precision: str = "fp32", device: str = "auto", min_area: int = 1
) -> Predictor:
    """Returns the trained model in the folder `run`, ready to judge photos; raises ArtifactError.

    `runtime` auto takes the fastest that the model was exported to, else torch. Marked regions of fewer than `min_area`
    pixels of a photo are dropped, but for the strongest of an anomalous photo, which stays however small it is;
    verdicts do not change by it.
    """
    return open_predictor(run, runtime=runtime, precision=precision, device=device, min_area=min_area)


def predict(
    run: Folder,
    photos: Named,
    *,
    output: Folder | None = None,
    save: str | Sequence[str] = "overlays",
    min_area: int = 1,
    level_maps: bool = False,
    runtime: str = "auto",
    precision: str = "fp32",
    device: str = "auto",
    on_progress: OnProgress = say_nothing,
) -> "Generator[Prediction | DataError, None, None]":
    """Judges photos, and those of folders, one after another as results are asked for: list(...) asks for all.

    What cannot be found or read is a DataError among the results. `output` is a folder for predictions.jsonl and
    predictions.csv, with `level_maps` for level_maps/, and for what `save` names, one or several: "overlays" (of photos
    that are not normal), "all-overlays", "maps", "none". It is whole when the last result was taken, or when the
    iterator is closed. Raises what `open` does, and DataError where there is no photo at all.
    """
    from blemish.results.judging import judge_folder

    return judge_folder(
        run,
        photos,
        output=None if output is None else Path(output),
        save=save,
        level_maps=level_maps,
        opening={"runtime": runtime, "precision": precision, "device": device, "min_area": min_area},
        on_progress=on_progress,
    )


def predict_on_ray(
    run: Folder,
    photos: Named,
    *,
    output: Folder,
    ray: str = "local",
    worker_cpus: float = 1.0,
    worker_gpus: float = 0.0,
    min_area: int = 1,
    runtime: str = "auto",
    precision: str = "fp32",
    device: str = "auto",
    on_progress: OnProgress = say_nothing,
) -> "Generator[PredictionRecord | DataError, None, None]":
    """Judges photos on the machines of a Ray cluster, and yields the record of each as results are asked for.

    `ray` is the cluster's address, "local" for one that is started here; each worker has its own `worker_cpus` and
    `worker_gpus`. Photos and `output` may be URLs of a store. `output` holds Parquet files, a row per photo, and no
    pictures; records that stand there come first, and the same call goes on with what is missing. What cannot be found
    or read is a DataError among the results. Raises what `open` does, SettingsError where `output` holds predictions
    that were made otherwise, MissingExtraError without Ray, and DataError where there is no photo at all.
    """
    from blemish.cluster import WorkerShare
    from blemish.results.judging_on_ray import judge_on_ray

    return judge_on_ray(
        run,
        photos,
        output=output,
        address=ray,
        share=WorkerShare(cpus=worker_cpus, gpus=worker_gpus),
        opening={"runtime": runtime, "precision": precision, "device": device, "min_area": min_area},
        on_progress=on_progress,
    )


def evaluate(
    model: Folder | Predictor,
    photos: Folder | Dataset | Sequence[Sample],
    *,
    output: Folder | None = None,
    report: bool = False,
    max_misses: int | float | str | None = None,
    max_false_alarms: int | float | str | None = None,
    dataset: str = "auto",
    category: str | None = None,
    masks: Folder | None = None,
    runtime: str = "auto",
    precision: str = "fp32",
    device: str = "auto",
    on_progress: OnProgress = say_nothing,
) -> "Evaluation":
    """Measures how well a model judges test photos whose truth is known, such as test/good and test/DEFECT of a folder.

    `output` is a folder for evaluation.json and, with `report`, report.html; `masks` one of true masks that lie
    elsewhere than the layout has them, see `with_masks_in`. Test photos whose files a model was trained or calibrated
    with are listed as duplicates, and parts are told apart as they were in its training or last calibration; a
    Predictor does not know these, and no report is made of it. `runtime`, `precision` and `device` open the model in a
    folder, as for `open`. `max_misses` and `max_false_alarms` say how many photos may be judged wrongly (an int is a
    number, a float a share, 0 to 1; a string as on the command line); the evaluation's `accepted` says whether that was
    kept.
    """
    from blemish.evaluation.acceptance import check_limit, held_to
    from blemish.evaluation.evaluate import evaluate_predictor
    from blemish.evaluation.record import EVALUATION_FILE, write_evaluation
    from blemish.evaluation.size_sweep import size_sweep
    from blemish.report.page import PAGE, write_report

    check_limit("max_misses", max_misses)
    check_limit("max_false_alarms", max_false_alarms)
    run, known, trained_on = None, dict[str, Any](), None
    if not isinstance(model, Predictor):
        run, training = Path(model), read_artifact(model).training
        trained_on = frozenset(training.digests[: training.calibrated_from])
        known = {
            "known_digests": frozenset(training.digests),
            "part": training.part_pattern,
            "known_parts": training.known_parts,
            "photos_per_part": training.photos_per_part,
            "trained_sizes": sizes_counted(training.photo_sizes),
        }
        model = open(model, runtime=runtime, precision=precision, device=device)
    photos = _test_photos(photos, dataset=dataset, category=category, masks=masks)
    made = read_manifest(photos.base) if isinstance(photos, Dataset) else None
    if output is not None:
        make_folder(Path(output))  # now, rather than when all photos are judged
    evaluation = evaluate_predictor(
        model,
        photos,
        **known,
        on_photo=lambda done, of: on_progress(Progress(activity="judging", done=done, total=of)),
    )
    evaluation = held_to(evaluation, max_misses=max_misses, max_false_alarms=max_false_alarms)
    if made is not None:
        evaluation = replace(evaluation, size_sweep=size_sweep(evaluation, made, trained_on=trained_on))
    if output is not None:
        write_evaluation(evaluation, file := Path(output, EVALUATION_FILE))
        if report and run is not None:
            write_beside(partial(write_report, run, evaluation=file, predictor=model), file.with_name(PAGE))
    return evaluation


def _test_photos(
    photos: Folder | Dataset | Sequence[Sample], *, dataset: str, category: str | None, masks: Folder | None
) -> Dataset | Sequence[Sample]:
    """Returns what is tested on; raises DataError where that is nothing, SettingsError where masks do not fit it."""
    found = to_test_on(find_dataset(dataset, Path(photos), category)) if isinstance(photos, str | Path) else photos
    if masks is not None:
        if not isinstance(found, Dataset):
            raise SettingsError("masks in a folder are for photos in a folder: give samples their own")
        found = with_masks_in(Path(masks), found)
    if isinstance(found, Dataset) and not found.test:
        raise DataError(f"{found.root} holds no test photos: test/good and test/DEFECT are looked for")
    return found


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


def submission(
    run: Folder,
    object_folder: Folder,
    output: Folder,
    *,
    runtime: str = "auto",
    precision: str = "fp32",
    device: str = "auto",
    on_progress: OnProgress = say_nothing,
) -> "Submission":
    """Writes what MVTec AD 2's benchmark server is given of one object: maps and masks of its photos without labels.

    `object_folder` is the object's own, with test_private and test_private_mixed; `output` is the same for all objects.
    Raises DataError for another folder, and what `open` does.
    """
    from blemish.results.submission import write_submission

    predictor = open(run, runtime=runtime, precision=precision, device=device)
    return write_submission(predictor, Path(object_folder), Path(output), on_progress=on_progress)


def summarize(evaluations: Named) -> "dict[str, Spread | None]":
    """Says how much figures move between evaluations of one test set, as between seeds.

    `evaluations` are two or more: evaluation.json files, or RUN folders that were evaluated.
    """
    from blemish.evaluation.summary import summarize_files

    return summarize_files(list(paths_of(evaluations)))
