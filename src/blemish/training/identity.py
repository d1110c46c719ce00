"""Which training this is: what a checkpoint, and every process, must agree with."""

import dataclasses
import hashlib
import json
import logging
import platform
from collections.abc import Mapping
from typing import Any

import numpy as np
import PIL
import torch

from blemish.data.alignment import Alignment
from blemish.detectors import DETECTORS, DetectorSettings
from blemish.errors import DataError, SettingsError
from blemish.networks.device import kind_of_device
from blemish.training import checkpoint as checkpoints
from blemish.training.checkpoint import CHECKPOINT_FILE, Checkpoint
from blemish.training.fit import Job
from blemish.training.inside import checksum_of
from blemish.training.material import Material
from blemish.training.memory import MemoryBudget
from blemish.training.processes import Processes
from blemish.training.settings import TrainingSettings
from blemish.version import __version__

_DECIDE_NO_WEIGHT = {
    *("false_alarms", "region_thresholds", "checkpoint_every", "device", "precision"),
    *("max_megapixels", "aspect", "tiles"),
}
"""Settings that may change when a training goes on. What device, precision, aspect and tiles came to is an entry of its
own, and which photos could be read another."""
_ENVIRONMENT = ("device", "threads", "GPU memory for teacher features", "torch", "blemish", "Python", "numpy", "Pillow")

_log = logging.getLogger("blemish")


def identity_of(
    method: str,
    settings: DetectorSettings,
    training: TrainingSettings,
    teachers: list[dict[str, str]],
    material: Material,
    budget: MemoryBudget,
    processes: Processes,
) -> dict[str, Any]:
    """Returns all that decides the weights: a checkpoint is continued only where every entry agrees.

    How much is kept decides them too, in the last bits: a photo's teacher features depend on how many photos they were
    computed with.
    """
    contents = hashlib.sha256("".join(material.digests).encode()).hexdigest()[:16]
    identity = {
        "method": method,
        **_deciding(settings, training),
        "teacher weights": [teacher["sha256"][:16] for teacher in teachers],
        "photos": f"{len(material.photos)} photos, contents {contents}",
        "regions of interest": checksum_of(material.interest),
        "tiles": material.photos.framing.tile,
        "alignment": _checksum(material.photos.framing.alignment),
        "photos with borders": _bordered(material) or None,
        "textures": [textures.contents for textures in material.textures.values()],
        "computing precision": processes.precision,
        "processes": processes.world_size,
        "device": kind_of_device(processes.device),
        "threads": torch.get_num_threads(),
        "GPU memory for teacher features": budget.device if budget.apart else None,
        "torch": torch.__version__,
        "blemish": __version__,
        "Python": platform.python_version(),
        "numpy": np.__version__,
        "Pillow": PIL.__version__,
    }
    return dict(json.loads(json.dumps(identity)))  # as a checkpoint gives it back


def _checksum(alignment: Alignment | None) -> str | None:
    """Returns what tells one reference from another; None where photos are framed as they lie."""
    return None if alignment is None else hashlib.sha256(alignment.reference.encode()).hexdigest()[:16]


def _bordered(material: Material) -> int:
    """Returns how many photos get borders, rather than being squeezed."""
    framing = material.photos.framing
    if framing.tile is not None:
        return 0
    sizes = (material.photos.facts[path].size for path in material.photos.paths)
    return sum(framing.map_size(size) != framing.image_size for size in sizes)


def _deciding(settings: DetectorSettings, training: TrainingSettings) -> dict[str, Any]:
    values = settings.to_json() | dataclasses.asdict(training)
    return {name: value for name, value in values.items() if name not in _DECIDE_NO_WEIGHT}


def check_agreement(job: Job) -> None:
    """Raises SettingsError where processes have other photos: one would train on what calibrates another."""
    for other in job.processes.gather([job.identity]):
        if different := _differences(job.identity, other):
            now = "; ".join(f"{name}: {_shown(one)} and {_shown(two)}" for name, (one, two) in different.items())
            raise DataError(f"the processes do not train the same ({now}): let all of them see the same files")


def continue_from(job: Job) -> Checkpoint | None:
    """Returns the checkpoint; raises SettingsError, which says what is not as it was, and ArtifactError."""
    path = job.run / CHECKPOINT_FILE
    if not path.exists():
        _log.warning("%s holds no checkpoint yet: training starts from the beginning", job.run)
        return None
    checkpoint = checkpoints.load(path)
    check_continuation(checkpoint.record["identity"], job.identity, run=str(job.run))
    return checkpoint


def check_continuation(before: Mapping[str, Any], now: Mapping[str, Any], *, run: str) -> None:
    """Raises SettingsError where one of two identities, that of a checkpoint, would lead to other weights.

    A setting that the checkpoint does not know is newer than it, and was what is now its default.
    """
    different = _differences(_defaults(str(now["method"]), before) | dict(before), now)
    if "seed" in different:
        different.pop("photos", None)  # perhaps the same ones, which another seed puts into another order
    if not different:
        return
    what = "; ".join(f"{name} was {_shown(old)}, is {_shown(new)}" for name, (old, new) in different.items())
    mends = []
    if set(different) - set(_ENVIRONMENT):
        mends.append("give the same command")
    if set(different) & set(_ENVIRONMENT):
        mends.append("go on with the same machine and versions")
    if "threads" in different:
        mends.append(f"set OMP_NUM_THREADS={different['threads'][0]}")
    raise SettingsError(f"cannot resume {run}: {what}; {', '.join(mends)}, or --overwrite to start anew")


def _defaults(method: str, before: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what settings are where a checkpoint's identity says nothing, as the method reads older records."""
    kind = DETECTORS[method].Settings if method in DETECTORS else DetectorSettings
    known = {field.name for field in dataclasses.fields(kind)} - {"textures"}  # which an identity has the contents of
    settings = kind.from_json({name: value for name, value in before.items() if name in known})
    return dict(json.loads(json.dumps(_deciding(settings, TrainingSettings()))))


def _differences(one: Mapping[str, Any], two: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    names = [*two, *(name for name in one if name not in two)]
    return {name: (one.get(name), two.get(name)) for name in names if one.get(name) != two.get(name)}


def _shown(value: Any) -> str:
    """Returns the value as a person writes it: 256x256, none, or a list's entries."""
    if isinstance(value, list) and len(value) == 2 and all(isinstance(side, int) for side in value):
        return "x".join(map(str, value))
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)
