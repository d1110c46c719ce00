"""The end of a training: its record, the thresholds, the model folder."""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

import torch

from blemish.calibration.promise import calibration_of, highest_of_each, judge_good_photos
from blemish.data.shapes import size_counts
from blemish.files import move, remove
from blemish.inference.predictor import Predictor
from blemish.inference.torch_runtime import TorchRuntime
from blemish.model.artifact import MODEL_FILE, WEIGHTS_FILE, Artifact, file_sha256, read_artifact, write_artifact
from blemish.model.exports import EXPORTS_FOLDER
from blemish.model.thresholds import UNCALIBRATED, Calibration
from blemish.model.training_record import HistoryPoint, KnownPhoto, StageHistory, TeacherRecord, TrainingRecord
from blemish.progress import Progress
from blemish.training import checkpoint as checkpoints
from blemish.training.fit import Job
from blemish.training.material import Material
from blemish.training.stage_record import StageRecord
from blemish.version import __version__


def training_record(job: Job, material: Material, stages: list[StageRecord], *, seconds: float) -> TrainingRecord:
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
        textures=job.identity["textures"],
        stages=[_stage_history(stage) for stage in stages],
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


def _stage_history(stage: StageRecord) -> StageHistory:
    points = [
        HistoryPoint(
            step=int(point["step"]),
            loss=point["loss"],
            losses=point["losses"],
            validation_loss=point.get("validation_loss"),
        )
        for point in stage.history
    ]
    return StageHistory(
        name=stage.name,
        steps=stage.steps,
        best_step=stage.best_step,
        best_loss=stage.best_loss,
        gain_step=stage.gain_step,
        history=points,
    )


def finish(
    job: Job, material: Material, method: str, *, teachers: list[dict[str, str]], record: TrainingRecord
) -> Artifact:
    """Calibrates, and writes the artifact: weights first, model.json last; only now does an older model make way."""
    run = job.run
    if job.processes.is_leader:
        detector, settings = job.detector, job.detector.settings
        calibration = _calibrate(job, material.parts)
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
                teachers=[TeacherRecord(**teacher) for teacher in teachers],
                title=detector.title,
                framing=job.photos.framing,
                score=detector.score,
                weights_sha256=file_sha256(run / WEIGHTS_FILE),
                calibration=calibration,
                training=record,
            )
        )
        remove(run / checkpoints.CHECKPOINT_FILE)
    job.processes.wait()
    return read_artifact(run)


def _calibrate(job: Job, parts: Sequence[str]) -> Calibration:
    """Returns the thresholds from photos that training never saw, judged by the Predictor as any photo will be, in
    float32."""
    runtime = TorchRuntime(job.detector, job.processes.device)
    predictor = Predictor(runtime, job.photos.framing, score=job.detector.score, calibration=UNCALIBRATED)
    judged = judge_good_photos(
        predictor,
        (job.photos.framed(int(i)) for i in job.split.calibrating),  # as decoded; no file need be there still
        on_photo=lambda done: job.on_progress(
            Progress(activity="calibrating", done=done, total=len(job.split.calibrating))
        ),
    )
    for error in judged.unreadable:
        raise error
    shown = [parts[i] for i in job.split.calibrating]
    return calibration_of(
        highest_of_each(shown, judged.scores),
        highest_of_each(shown, judged.peaks),
        false_alarm_rate=job.settings.false_alarms,
        unit="photos" if list(parts) == list(map(str, job.photos.paths)) else "parts",
    )
