"""The end of a training: its record, the thresholds, the model folder."""

import dataclasses
import logging
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import torch

from blemish.calibration.far_photos import FarPhotos, far_photos
from blemish.calibration.promise import GoodPhotos, calibrate_with, judge_good_photos, mean_of_each
from blemish.calibration.region_scales import MOST_TO_SCALE, own_scales
from blemish.calibration.undo import CALIBRATIONS_FOLDER
from blemish.data.description import PhotoDescription, describe
from blemish.data.framing import FramedPhoto, Framing
from blemish.data.framing_choice import computed_pixels, with_larger_windows
from blemish.data.shapes import size_counts
from blemish.detectors import Stage
from blemish.files import move, remove
from blemish.inference.predictor import Predictor
from blemish.inference.torch_runtime import TorchRuntime
from blemish.model.artifact import MODEL_FILE, WEIGHTS_FILE, Artifact, file_sha256, read_artifact, write_artifact
from blemish.model.exports import EXPORTS_FOLDER
from blemish.model.thresholds import UNCALIBRATED, Calibration
from blemish.model.training_record import HistoryPoint, KnownPhoto, StageHistory, TeacherRecord, TrainingRecord
from blemish.model.usual import MOST_LEARNED, UsualPhotos, learn_usual, looks_of
from blemish.progress import Progress
from blemish.results.far_overlays import FAR_FOLDER, say_far_photos
from blemish.synthesis.variation import LIGHTS
from blemish.training import checkpoint as checkpoints
from blemish.training.fit import Job
from blemish.training.material import Material
from blemish.training.stage_record import StageRecord
from blemish.version import __version__

_log = logging.getLogger("blemish")
_MEND = (
    "name it in a file for --leave-out and train anew: its score is a part of the promise, and is never dropped unasked"
)


def training_record(
    job: Job,
    material: Material,
    stages: list[StageRecord],
    *,
    seconds: float,
    left_out: Sequence[Path],
    could_align: tuple[float, float] | None,
) -> TrainingRecord:
    """Returns what model.json is to say of the training."""
    processes, split = job.processes, material.split
    return TrainingRecord(
        settings=dataclasses.asdict(job.settings),
        photos=_known_photos(material),
        validation=len(split.validation),
        trained_on=len(split.train),
        photo_sizes=size_counts(Counter(material.photos.facts[path].size for path in material.photos.paths)),
        calibrating=len(split.calibrating),
        unreadable=list(material.unreadable),
        left_out=list(map(str, left_out)),
        could_align=could_align,
        textures=job.identity["textures"],
        stages=[_stage_history(done, stage) for done, stage in zip(stages, job.stages, strict=True)],
        seconds=round(seconds, 1),
        trained_at=datetime.now(UTC).isoformat(timespec="seconds"),
        precision=processes.precision,
        threads=torch.get_num_threads(),
        versions={"blemish": __version__, "torch": torch.__version__},
        machine=f"{job.identity['device']} {processes.precision}, {processes.world_size} processes",
    )


def _known_photos(material: Material) -> list[KnownPhoto]:
    return [
        KnownPhoto(digest=digest, file=str(path.absolute()), part=None if part == str(path) else part)
        for digest, path, part in zip(material.digests, material.photos.paths, material.parts, strict=True)
    ]


def _stage_history(done: StageRecord, stage: Stage) -> StageHistory:
    points = [
        HistoryPoint(
            step=int(point["step"]),
            loss=point["loss"],
            losses=point["losses"],
            validation_loss=point.get("validation_loss"),
        )
        for point in done.history
    ]
    return StageHistory(
        name=done.name,
        steps=done.steps,
        best_step=done.best_step,
        best_loss=done.best_loss,
        gain_step=done.gain_step,
        history=points,
        setting=stage.setting,
    )


