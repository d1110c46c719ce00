"""Verbs that make a model: train, train_again, check, calibrate, demo."""

import logging
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blemish.data import AUTO, find_dataset
from blemish.data.dataset import Dataset, Sample
from blemish.data.finding import find_photos
from blemish.data.paths import Named, paths_of, photos_under
from blemish.errors import DataError, MissingExtraError, SettingsError
from blemish.files import Folder
from blemish.progress import OnProgress, say_nothing

if TYPE_CHECKING:
    from blemish.calibration.recalibrate import Recalibration
    from blemish.model.artifact import Artifact
    from blemish.studies.demo import DemoPart
    from blemish.training.findings import Findings

_log = logging.getLogger("blemish")


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
    on_progress: OnProgress = say_nothing,
    **settings: Any,
) -> "Artifact":
    """Trains a detector on photos of good parts (a folder's, several files and folders', a Dataset's) into `run`.

    `settings` are the fields of the method's settings and of TrainingSettings: image_size, teacher, steps, seed, ...
    An image_size of one number is a square; of two, (height, width).
    """
    _need_torch("training")
    from blemish.training.request import train_as_asked
    from blemish.training.run_file import PhotosOrigin

    found = photos if isinstance(photos, Dataset) else find_photos(photos, dataset=dataset, category=category)
    named = isinstance(photos, str | Path)  # one place, or a pattern, that run.json can say again
    origin = PhotosOrigin(root=Path(str(photos)), dataset=dataset, category=category) if named else None
    return train_as_asked(
        method,
        found,
        Path(run),
        settings,
        teacher_weights=[Path(file) for file in _listed(teacher_weights)],
        origin=origin,
        resume=resume,
        overwrite=overwrite,
        on_progress=on_progress,
    )


def train_again(
    run_file: Folder,
    run: Folder | None = None,
    *,
    resume: bool = False,
    overwrite: bool = False,
    on_progress: OnProgress = say_nothing,
) -> "Artifact":
    """Trains with all settings of an earlier training, as its run.json says, and on its photos.

    Without `run`, the model is left where that file lies. Raises SettingsError where a program handed the photos over.
    """
    _need_torch("training")
    from blemish.training.run_file import read_run_file

    earlier = read_run_file(Path(run_file))
    if earlier.origin is None:
        raise SettingsError(f"{run_file} does not say where the photos lie, which a program handed over: train there")
    return train(
        earlier.method,
        earlier.origin.root,
        Path(run_file).parent if run is None else run,
        dataset=earlier.origin.dataset,
        category=earlier.origin.category,
        teacher_weights=earlier.teacher_weights,
        resume=resume,
        overwrite=overwrite,
        on_progress=on_progress,
        **earlier.asked(),
    )


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
    if method is not None:
        _need_torch("the check for a method")
    from blemish.training.arrangement import intended
    from blemish.training.findings import look_into

    training, validates, image_size = intended(method, settings)
    found = find_dataset(dataset, Path(folder), category)
    return look_into(found, training, validates=validates, image_size=image_size, on_progress=on_progress)


def calibrate(
    run: Folder,
    *,
    false_alarms: float | None = None,
    check: float | None = None,
    estimate: bool | None = None,
    good: Named | Dataset = (),
    part: str | None = None,
    replace: bool = False,
    runtime: str = "auto",
    device: str = "auto",
    on_progress: OnProgress = say_nothing,
) -> "Recalibration":
    """Sets other thresholds for a trained model, from the calibration photos it knows and from more `good` ones.

    `false_alarms`, `check` (the share of good photos that may be called anomalous or "check"; 0: none is called
    "check") and `estimate` (thresholds come from a fitted tail, which promises nothing) are as before where they are
    not given. `good` may be a Dataset, whose photos to train on and to validate are taken, and whose samples may say
    which part each shows; else `part`, a regular expression, finds that in names, as in training where it is not given.
    `replace` forgets the calibration photos so far. `runtime` and `device` judge photos, as for `open`.
    """
    from blemish.calibration.recalibrate import AskedRates, recalibrate

    photos: Sequence[Path | Sample]
    photos = (*good.train, *good.validation) if isinstance(good, Dataset) else photos_under(paths_of(good))
    if replace and not photos:
        raise DataError("replacing forgets the calibration photos: give others with --good")
    return recalibrate(
        Path(run),
        photos,
        part=part,
        asked=AskedRates(false_alarms=false_alarms, check=check, estimate=estimate),
        replace=replace,
        runtime=runtime,
        device=device,
        on_progress=on_progress,
    )


def demo(
    folder: Folder = "demo", *, steps: int = 120, seed: int = 0, on_progress: OnProgress = say_nothing
) -> "Iterator[DemoPart]":
    """Shows the main job on made-up parts, one kind after another as results are asked for.

    See `blemish demo --help`.
    """
    _need_torch("the demo")
    from blemish.studies.demo import run_demo

    return run_demo(Path(folder), steps=steps, seed=seed, on_progress=on_progress)


def _need_torch(purpose: str) -> None:
    """Raises MissingExtraError where torch, which the base installation goes without, is not there."""
    if find_spec("torch") is None:
        raise MissingExtraError(package="torch", extra="train", purpose=purpose)


def _listed(files: Folder | Sequence[Folder]) -> Sequence[Folder]:
    return [files] if isinstance(files, str | Path) else files
