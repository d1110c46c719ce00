"""Fit, then calibrate, then write the artifact."""

import itertools
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from blemish.data.dataset import Dataset, Sample, dataset_of
from blemish.data.drawn_regions import EVERYTHING, AskedInterest, DrawnInterest, read_drawn
from blemish.data.framing import Framing
from blemish.data.framing_choice import canvas_each, frames_each
from blemish.data.images import Size
from blemish.detectors import DETECTORS, Detector, DetectorSettings, ImageSize, LearnedPhotos, Stage
from blemish.errors import SettingsError
from blemish.model.artifact import Artifact
from blemish.networks.teacher import Teacher
from blemish.progress import OnProgress, Progress, say_nothing
from blemish.training.aligning import (
    FEWEST_TO_TRY,
    aligned_framing,
    can_align,
    could_be_aligned,
    gain_of_aligning,
    leave_reference,
)
from blemish.training.arrangement import asked_framing, trained_on, validates_weights
from blemish.training.checks import check_folder, check_settings, check_stages
from blemish.training.finish import finish, training_record
from blemish.training.fit import Job, fit, frames_per_step
from blemish.training.footprint import check_memory
from blemish.training.generators import seed_torch
from blemish.training.identity import check_agreement, continue_from, identity_of
from blemish.training.kept_frames import KeptFrames
from blemish.training.material import gather_material
from blemish.training.memory import MemoryBudget, memory_budget
from blemish.training.processes import Processes, open_processes
from blemish.training.run_file import PhotosOrigin, RunFile, write_run_file
from blemish.training.run_lock import locked
from blemish.training.seeds import seed_of
from blemish.training.settings import TrainingSettings
from blemish.training.split import VALIDATION
from blemish.training.stage_record import StageRecord
from blemish.training.surface_look import show_a_surface
from blemish.training.training_log import LOG_FILE, TrainingLog
from blemish.training.trial import StageTrials
from blemish.training.unusual_photos import compare_photos, say_what_is_unusual
from blemish.training.views import kept_views, what_varies
from blemish.wording import duration

_WORTH_A_TRIAL = 5e7  # pixels of all steps together: about a minute of a processor's core
_WORTH_A_LINE = 60  # seconds

_log = logging.getLogger("blemish")


def train_detector(
    method: str,
    photos: Dataset | Sequence[Sample],
    *,
    run: Path,
    settings: DetectorSettings | None = None,
    training: TrainingSettings | None = None,
    teacher_weights: Sequence[Path] = (),
    origin: PhotosOrigin | None = None,
    left_out: Sequence[Path] = (),
    asked: AskedInterest = EVERYTHING,
    resume: bool = False,
    overwrite: bool = False,
    on_progress: OnProgress = say_nothing,
) -> Artifact:
    """Trains `method` on good photos and leaves the artifact in the folder `run`.

    Validation photos, where a dataset keeps some apart, calibrate. `origin` says where the photos were found, so that
    run.json can find them again, and `left_out` which of them the user left out, of which `photos` no longer holds any;
    `asked` is what of the photos counts.
    Raises BlemishError; where a signal stops it, InterruptionError, after a checkpoint that `resume` goes on from.
    """
    settings, training = _checked(method, settings, training)
    found = photos if isinstance(photos, Dataset) else dataset_of(train=photos)
    check_folder(run, apart_from=found, resume=resume, overwrite=overwrite)
    settings, framing, sizes = _framed(settings, training, found, on_progress)
    by_itself = training.align is None and len(sizes) == 1 and asked == EVERYTHING
    framing, could_align = _aligned(framing, training, found, on_progress, by_itself=by_itself)
    training = replace(training, align=framing.alignment is not None)
    roi = _drawn(asked, method, training)
    files, out = tuple(teacher_weights), tuple(left_out)
    told = _told(method, settings, training, teacher_weights=files, origin=origin, left_out=out, interest=asked)
    with open_processes(training) as processes, locked(run) if processes.is_leader else nullcontext():
        detector, stages = _untrained(method, settings, training, processes)
        with processes.one_by_one():  # the first downloads, the others find
            teachers = _load_teachers(detector, files, on_progress)
        processes.place(detector)
        started = time.monotonic()
        budget = memory_budget(training, stages, processes)
        trials = StageTrials(detector, stages, processes)
        _check_memory(trials, found, training, budget, framing, sizes)
        given: dict[str, Any] = {"processes": processes, "budget": budget, "on_progress": on_progress}
        material = gather_material(found, roi, framing, stages, training=training, **given)
        try:
            job = Job(
                detector=detector,
                stages=stages,
                photos=material.photos,
                split=material.split,
                textures=material.textures,
                settings=training,
                run=run,
                identity=identity_of(method, settings, training, teachers, material, budget, processes),
                log=TrainingLog(run / LOG_FILE if processes.is_leader else None),
                **given,
            )
            records = _fit(job, told, trials, resume=resume)
            seconds = job.log.seconds_before + time.monotonic() - started
            record = training_record(job, material, records, seconds=seconds, left_out=out, could_align=could_align)
            return finish(job, material, method, teachers=teachers, record=record)
        finally:
            material.photos.close()


