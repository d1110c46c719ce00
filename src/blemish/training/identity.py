"""Which training this is: what a checkpoint, and every process, must agree with."""

import dataclasses
import hashlib
import json
import logging
from pathlib import Path
from typing import Any

from blemish.detectors import DetectorSettings
from blemish.errors import DataError, SettingsError
from blemish.training import checkpoint as checkpoints
from blemish.training.checkpoint import CHECKPOINT_FILE, Checkpoint
from blemish.training.fit import Job
from blemish.training.processes import Processes
from blemish.training.settings import TrainingSettings

log = logging.getLogger("blemish")


def identity_of(
    method: str,
    settings: DetectorSettings,
    training: TrainingSettings,
    teachers: list[dict[str, str]],
    job: Job,
    processes: Processes,
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
        "machine": f"{processes.device.type} {processes.precision}, {processes.world_size} processes",
    }
    return dict(json.loads(json.dumps(identity)))  # as a checkpoint gives it back


def check_agreement(job: Job) -> None:
    """Were the processes' photos not the same, one would train on what calibrates another."""
    for other in job.processes.gather([job.identity]):
        different = [name for name, value in job.identity.items() if other[name] != value]
        if different:
            now = "; ".join(f"{name}: {job.identity[name]} and {other[name]}" for name in different)
            raise DataError(f"the processes do not train the same ({now}): let all of them see the same files")


def continue_from(job: Job, run: Path) -> Checkpoint | None:
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
