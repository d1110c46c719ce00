"""New thresholds for an artifact that is trained already."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from blemish.data.inspection import file_digest
from blemish.data.parts import parts_of
from blemish.errors import DataError
from blemish.evaluation.calibration import calibrate, highest_of_each, judge_good_photos
from blemish.inference.artifact import Artifact, write_artifact
from blemish.inference.predictor import Predictor


@dataclass(frozen=True, kw_only=True)
class Recalibration:
    """An artifact with new thresholds, and what became of the photos that were given for it."""

    artifact: Artifact
    added: int
    known: list[Path]
    """Left out: copies of photos that the artifact was trained on or calibrated with, or of one another."""
    unreadable: list[DataError]


def recalibrate(
    artifact: Artifact,
    predictor: Predictor,
    photos: Sequence[Path] = (),
    *,
    false_alarm_rate: float,
    check_rate: float | None = None,
    estimate: bool = False,
    replace: bool = False,
    on_photo: Callable[[int], None] = lambda _done: None,
) -> Recalibration:
    """Calibrates with the kept scores and those of more good `photos`, or of these alone, and writes model.json.

    Raises what `calibrate` does, and OutputError; the artifact then stays as it was.
    """
    fresh, known, unreadable = _fresh(photos, artifact.training.get("digests", []))
    every = parts_of(list(fresh.values()), artifact.training["training"].get("part"))
    judged = judge_good_photos(predictor, fresh.values(), on_photo=on_photo)
    parts, old = [every[i] for i in judged.judged], artifact.calibration
    calibration = calibrate(
        [*(() if replace else old.scores), *highest_of_each(parts, judged.scores)],
        [*(() if replace else old.peaks), *highest_of_each(parts, judged.peaks)],
        false_alarm_rate=false_alarm_rate,
        check_rate=check_rate,
        estimate=estimate,
        unit=old.unit,
    )
    digests = [*artifact.training.get("digests", []), *fresh]
    new = dataclasses.replace(artifact, calibration=calibration, training=artifact.training | {"digests": digests})
    write_artifact(new)
    return Recalibration(artifact=new, added=len(judged.scores), known=known, unreadable=unreadable + judged.unreadable)


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
