"""The Python interface: train, open, evaluate; the command line calls the same."""

import logging
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blemish.data import AUTO, find_dataset
from blemish.data.dataset import Dataset, Sample
from blemish.data.folder import good_photos_at
from blemish.data.paths import Named, paths_of, photos_under
from blemish.errors import DataError, SettingsError
from blemish.inference import open_predictor
from blemish.inference.predictor import Predictor
from blemish.model.artifact import read_artifact
from blemish.model.exports import read_export

if TYPE_CHECKING:
    from blemish.calibration.recalibrate import Recalibration
    from blemish.evaluation.record import Evaluation
    from blemish.exporting.make import Exported
    from blemish.exporting.parity import Parity
    from blemish.model.artifact import Artifact
    from blemish.training.findings import Findings, OnPhoto
    from blemish.training.fit import OnProgress

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
    on_progress: "OnProgress | None" = None,
    **settings: Any,
) -> "Artifact":
    """Trains a detector on photos of good parts and leaves its artifact in `run`.

    They are a folder's, several files and folders', or a Dataset's.

    `settings` are the fields of the method's settings and of TrainingSettings: image_size, teacher, steps, seed, ...
    An image_size of one number is a square; of two, (height, width).
    """
    from blemish.detectors import DETECTORS
    from blemish.detectors.settings import image_size_of, typed_setting
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
    return run_training(
        method,
        found,
        run=Path(run),
        settings=DETECTORS[method].Settings.from_json(own),
        training=training,
        teacher_weights=[Path(file) for file in _listed(teacher_weights)],
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
    on_photo: "OnPhoto | None" = None,
    **settings: Any,
) -> "Findings":
    """Looks through photos as training and evaluating would find them; nothing is changed.

    `settings` are those that decide what training can promise and see: keep, held_out, part, seed, image_size. Without
    a method, one that keeps its best weights is assumed, as most do. Raises DataError where there are no photos.
    """
    from blemish.training.findings import look_into
    from blemish.training.settings import TrainingSettings

    known = typing.get_type_hints(TrainingSettings)
    training = TrainingSettings(**{k: v for k, v in settings.items() if k in known})
    training.check()
    own = {k: v for k, v in settings.items() if k not in known}
    if method is not None:
        from blemish.training.arrangement import method_selects

        selects, size = method_selects(method, own)
    else:  # without torch, which need not be installed for a look at photos
        selects, size = own.pop("keep", "best") == "best", own.pop("image_size", 256)
        if own:
            raise SettingsError(f"unknown setting {', '.join(own)}: give the method that has it")
    image_size = (size, size) if isinstance(size, int) else size
    found = find_dataset(dataset, Path(folder), category)
    return look_into(found, training, selects=selects, image_size=image_size, on_photo=on_photo or (lambda *_: None))


def open(  # noqa: A001
    run: Folder, *, runtime: str = "auto", precision: str = "fp32", device: str = "auto", min_area: int = 1
) -> Predictor:
    """The trained model in the folder `run`, ready to judge photos; raises ArtifactError.

    `runtime` auto takes the fastest that the model was exported to, else torch. Marked regions of fewer than `min_area`
    pixels of a photo are dropped; verdicts do not change by it.
    """
    return open_predictor(run, runtime=runtime, precision=precision, device=device, min_area=min_area)


def export(run: Folder, to: str, *, precision: str = "fp32", photos: Named = ()) -> "Exported":
    """Makes the trained model in `run` serve another runtime or precision; see `blemish export --help`.

    Raises ExportError, with the figures, where the export disagrees with the model.
    """
    from blemish.exporting.make import export as run_export

    return run_export(read_artifact(run), to, precision=precision, photos=photos_under(photos))


def verify(run: Folder, runtime: str, *, precision: str = "fp32") -> "Parity":
    """Proves again, on this machine, that an export says what the trained model says; raises ExportError."""
    from blemish.exporting.proof import verify as run_proof

    export = read_export(read_artifact(run), runtime, precision)
    return run_proof(export, open(run, runtime=runtime, precision=precision))


def calibrate(
    run: Folder,
    *,
    false_alarms: float,
    check: float | None = None,
    estimate: bool = False,
    good: Named = (),
    replace: bool = False,
    runtime: str = "auto",
    device: str = "auto",
) -> "Recalibration":
    """Other thresholds for a trained model, from the calibration photos it knows and from more `good` ones.

    `check` is the share of good photos that may be called anomalous or "check". `estimate` takes thresholds from a
    fitted tail, which promises nothing. `replace` forgets the calibration photos so far. `runtime` and `device` judge
    photos, as for `open`.
    """
    from blemish.calibration.recalibrate import AskedRates, recalibrate

    return recalibrate(
        Path(run),
        photos_under(good),
        asked=AskedRates(false_alarm_rate=false_alarms, check_rate=check, estimate=estimate),
        replace=replace,
        runtime=runtime,
        device=device,
    )


def evaluate(
    model: Folder | Predictor, photos: Folder | Dataset | Sequence[Sample], *, category: str | None = None
) -> "Evaluation":
    """How well a model judges a test folder in MVTec AD's layout: test/good, test/DEFECT, ground_truth/DEFECT.

    Test photos whose files a model was trained or calibrated with are listed as duplicates; a Predictor does not know
    which these are.
    """
    from blemish.evaluation.evaluate import evaluate as measure

    digests = frozenset[str]()
    if not isinstance(model, Predictor):
        digests = frozenset(read_artifact(model).training.get("digests", ()))
        model = open(model)
    if isinstance(photos, str | Path):
        photos = find_photos(photos, dataset="mvtec_ad", category=category)
    if not (photos.test if isinstance(photos, Dataset) else photos):
        raise DataError("there are no test photos: test/good and test/DEFECT are looked for")
    return measure(model, photos, known_digests=digests)