def _told(method: str, settings: DetectorSettings, training: TrainingSettings, **others: Any) -> RunFile:
    return RunFile(method=method, settings=settings, training=training, **others)


def _drawn(asked: AskedInterest, method: str, training: TrainingSettings) -> DrawnInterest | None:
    """Returns the regions that were drawn; raises DataError where they are none, SettingsError where they cannot be
    learned from."""
    drawn = read_drawn(asked)
    if training.region_thresholds == "own" and (drawn is None or len(drawn.regions) < 2):
        raise SettingsError("region_thresholds is own: give two regions of interest or more, or let it be shared")
    if drawn is not None and not DETECTORS[method].learns_inside:
        raise SettingsError(f"{method} learns from whole photos: give no region of interest, or take another method")
    return drawn


def _checked(
    method: str, settings: DetectorSettings | None, training: TrainingSettings | None
) -> tuple[DetectorSettings, TrainingSettings]:
    """Returns both, the method's defaults where none are given; raises SettingsError."""
    if method not in DETECTORS:
        raise SettingsError(f"method {method!r} is unknown: give one of {', '.join(DETECTORS)}")
    settings = settings or DETECTORS[method].Settings()
    training = training or TrainingSettings(**DETECTORS[method].training_defaults)
    check_settings(settings, training)
    return settings, training


def _framed(
    settings: DetectorSettings, training: TrainingSettings, found: Dataset, on_progress: OnProgress
) -> tuple[DetectorSettings, Framing, dict[Size, int]]:
    """Returns the settings as they suit the photos, how these are framed, and the sizes of some."""
    framing, sizes = asked_framing(settings, training, found)
    settings = replace(settings, image_size=ImageSize(*framing.image_size))
    check_settings(settings, training)
    surface = partial(show_a_surface, found.train, framing.reading, seed=training.seed, on_progress=on_progress)
    return settings.for_photos(LearnedPhotos(len(found.train), surface=surface)), framing, sizes


def _aligned(
    framing: Framing, training: TrainingSettings, found: Dataset, on_progress: OnProgress, *, by_itself: bool
) -> tuple[Framing, tuple[float, float] | None]:
    """Returns the framing that lays photos on one another, where that is asked for, or done `by_itself` since it brings
    them much closer; else says, and returns, by how much it would."""
    if training.align:
        return aligned_framing(trained_on(found, training), framing, on_progress=on_progress), None
    if by_itself and len(found.train) >= FEWEST_TO_TRY and not can_align():
        _log.warning(
            "whether good parts lie anyhow is not looked at, for that takes OpenCV: pip install 'blemish[align]', and "
            "photos of such parts are laid on one another; --no-align says no more of it"
        )
    gain = gain_of_aligning(found.train, framing.reading, on_progress=on_progress)
    if gain is None:
        return framing, None
    if not by_itself:
        _log.info("%s: `blemish train --align` may find far more", could_be_aligned(gain))
        return framing, gain
    _log.info(
        "%s: training does so, and so does judging, which takes OpenCV there, too; --no-align leaves them as they lie",
        could_be_aligned(gain),
    )
    try:
        return aligned_framing(trained_on(found, training), framing, on_progress=on_progress), None
    except SettingsError as error:
        _log.warning("photos are left as they lie: %s", error)
        return framing, None


