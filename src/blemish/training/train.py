"""Fit, then calibrate, then write the artifact."""

import dataclasses
import hashlib
import itertools
import json
import logging
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

import blemish
from blemish.data.atomic import move, remove
from blemish.data.dataset import Sample
from blemish.data.inspection import Inspection, inspect
from blemish.data.parts import parts_of
from blemish.detectors import DETECTORS, Detector, DetectorSettings
from blemish.errors import DataError, SettingsError
from blemish.evaluation.calibration import calibrate, highest_of_each, judge_good_photos
from blemish.inference.artifact import MODEL_FILE, WEIGHTS_FILE, Artifact, file_sha256, read_artifact, write_artifact
from blemish.inference.calibration import UNCALIBRATED, Calibration
from blemish.inference.exports import EXPORTS_FOLDER
from blemish.inference.predictor import Predictor
from blemish.inference.torch_runtime import TorchRuntime
from blemish.networks.teacher import Teacher
from blemish.training import checkpoint as checkpoints
from blemish.training.batches import Photos
from blemish.training.checkpoint import CHECKPOINT_FILE, Checkpoint
from blemish.training.checks import check_folder, check_settings, check_stages
from blemish.training.fit import Job, OnProgress, Progress, StageRecord, fit
from blemish.training.runtime import Runtime, open_runtime
from blemish.training.settings import TrainingSettings
from blemish.training.split import Split, shuffled, split
from blemish.training.textures import open_textures

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
    with open_runtime(training) as runtime:
        torch.manual_seed(training.seed)
        detector = DETECTORS[method](settings)
        check_stages(detector.stages(), training)
        with runtime.one_by_one():  # the first downloads, the others find
            teachers = _load_teachers(detector, teacher_weights, on_progress)
        runtime.place(detector)
        started = time.monotonic()
        job = _job(detector, photos, training, runtime, run=run, on_progress=on_progress)
        job.identity.update(_identity(method, settings, training, teachers, job, runtime))
        try:
            _check_agreement(job)
            stages = fit(job, resume=_continue_from(job, run) if resume else None)
            record = _training_record(job, stages, seconds=time.monotonic() - started)
            return _finish(job, run, method, teachers=teachers, record=record)
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
    runtime: Runtime,
    *,
    run: Path,
    on_progress: OnProgress,
) -> Job:
    """Reads the photos in a shuffled order and divides them.

    Copies are left out: in other parts of the split they would break what the threshold promises.
    """
    found = _look_through(samples)
    photos = Photos(
        shuffled(found.different, seed=training.seed, part=training.part),
        detector.settings.image_size,
        budget=int(training.cache_memory * 1e9),
        workers=os.cpu_count() or 1,
    )
    photos.load(lambda done, of: on_progress(Progress(activity="reading photos", done=done, total=of)))
    for line in (unreadable := [*found.unreadable, *map(str, photos.unreadable)]):
        log.warning("left out: %s", line)
    if len(photos) < 2:
        photos.close()
        raise DataError(f"{len(photos)} readable, different good photos: at least 2 are needed, 30 or more are advised")
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
            runtime=runtime,
            on_picture=lambda done, of: on_progress(Progress(activity="reading textures", done=done, total=of)),
        ),
        settings=training,
        runtime=runtime,
        checkpoint=run / CHECKPOINT_FILE,
        identity={},
        on_progress=on_progress,
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


def _identity(
    method: str,
    settings: DetectorSettings,
    training: TrainingSettings,
    teachers: list[dict[str, str]],
    job: Job,
    runtime: Runtime,
) -> dict[str, Any]:
    """All that decides the weights: a checkpoint is continued only where every entry agrees."""
    contents = hashlib.sha256("".join(job.digests).encode()).hexdigest()[:16]
    identity = {
        "method": method,
        "settings": settings.to_json(),
        "training": dataclasses.asdict(training),
        "teachers": [teacher["sha256"] for teacher in teachers],
        "photos": f"{len(job.photos)} photos, contents {contents}",
        "textures": [textures.contents for textures in job.textures.values()],
        "machine": f"{runtime.device.type} {runtime.precision}, {runtime.world_size} processes",
    }
    return dict(json.loads(json.dumps(identity)))  # as a checkpoint gives it back


