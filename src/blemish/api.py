"""The Python interface: train, open, evaluate; the command line calls the same."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blemish.data import DATASETS
from blemish.data.dataset import Dataset, Sample
from blemish.errors import DataError, SettingsError
from blemish.inference import open_predictor
from blemish.inference.predictor import Predictor

if TYPE_CHECKING:
    from blemish.evaluation.evaluate import Evaluation
    from blemish.inference.artifact import Artifact
    from blemish.training.fit import OnProgress

Folder = str | Path


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
    from blemish.detectors import DETECTORS, ImageSize
    from blemish.training.settings import TrainingSettings
    from blemish.training.train import train as run_training

    if method not in DETECTORS:
        raise SettingsError(f"method {method!r} is unknown: give one of {', '.join(DETECTORS)}")
    size = settings.get("image_size")
    if size is not None:
        settings["image_size"] = ImageSize(size, size) if isinstance(size, int) else ImageSize(*size)
    known = {f.name for f in dataclasses.fields(TrainingSettings)}
    training = TrainingSettings(**{k: v for k, v in settings.items() if k in known})
    own = {k: v for k, v in settings.items() if k not in known}
    found = photos if isinstance(photos, Dataset) else find_photos(photos, dataset=dataset, category=category)
    if not found.train:
        raise DataError(f"{found.root} holds no good photos to train on")
    return run_training(
        method,
        found.train,
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


def find_photos(root: Folder, *, dataset: str, category: str | None = None) -> Dataset:
    if dataset not in DATASETS:
        raise SettingsError(f"dataset {dataset!r} is unknown: give one of {', '.join(DATASETS)}")
    return DATASETS[dataset](Path(root), category)


def open(run: Folder, *, runtime: str = "torch", device: str = "auto") -> Predictor:  # noqa: A001
    """The trained model in the folder `run`, ready to judge photos; raises ArtifactError."""
    return open_predictor(run, runtime=runtime, device=device)


def evaluate(
    model: Folder | Predictor, photos: Folder | Dataset | Sequence[Sample], *, category: str | None = None
) -> "Evaluation":
    """How well a model judges a test folder in MVTec AD's layout: test/good, test/DEFECT, ground_truth/DEFECT."""
    from blemish.evaluation.evaluate import evaluate as measure

    predictor = model if isinstance(model, Predictor) else open(model)
    if isinstance(photos, str | Path):
        photos = find_photos(photos, dataset="mvtec_ad", category=category)
    samples = photos.test if isinstance(photos, Dataset) else photos
    if not samples:
        raise DataError("there are no test photos: test/good and test/DEFECT are looked for")
    return measure(predictor, samples)
