"""Fit, then calibrate, then write the artifact."""

import itertools
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from blemish.data.dataset import Dataset, Sample, dataset_of
from blemish.data.framing import Framing
from blemish.data.part_names import parts_of
from blemish.data.survey import Survey
from blemish.detectors import DETECTORS, Detector, DetectorSettings
from blemish.errors import DataError, SettingsError
from blemish.model.artifact import Artifact
from blemish.networks.teacher import Teacher
from blemish.process import available_cores
from blemish.training.arrangement import arranged, divided, selects_weights
from blemish.training.checkpoint import CHECKPOINT_FILE
from blemish.training.checks import check_apart, check_folder, check_settings, check_stages
from blemish.training.finish import finish, training_record
from blemish.training.fit import Job, OnProgress, Progress, fit
from blemish.training.identity import check_agreement, continue_from, identity_of
from blemish.training.photo_store import PhotoStore
from blemish.training.processes import Processes, open_processes
from blemish.training.settings import TrainingSettings
from blemish.training.split import Split
from blemish.training.texture_store import open_textures

log = logging.getLogger("blemish")


def train(
    method: str,
    photos: Dataset | Sequence[Sample],
    *,
    run: Path,
    settings: DetectorSettings | None = None,
    training: TrainingSettings | None = None,
    teacher_weights: Sequence[Path] = (),
    resume: bool = False,
    overwrite: bool = False,
    on_progress: OnProgress = lambda _: None,
) -> Artifact:
    """Trains `method` on good photos and leaves the artifact in the folder `run`.

    Validation photos, where a dataset keeps some apart, calibrate.

    Raises BlemishError; where a signal stops it, InterruptionError, after a checkpoint that `resume` goes on from.
    """
    if method not in DETECTORS:
        raise SettingsError(f"method {method!r} is unknown: give one of {', '.join(DETECTORS)}")
    settings, training = settings or DETECTORS[method].Settings(), training or TrainingSettings()
    check_settings(settings, training)
    found = photos if isinstance(photos, Dataset) else dataset_of(train=photos)
    check_apart(run, found)
    check_folder(run, resume=resume, overwrite=overwrite)
    with open_processes(training) as processes:
        torch.manual_seed(training.seed)
        detector = DETECTORS[method](settings)
        check_stages(detector.stages(), training)
        with processes.one_by_one():  # the first downloads, the others find
            teachers = _load_teachers(detector, teacher_weights, on_progress)
        processes.place(detector)
        started = time.monotonic()
        job = _job(detector, found, training, processes, run=run, on_progress=on_progress)
        job.identity.update(identity_of(method, settings, training, teachers, job, processes))
        try:
            check_agreement(job)
            stages = fit(job, resume=continue_from(job, run) if resume else None)
            record = training_record(job, stages, seconds=time.monotonic() - started)
            return finish(job, run, method, teachers=teachers, record=record)
        finally:
            job.photos.close()


def _load_teachers(detector: Detector, files: Sequence[Path], on_progress: OnProgress) -> list[dict[str, str]]:
    """Loads every teacher's weights, from the files given, in order, or from where they are found; says which."""
    teachers = [module for module in detector.modules() if isinstance(module, Teacher)]
    if len(files) > len(teachers):
        raise SettingsError(f"{len(files)} files of teacher weights for {len(teachers)} teachers: give one per teacher")
    records = []
    for teacher, file in itertools.zip_longest(teachers, files):
        found = teacher.load_pretrained(file, on_progress=_megabytes(on_progress))
        records.append({"name": str(teacher.name), "sha256": found.sha256, "origin": found.origin})
    return records


def _megabytes(on_progress: OnProgress) -> Callable[[int, int | None], None]:
    def report(done: int, total: int | None) -> None:
        on_progress(Progress(activity="downloading (MB)", done=done // 10**6, total=(total or done) // 10**6))

    return report


def _job(
    detector: Detector,
    found: Dataset,
    training: TrainingSettings,
    processes: Processes,
    *,
    run: Path,
    on_progress: OnProgress,
) -> Job:
    """Reads the photos in a shuffled order and divides them.

    Each file is read once; what was seen of it is said before anything is learned.
    """
    selects = selects_weights(detector)
    samples = arranged(found, training, selects=selects)
    parts_by_path = dict(zip((s.image for s in samples), parts_of(samples, training.part), strict=True))
    photos = PhotoStore(
        list(parts_by_path),
        Framing(image_size=detector.settings.image_size),
        budget=int(training.cache_memory * 1e9),
        workers=available_cores(),
    )
    photos.load(lambda done, of: on_progress(Progress(activity="reading photos", done=done, total=of)))
    unreadable = _say_what_was_seen(photos, found, detector.settings)
    if len(photos) < 2:
        photos.close()
        raise DataError(f"{len(photos)} readable, different good photos: at least 2 are needed, 30 or more are advised")
    if photos.sixteen_bits:
        _say_white(photos)
    parts = [parts_by_path[path] for path in photos.paths]
    uses = _divide(photos, parts, found, training, selects=selects)
    return Job(
        detector=detector,
        photos=photos,
        digests=[photos.facts[path].digest for path in photos.paths],
        unreadable=unreadable,
        parts=parts,
        split=uses,
        textures=open_textures(
            detector.stages(),
            photos,
            uses.train,
            settings=training,
            processes=processes,
            on_picture=lambda done, of: on_progress(Progress(activity="reading textures", done=done, total=of)),
        ),
        settings=training,
        processes=processes,
        checkpoint=run / CHECKPOINT_FILE,
        identity={},
        on_progress=on_progress,
    )


def _say_white(photos: PhotoStore) -> None:
    white, bits = photos.framing.white_level, photos.framing.white_level.bit_length()
    if white < 65535:
        log.warning(
            "%d photos are in files of 16 bits, but no value is above %d: %d, the most of %d bits, is taken for white, "
            "here and wherever this model judges",
            photos.sixteen_bits,
            white,
            white,
            bits,
        )


def _divide(
    photos: PhotoStore, parts: Sequence[str], found: Dataset, training: TrainingSettings, *, selects: bool
) -> Split:
    validation = {sample.image for sample in found.validation}
    uses = divided(photos.paths, parts, validation, held_out=training.held_out, selects=selects)
    if not validation and len(uses.train) < (1 - training.held_out) * len(parts) / 2:
        log.warning(
            "only %d of %d photos are left to train on, for some parts have many: photos of more parts would help",
            len(uses.train),
            len(parts),
        )
    if selects and not len(uses.selecting):
        log.warning("no photos are left to select the weights by: those of the last step are kept")
    return uses


def _say_what_was_seen(photos: PhotoStore, found: Dataset, settings: DetectorSettings) -> list[str]:
    """Says what there is before anything is learned from it; returns a line for each photo that cannot be read."""
    unreadable = tuple(map(str, photos.unreadable))
    ordered = [sample.image for sample in (*found.train, *found.validation)]
    seen = Survey(facts={path: photos.facts[path] for path in ordered if path in photos.facts}, unreadable=unreadable)
    lines = seen.lines(root=found.base, image_size=settings.image_size)
    log.info("good parts: %s", "\n  ".join(lines))
    for line in unreadable:
        log.warning("left out: %s", line)
    return list(unreadable)
