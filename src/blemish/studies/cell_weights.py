"""Which weights the teachers of a benchmark's cell have, as far as that is known before it is trained."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import Any

from blemish.detectors import DETECTORS
from blemish.errors import ArtifactError
from blemish.model.artifact import file_sha256, read_artifact
from blemish.networks import BACKBONES
from blemish.networks.pretrained import kept_weights


@dataclass(frozen=True, kw_only=True)
class TeacherWeights:
    """The weights that one teacher has."""

    sha256: str | None
    """None where nobody knows before, as of a teacher of timm's."""
    kept: bool = False
    """Whether a file of the user's, which the settings do not name, stands in for the official one."""


def weights_of_teachers(method: str, settings: Mapping[str, Any]) -> list[TeacherWeights]:
    """Returns those of each teacher of a method, in their order; nothing is downloaded."""
    own = fields(DETECTORS[method].Settings) if method in DETECTORS else ()
    names = [settings.get(field.name, field.default) for field in own if field.name.endswith("teacher")]
    files = settings.get("teacher_weights") or ()
    return [_weights(name, file) for name, file in zip_longest(names, files[: len(names)])]


def has_other_weights(run: Path, wanted: list[TeacherWeights]) -> bool | None:
    """Returns whether a model learned from teachers with other weights; None where there is no model to say it."""
    try:
        had = read_artifact(run).teachers
    except ArtifactError:
        return None
    return len(had) == len(wanted) and any(
        teacher.sha256 not in (None, before.sha256) for teacher, before in zip(wanted, had, strict=True)
    )


def content_of(file: Path) -> str:
    """Returns the checksum of a file, which is read again when it has changed."""
    facts = file.stat()
    return _content(file, facts.st_size, facts.st_mtime_ns)


@cache  # every cell asks several times, and weights may have a gigabyte
def _content(file: Path, _size: int, _changed_ns: int) -> str:
    return file_sha256(file)


def _weights(name: str, file: Path | None) -> TeacherWeights:
    if file is not None:
        return TeacherWeights(sha256=content_of(file) if file.is_file() else None)
    if name not in BACKBONES:
        return TeacherWeights(sha256=None)
    official = BACKBONES[name].weights.sha256
    kept = kept_weights(name, BACKBONES[name].weights)
    found = official if kept is None else content_of(kept.path)
    return TeacherWeights(sha256=found, kept=found != official)
