"""The Python interface: train, open, evaluate; the command line calls the same."""

import logging
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blemish.data import find_dataset
from blemish.data.dataset import Dataset, Sample
from blemish.data.listing import photos_under
from blemish.errors import DataError, SettingsError
from blemish.inference import open_predictor
from blemish.inference.predictor import Predictor
from blemish.model.artifact import read_artifact
from blemish.model.exports import read_export

if TYPE_CHECKING:
    from blemish.calibration.recalibrate import Recalibration
    from blemish.evaluation.record import Evaluation
    from blemish.exporting.make import ExportResult
    from blemish.exporting.proof import ProofOutcome
    from blemish.model.artifact import Artifact
    from blemish.training.fit import OnProgress

Folder = str | Path

log = logging.getLogger("blemish")


def train(
    method: str,
    photos: Folder | Dataset,
    run: Folder,
    *,
    dataset: str = "folder",
    category: str | None = None,
    teacher_weights: Folder | Sequence[Folder] = (),
    resume: bool = False,
    overwrite: bool = False,
    on_progress: "OnProgress | None" = None,
    **settings: Any,
) -> "Artifact":
    """Trains a detector on a folder of good photos (or a Dataset's) and leaves its artifact in `run`.

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
    if not found.train:
        raise DataError(f"{found.root} holds no good photos to train on")
    return run_training(
        method,
        found.train,
        run=Path(run),
        settings=DETECTORS[method].Settings.from_json(own, others=known),
        training=training,
        teacher_weights=[Path(file) for file in _listed(teacher_weights)],
        resume=resume,
        overwrite=overwrite,
        on_progress=on_progress or (lambda _: None),
    )


def _listed(files: Folder | Sequence[Folder]) -> Sequence[Folder]:
    return [files] if isinstance(files, str | Path) else files


def find_photos(root: Folder, *, dataset: str, category: str | None = None) -> Dataset:
    found = find_dataset(dataset, Path(root), category)
    for error in found.left_out:
        log.warning("left out: %s", error)
    return found


def open(  # noqa: A001
    run: Folder, *, runtime: str = "auto", precision: str = "fp32", device: str = "auto", min_area: int = 1
) -> Predictor:
    """The trained model in the folder `run`, ready to judge photos; raises ArtifactError.

    `runtime` auto takes the fastest that the model was exported to, else torch. Marked regions of fewer than `min_area`
    pixels of a photo are dropped; verdicts do not change by it.
    """
    return open_predictor(run, runtime=runtime, precision=precision, device=device, min_area=min_area)


def export(run: Folder, to: str, *, precision: str = "fp32", photos: Sequence[Folder] = ()) -> "ExportResult":
    """Makes the trained model in `run` serve another runtime or precision; see `blemish export --help`.

    Raises ExportError, with the figures, where the export disagrees with the model.
    """
    from blemish.exporting.make import make_export

    places = [Path(place) for place in photos]
    return make_export(read_artifact(run), to, precision=precision, photos=photos_under(places) if places else ())


def verify(run: Folder, runtime: str, *, precision: str = "fp32") -> "ProofOutcome":
    """Proves again, on this machine, that an export says what the trained model says; raises ExportError."""
    from blemish.exporting.proof import repeat_proof

    export = read_export(read_artifact(run), runtime, precision)
    return repeat_proof(export, open(run, runtime=runtime, precision=precision))


def calibrate(
    run: Folder,
    *,
    false_alarms: float,
    check: float | None = None,
    estimate: bool = False,
    good: Sequence[Folder] = (),
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
        photos_under([Path(place) for place in good]),
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
        digests = frozenset(read_artifact(model).training.digests)
        model = open(model)
    if isinstance(photos, str | Path):
        photos = find_photos(photos, dataset="mvtec_ad", category=category)
    if not (photos.test if isinstance(photos, Dataset) else photos):
        raise DataError("there are no test photos: test/good and test/DEFECT are looked for")
    return measure(model, photos, known_digests=digests)