def finish(
    job: Job, material: Material, method: str, *, teachers: list[dict[str, str]], record: TrainingRecord
) -> Artifact:
    """Calibrates, and writes the artifact: weights first, model.json last; only now does an older model make way."""
    run = job.run
    if job.processes.is_leader:
        detector, settings = job.detector, job.detector.settings
        learned = _learned_from(job)
        usual = learn_usual(learned, light=LIGHTS[job.settings.light].gain)
        framing = _judging(job, material)
        predictor, calibration, far = _calibrate(job, material, framing, usual, learned)
        tensors = {name: value.cpu().contiguous() for name, value in detector.state_dict().items()}
        fresh = run / f"new-{WEIGHTS_FILE}"
        checkpoints.save_tensors(tensors, fresh)
        remove(run / MODEL_FILE)
        for folder in (EXPORTS_FOLDER, CALIBRATIONS_FOLDER, FAR_FOLDER):  # of other weights now
            remove(run / folder)
        move(fresh, run / WEIGHTS_FILE)
        write_artifact(
            Artifact(
                folder=run,
                method=method,
                settings=settings.to_json(),
                teachers=[TeacherRecord(**teacher) for teacher in teachers],
                title=detector.title,
                framing=framing,
                score=detector.score,
                weights_sha256=file_sha256(run / WEIGHTS_FILE),
                usual=usual,
                calibration=calibration,
                training=record,
                interest=predictor.interest,
            )
        )
        remove(run / checkpoints.CHECKPOINT_FILE)
        if far is not None:
            framed = [_to_judge(job, int(job.split.calibrating[place]), framing) for place in far.places]
            say_far_photos(far, framed, predictor, run=run, mend=_MEND)
    job.processes.wait()
    return read_artifact(run)


def _learned_from(job: Job) -> list[PhotoDescription]:
    """Describes the photos that were trained on; of many, the first, which the seed drew."""
    photos, framing = job.photos, job.photos.framing
    framed = (photos.framed(int(i)) for i in job.split.train[:MOST_LEARNED])
    return [describe(f.overview[None], f.photo_size, white=framing.white_of(f.overview)) for f in framed]


def _judging(job: Job, material: Material) -> Framing:
    """Returns how photos are framed to be judged, and says so where it is not as they were learned from."""
    learned_in = job.photos.framing
    if not job.detector.sees_near:
        return learned_in
    sizes = Counter(facts.size for facts in job.photos.facts.values())
    framing = with_larger_windows(learned_in, sizes, material.interest)
    if framing.window is not None:
        usual = sizes.most_common(1)[0][0]
        fewer = computed_pixels(learned_in, usual, material.interest) / computed_pixels(
            framing, usual, material.interest
        )
        height, width = framing.window
        _log.info(
            "photos are judged in windows of %dx%d (width x height) of the pixels that the network sees: in tiles it "
            "would compute %.1f times as many",
            width,
            height,
            fewer,
        )
    return framing


def _to_judge(job: Job, index: int, framing: Framing) -> FramedPhoto:
    """Returns one photo as it is judged, as decoded: its file may be gone."""
    return framing.relaid(job.photos.framed(index), job.photos.framing)


def _calibrate(
    job: Job, material: Material, framing: Framing, usual: UsualPhotos, learned: Sequence[PhotoDescription]
) -> tuple[Predictor, Calibration, FarPhotos | None]:
    """Returns the thresholds from photos that training never saw, judged by the Predictor as any photo will be, in
    float32; with it, and with those photos that score far above the rest."""
    parts = material.parts
    predictor = Predictor(
        TorchRuntime(job.detector, job.processes.device),
        framing,
        score=job.detector.score,
        calibration=UNCALIBRATED,
        usual=usual,
        interest=material.interest,
    )
    if material.interest is not None and job.settings.region_thresholds == "own":
        learned_photos = (_to_judge(job, int(i), framing) for i in job.split.train[:MOST_TO_SCALE])
        predictor.interest = own_scales(predictor, material.interest, learned_photos)
    judged = judge_good_photos(
        predictor,
        (_to_judge(job, int(i), framing) for i in job.split.calibrating),
        on_photo=lambda done: job.on_progress(
            Progress(activity="calibrating", done=done, total=len(job.split.calibrating))
        ),
    )
    for error in judged.unreadable:
        raise error
    shown = [parts[i] for i in job.split.calibrating]
    calibration = calibrate_with(
        judged,
        shown,
        looks=_looks(job, parts, judged, learned),
        false_alarm_rate=job.settings.false_alarms,
        unit="photos" if list(parts) == list(map(str, job.photos.paths)) else "parts",
    )
    paths = [job.photos.paths[int(i)] for i in job.split.calibrating]
    return predictor, calibration, far_photos(paths, judged, shown, calibration)


def _looks(
    job: Job, parts: Sequence[str], judged: GoodPhotos, learned: Sequence[PhotoDescription]
) -> dict[str, list[float]]:
    """Returns what is watched for drift, of each part: of those that were learned from, and of those that calibrate."""
    of_learned = [parts[i] for i in job.split.train[: len(learned)]]
    of_judged = [parts[i] for i in job.split.calibrating]
    return {
        name: [*mean_of_each(of_learned, [looks_of(p)[name] for p in learned]), *mean_of_each(of_judged, values)]
        for name, values in judged.looks.items()
    }
