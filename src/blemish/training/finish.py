"""The end of a training: its record, the thresholds, the model folder."""

import dataclasses
from collections import Counter
from pathlib import Path
from typing import Any

import torch

from blemish.calibration.promise import calibrate, highest_of_each, judge_good_photos
from blemish.data.images import Size
from blemish.files import move, remove
from blemish.inference.predictor import Predictor
from blemish.inference.torch_runtime import TorchRuntime
from blemish.model.artifact import MODEL_FILE, WEIGHTS_FILE, Artifact, file_sha256, read_artifact, write_artifact
from blemish.model.exports import EXPORTS_FOLDER
from blemish.model.thresholds import UNCALIBRATED, Calibration
from blemish.training import checkpoint as checkpoints
from blemish.training.fit import Job, Progress, StageRecord
from blemish.version import __version__


def training_record(job: Job, stages: list[StageRecord], *, seconds: float) -> dict[str, Any]:
    runtime = job.processes
    return {
        **{key: job.identity[key] for key in ("training", "photos", "textures", "machine")},
        "good_photos": len(job.photos),
        "photo_sizes": [[*size, count] for size, count in _sizes(job).items()],
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
        "blemish": __version__,
    }


def _sizes(job: Job) -> Counter[Size]:
    """How many photos were trained on of each (height, width)."""
    return Counter(job.photos.facts[path].size for path in job.photos.paths)


def finish(job: Job, run: Path, method: str, *, teachers: list[dict[str, str]], record: dict[str, Any]) -> Artifact:
    """Calibrates, and writes the artifact: weights first, model.json last; only now does an older model make way."""
    if job.processes.leads:
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
                title=detector.title,
                framing=job.photos.framing,
                score=detector.score,
                weights_sha256=file_sha256(run / WEIGHTS_FILE),
                calibration=calibration,
                training=record,
            )
        )
        remove(job.checkpoint)
    job.processes.wait()
    return read_artifact(run)


def _calibrate(job: Job) -> Calibration:
    """The thresholds from photos that training never saw, judged as any photo will be: by the Predictor, in float32."""
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
    parts = [job.parts[i] for i in job.split.calibrating]
    return calibrate(
        highest_of_each(parts, judged.scores),
        highest_of_each(parts, judged.peaks),
        false_alarm_rate=job.settings.false_alarms,
        unit="photos" if list(job.parts) == [str(path) for path in job.photos.paths] else "parts",
    )