def _untrained(
    method: str, settings: DetectorSettings, training: TrainingSettings, processes: Processes
) -> tuple[Detector, Sequence[Stage]]:
    """Returns the detector with the weights that the seed draws, and how it is trained; raises what its checks do."""
    seed_torch(seed_of("weights", training.seed), processes.device)
    detector = DETECTORS[method](settings)
    stages = detector.stages()
    detector.check_trainable()
    check_stages(stages, training)
    return detector, stages


def _check_memory(
    trials: StageTrials,
    found: Dataset,
    training: TrainingSettings,
    budget: MemoryBudget,
    framing: Framing,
    sizes: Mapping[Size, int],
) -> None:
    """Raises SettingsError where the training cannot fit in memory; asks what photos there are, and reads none."""
    photos, each = len(found.train) + len(found.validation), frames_each(framing, sizes)
    learned = max(1, len(found.train) if found.validation else math.ceil((1 - training.held_out) * photos))
    frames, world = math.ceil(learned * each), trials.processes.world_size
    validating = VALIDATION * max(0, photos * each - frames) if validates_weights(trials.stages) else 0
    step = max(frames_per_step(stage, frames, training, world_size=world) for stage in trials.stages)
    check_memory(
        trials,
        batch_size=max(1, step // world),
        kept=KeptFrames(
            budget=budget,
            photos=photos * canvas_each(framing, sizes),
            views=[kept_views(frames, validating, stage, training) for stage in trials.stages],
        ),
    )


def _fit(job: Job, told: RunFile, trials: StageTrials, *, resume: bool) -> list[StageRecord]:
    check_agreement(job)
    resumed = continue_from(job) if resume else None
    if job.processes.is_leader:
        write_run_file(told, job.run)
        if resumed is None:
            leave_reference(job.photos.framing, job.run)
            _say_what_is_unusual(job)
            learned = len(job.photos.frames_of(job.split.train))
            if varies := what_varies(job.settings, job.stages, learned=learned):
                _log.info("%s", varies)
            _say_how_long(job, trials)
    return fit(job, resume=resumed)


def _say_what_is_unusual(job: Job) -> None:
    teacher = next((module for module in job.detector.modules() if isinstance(module, Teacher)), None)
    if teacher is not None:  # a method of a user's may have none
        device, seed = job.processes.device, job.settings.seed
        found = compare_photos(job.photos, teacher, device, seed=seed, on_progress=job.on_progress)
        say_what_is_unusual(found, job.run)


def _say_how_long(job: Job, trials: StageTrials) -> None:
    """Logs how long a training of minutes will take, by trial steps, so that nobody need wait to know."""
    world, size = job.processes.world_size, math.prod(job.detector.settings.image_size)
    learned = len(job.photos.frames_of(job.split.train))
    frames = [frames_per_step(stage, learned, job.settings, world_size=world) // world for stage in job.stages]
    validating = len(job.photos.frames_of(job.split.validation))
    kept = [kept_views(learned, validating, stage, job.settings) for stage in job.stages]
    steps = [stage.steps * count * size for stage, count in zip(job.stages, frames, strict=True)]
    if sum(steps) + size * sum(kept) < _WORTH_A_TRIAL:
        return
    room = job.features_room
    seconds = sum(
        trial.seconds(step_pixels=pixels, kept_pixels=size * views, room=room)
        for trial, pixels, views in zip(trials.found, steps, kept, strict=True)
    )
    if seconds >= _WORTH_A_LINE:
        earlier = "; may end earlier" if any(stage.patience is not None for stage in job.stages) else ""
        _log.info("training will take about %s on this machine, by trial steps%s", duration(seconds), earlier)


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
