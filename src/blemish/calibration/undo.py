"""Calibrations can be undone: what each one replaces is kept in RUN/calibrations/, a file per calibration."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from blemish.errors import ArtifactError
from blemish.files import remove
from blemish.model.artifact import Artifact, read_artifact, write_artifact
from blemish.model.exports import Export, kinds_of_exports, read_export, write_export
from blemish.model.rules import Rules
from blemish.model.thresholds import Calibration
from blemish.model.training_record import KnownPhoto
from blemish.records import RecordFormat, read_record, write_record
from blemish.wording import as_argument

CALIBRATIONS_FOLDER = "calibrations"


@dataclass(frozen=True, kw_only=True)
class EarlierCalibration:
    """Holds the thresholds of a model and its exports, and the photos it knew, before a calibration."""

    weights_sha256: str
    """The checksum of the weights that they belong to."""
    calibration: Calibration
    photos: list[KnownPhoto]
    exports: dict[str, Calibration]
    """The calibrations of the exports that have their own, by the names of their folders."""
    rules: Rules | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    """Those settings of training that calibrating changes; none where an earlier version wrote it, which changed none.
    """


EARLIER_FORMAT = RecordFormat(
    version=1,
    name="calibration",
    what="an earlier calibration of a Blemish model",
    error=ArtifactError,
    mend="delete it; what it held cannot be restored",
    remake="delete it",
)


def keep_for_undo(artifact: Artifact, exports: Sequence[Export]) -> None:
    """Writes down what a calibration is about to replace; `exports` are those with thresholds of their own."""
    known = _kept(artifact.folder)
    number = 1 + max((int(path.stem) for path in known), default=0)
    write_record(
        EarlierCalibration(
            weights_sha256=artifact.weights_sha256,
            calibration=artifact.calibration,
            photos=list(artifact.training.photos),
            rules=artifact.rules,
            settings={"part": artifact.training.part_pattern},
            exports={export.folder.name: export.calibration for export in exports if export.calibration is not None},
        ),
        artifact.folder / CALIBRATIONS_FOLDER / f"{number:04}.json",
        form=EARLIER_FORMAT,
    )


def undo_calibration(folder: Path) -> Artifact:
    """Restores the thresholds before the last calibration, of the model and of its exports that have their own.

    May be repeated, back to those of training. Raises ArtifactError, before anything is changed, where there is nothing
    to undo or an export with thresholds of its own was made since.
    """
    artifact = read_artifact(folder)
    kept = _kept(folder)
    if not kept:
        raise ArtifactError(f"{folder} holds no earlier calibration: its thresholds are those of training")
    earlier = read_record(EarlierCalibration, kept[-1], form=EARLIER_FORMAT, missing=f"{kept[-1]} is gone: try again")
    if earlier.weights_sha256 != artifact.weights_sha256:
        raise ArtifactError(f"{kept[-1]} belongs to other weights than {folder} has now: delete it")
    own = [
        export
        for export in (read_export(artifact, *kind) for kind in kinds_of_exports(artifact))
        if export.calibration is not None
    ]
    for export in own:
        if export.folder.name not in earlier.exports:
            raise ArtifactError(
                f"{export.folder} was made after the last calibration, and has thresholds from its photos: delete it, "
                f"undo, then `blemish export {as_argument(folder)} --to {export.runtime} --precision "
                f"{export.precision}`"
            )
    for export in own:
        write_export(dataclasses.replace(export, calibration=earlier.exports[export.folder.name]))
    settings = artifact.training.settings | earlier.settings
    record = dataclasses.replace(artifact.training, photos=earlier.photos, settings=settings)
    restored = dataclasses.replace(artifact, calibration=earlier.calibration, training=record, rules=earlier.rules)
    write_artifact(restored)
    remove(kept[-1])
    return restored


def _kept(folder: Path) -> list[Path]:
    """Returns the files of earlier calibrations, oldest first."""
    found = (folder / CALIBRATIONS_FOLDER).glob("*.json")
    return sorted((path for path in found if path.stem.isdigit()), key=lambda path: int(path.stem))