def _check_agreement(job: Job) -> None:
    """Were the processes' photos not the same, one would train on what calibrates another."""
    for other in job.runtime.gather([job.identity]):
        different = [name for name, value in job.identity.items() if other[name] != value]
        if different:
            now = "; ".join(f"{name}: {job.identity[name]} and {other[name]}" for name in different)
            raise DataError(f"the processes do not train the same ({now}): let all of them see the same files")


def _continue_from(job: Job, run: Path) -> Checkpoint | None:
    path = run / CHECKPOINT_FILE
    if not path.exists():
        log.warning("%s holds no checkpoint yet: training starts from the beginning", run)
        return None
    checkpoint = checkpoints.load(path)
    before = checkpoint.record["identity"]
    different = [name for name, value in job.identity.items() if before.get(name) != value]
    if different:
        now = "; ".join(f"{name} was {before.get(name)}, is {job.identity[name]}" for name in different)
        raise SettingsError(f"cannot resume {run}: {now}; give the same command, or --overwrite to start anew")
    return checkpoint


def _training_record(job: Job, stages: list[StageRecord], *, seconds: float) -> dict[str, Any]:
    runtime = job.runtime
    return {
        **{key: job.identity[key] for key in ("training", "photos", "textures", "machine")},
        "good_photos": len(job.photos),
        "digests": list(job.digests),
        "files": [str(path.absolute()) for path in job.photos.paths],
        "trained_on": len(job.split.train),
        "selecting": len(job.split.selecting),
        "calibrating": len(job.split.calibrating),
        "unreadable": list(job.unreadable),
        "stages": [dataclasses.asdict(stage) for stage in stages],
        "seconds": round(seconds, 1),
        "precision": runtime.precision,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "blemish": blemish.__version__,
    }


def _finish(job: Job, run: Path, method: str, *, teachers: list[dict[str, str]], record: dict[str, Any]) -> Artifact:
    """Calibrates, and writes the artifact: weights first, model.json last; only now does an older model make way."""
    if job.runtime.leads:
        detector, settings = job.detector, job.detector.settings
        calibration = _calibrate(job)
        tensors = {name: value.cpu().contiguous() for name, value in detector.state_dict().items()}
        fresh = run / f"new-{WEIGHTS_FILE}"
        checkpoints.save_tensors(tensors, fresh)
        remove(run / MODEL_FILE)
        remove(run / EXPORTS_FOLDER)  # of other weights now
        move(fresh, run / WEIGHTS_FILE)
        write_artifact(
            Artifact(
                folder=run,
                method=method,
                settings=settings.to_json(),
                teachers=teachers,
                image_size=settings.image_size,
                weights_sha256=file_sha256(run / WEIGHTS_FILE),
                calibration=calibration,
                training=record,
            )
        )
        remove(job.checkpoint)
    job.runtime.wait()
    return read_artifact(run)


def _calibrate(job: Job) -> Calibration:
    """The thresholds from photos that training never saw, judged as any photo will be: by the Predictor, in float32."""
    runtime = TorchRuntime(job.detector, job.runtime.device)
    predictor = Predictor(runtime, job.detector.settings.image_size, calibration=UNCALIBRATED)
    judged = judge_good_photos(
        predictor,
        (job.photos.read(np.array([i]))[0] for i in job.split.calibrating),  # as decoded; no file need be there still
        on_photo=lambda done: job.on_progress(
            Progress(activity="calibrating", done=done, total=len(job.split.calibrating))
        ),
    )
    for error in judged.unreadable:
        raise error
    parts = [job.parts[i] for i in job.split.calibrating]
    return calibrate(
        highest_of_each(parts, judged.scores),
        highest_of_each(parts, judged.peaks),
        false_alarm_rate=job.settings.false_alarms,
        unit="photos" if job.settings.part is None else "parts",
    )
