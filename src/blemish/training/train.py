"""Fit, then calibrate, then write the artifact."""

import itertools
import logging
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from blemish.data.dataset import Sample
from blemish.data.framing import Framing
from blemish.data.part_names import parts_of
from blemish.data.survey import Inspection, inspect
from blemish.detectors import DETECTORS, Detector, DetectorSettings
from blemish.errors import DataError, SettingsError
from blemish.model.artifact import Artifact
from blemish.networks.teacher import Teacher
from blemish.training.checkpoint import CHECKPOINT_FILE
from blemish.training.checks import check_folder, check_settings, check_stages
from blemish.training.finish import finish, training_record
from blemish.training.fit import Job, OnProgress, Progress, fit
from blemish.training.identity import check_agreement, continue_from, identity_of
from blemish.training.photo_store import PhotoStore
from blemish.training.processes import Processes, open_processes
from blemish.training.settings import TrainingSettings
from blemish.training.split import Split, shuffled, split
from blemish.training.texture_store import open_textures

log = logging.getLogger("blemish")


def train(
    method: str,
    photos: Sequence[Sample],
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

    Raises BlemishError; where a signal stops it, InterruptionError, after a checkpoint that `resume` goes on from.
    """
    if method not in DETECTORS:
        raise SettingsError(f"method {method!r} is unknown: give one of {', '.join(DETECTORS)}")
    settings, training = settings or DETECTORS[method].Settings(), training or TrainingSettings()
    check_settings(settings, training)
    check_folder(run, resume=resume, overwrite=overwrite)
    with open_processes(training) as processes:
        torch.manual_seed(training.seed)
        detector = DETECTORS[method](settings)
        check_stages(detector.stages(), training)
        with processes.one_by_one():  # the first downloads, the others find
            teachers = _load_teachers(detector, teacher_weights, on_progress)
        processes.place(detector)
        started = time.monotonic()
        job = _job(detector, photos, training, processes, run=run, on_progress=on_progress)
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
    samples: Sequence[Sample],
    training: TrainingSettings,
    processes: Processes,
    *,
    run: Path,
    on_progress: OnProgress,
) -> Job:
    """Reads the photos in a shuffled order and divides them.

    Copies are left out: in other parts of the split they would break what the threshold promises.
    """
    found = _look_through(samples)
    photos = PhotoStore(
        shuffled(found.different, seed=training.seed, part=training.part),
        Framing(image_size=detector.settings.image_size),
        budget=int(training.cache_memory * 1e9),
        workers=os.cpu_count() or 1,
    )
    photos.load(lambda done, of: on_progress(Progress(activity="reading photos", done=done, total=of)))
    for line in (unreadable := [*found.unreadable, *map(str, photos.unreadable)]):
        log.warning("left out: %s", line)
    if len(photos) < 2:
        photos.close()
        raise DataError(f"{len(photos)} readable, different good photos: at least 2 are needed, 30 or more are advised")
    if photos.sixteen_bits:
        _say_white(photos)
    parts = parts_of(photos.paths, training.part)
    divided = _divide(parts, detector, training)
    return Job(
        detector=detector,
        photos=photos,
        digests=[found.digests[path] for path in photos.paths],
        unreadable=unreadable,
        parts=parts,
        split=divided,
        textures=open_textures(
            detector.stages(),
            photos,
            divided.train,
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


def _divide(parts: Sequence[str], detector: Detector, training: TrainingSettings) -> Split:
    selects = any(stage.held_out_error is not None for stage in detector.stages())
    divided = split(parts, held_out=training.held_out, selects=selects)
    if len(divided.train) < (1 - training.held_out) * len(parts) / 2:
        log.warning(
            "only %d of %d photos are left to train on, for some parts have many: photos of more parts would help",
            len(divided.train),
            len(parts),
        )
    if selects and not len(divided.selecting):
        log.warning("no photos are left to select the weights by: those of the last step are kept")
    return divided


def _look_through(samples: Sequence[Sample]) -> Inspection:
    """Says what there is before anything is learnt from it."""
    found = inspect([sample.image for sample in samples])
    log.info("good parts: %s", "\n  ".join(found.lines()))
    return found
