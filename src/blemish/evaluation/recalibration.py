"""New thresholds for an artifact that is trained already."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blemish.data.inspection import file_digest
from blemish.data.parts import parts_of
from blemish.errors import DataError
from blemish.evaluation.calibration import GoodPhotos, calibrate, highest_of_each, judge_good_photos
from blemish.inference import open_predictor
from blemish.inference.artifact import Artifact, read_artifact, write_artifact
from blemish.inference.calibration import Calibration
from blemish.inference.exports import exports_of, write_export

NONE_JUDGED = GoodPhotos(judged=[], scores=[], peaks=[], unreadable=[])


@dataclass(frozen=True, kw_only=True)
class Recalibration:
    """An artifact with new thresholds, and what became of the photos that were given for it."""

    artifact: Artifact
    added: int
    known: list[Path]
    """Left out: copies of photos that the artifact was trained on or calibrated with, or of one another."""
    unreadable: list[DataError]


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """What is asked of the new thresholds; see `calibrate`."""

    false_alarm_rate: float
    check_rate: float | None = None
    estimate: bool = False


def recalibrate(
    folder: Path,
    photos: Sequence[Path] = (),
    *,
    asked: Thresholds | None = None,
    replace: bool = False,
    runtime: str = "auto",
    device: str = "auto",
    on_photo: Callable[[int], None] = lambda _done: None,
) -> Recalibration:
    """Calibrates the artifact in `folder` with its kept scores and those of more good `photos`, or of these alone.

    So too its exports that have thresholds of their own, each judging the photos in its own precision. Without `asked`
    the false alarm rate stays. Raises what `calibrate` does, and ArtifactError, MissingExtraError, OutputError before
    anything is changed, but for a disk that fails midway.
    """
    artifact = read_artifact(folder)
    asked = asked or Thresholds(false_alarm_rate=artifact.calibration.image.asked_rate)
    fresh, known, unreadable = _fresh(photos, artifact.training.get("digests", []))
    own = [export for export in exports_of(artifact) if export.calibration is not None]
    judges = [(runtime, "fp32", device), *((export.runtime, export.precision, "auto") for export in own)]
    every = [
        judge_good_photos(
            open_predictor(folder, runtime=name, precision=precision, device=where), fresh.values(), on_photo=on_photo
        )
        if fresh
        else NONE_JUDGED
        for name, precision, where in judges
    ]
    olds = [artifact.calibration, *(export.calibration for export in own if export.calibration is not None)]
    parts = parts_of(list(fresh.values()), artifact.training["training"].get("part"))
    new, *others = [
        _anew(old, judged, parts, asked=asked, replace=replace) for old, judged in zip(olds, every, strict=True)
    ]
    for export, calibration in zip(own, others, strict=True):
        write_export(dataclasses.replace(export, calibration=calibration))
    changed = dataclasses.replace(artifact, calibration=new, training=_record(artifact, fresh, replace=replace))
    write_artifact(changed)
    judged = every[0]
    return Recalibration(
        artifact=changed, added=len(judged.scores), known=known, unreadable=unreadable + judged.unreadable
    )


def _anew(
    old: Calibration, judged: GoodPhotos, parts: Sequence[str], *, asked: Thresholds, replace: bool
) -> Calibration:
    shown = [parts[i] for i in judged.judged]
    return calibrate(
        [*(() if replace else old.scores), *highest_of_each(shown, judged.scores)],
        [*(() if replace else old.peaks), *highest_of_each(shown, judged.peaks)],
        false_alarm_rate=asked.false_alarm_rate,
        check_rate=asked.check_rate,
        estimate=asked.estimate,
        unit=old.unit,
    )


def _record(artifact: Artifact, fresh: dict[str, Path], *, replace: bool) -> dict[str, Any]:
    """What the artifact knows of its photos, with the new ones at the end."""
    training = artifact.training
    digests, files = training.get("digests", []), training.get("files", [])
    start = len(digests) if replace else artifact.calibrated_from
    return training | {
        "digests": [*digests, *fresh],
        "files": [*files, *(str(path.absolute()) for path in fresh.values())],
        "calibrated_from": start,
    }


def _fresh(photos: Sequence[Path], digests: Sequence[str]) -> tuple[dict[str, Path], list[Path], list[DataError]]:
    """Photos by their digests; a photo that the network was trained on says nothing of new ones; none counts twice."""
    fresh: dict[str, Path] = {}
    known, unreadable, seen = [], [], set(digests)
    for photo in photos:
        try:
            digest = file_digest(photo)
        except DataError as error:
            unreadable.append(error)
            continue
        if digest in seen:
            known.append(photo)
        else:
            fresh[digest] = photo
            seen.add(digest)
    return fresh, known, unreadable
