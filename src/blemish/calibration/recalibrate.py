"""New thresholds for an artifact that is trained already."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blemish.calibration.far_photos import FarPhotos, far_photos
from blemish.calibration.known_parts import names_of_known_parts, remembered_photos
from blemish.calibration.promise import GoodPhotos, calibrate_with, judge_good_photos
from blemish.calibration.undo import keep_for_undo
from blemish.data.dataset import Sample
from blemish.data.digest import file_digest
from blemish.data.part_names import parts_of
from blemish.data.shapes import sizes_counted
from blemish.errors import ArtifactError, DataError, SettingsError
from blemish.inference import open_predictor
from blemish.model.artifact import Artifact, read_artifact, write_artifact
from blemish.model.exports import Export, kinds_of_exports, read_export, write_export
from blemish.model.rules import Rules, read_rules
from blemish.model.thresholds import Calibration, Unit, is_alarm
from blemish.model.training_record import KnownPhoto, TrainingRecord
from blemish.progress import OnProgress, Progress, say_nothing
from blemish.wording import as_argument, some_of


@dataclass(frozen=True, kw_only=True)
class Recalibration:
    """An artifact that has new thresholds, and what became of the photos that were given for it."""

    artifact: Artifact
    added: int
    known: list[Path]
    """Left out: copies of photos that the artifact was trained on or calibrated with, or of one another."""
    of_known_parts: list[Path]
    """Left out: other photos of parts that the artifact was trained on or calibrated with."""
    unreadable: list[DataError]
    far: FarPhotos | None = None
    """Those of the added photos that score far above all others."""


@dataclass(frozen=True, kw_only=True)
class AskedRates:
    """The rates that a user asks of the new thresholds; None is as before."""

    false_alarms: float | None = None
    """Share of good photos that may be called anomalous."""
    check: float | None = None
    """Share of good photos that may be called anomalous or "check"; 0: none is called "check"."""
    estimate: bool | None = None
    """Whether thresholds come from a fitted tail, which promises nothing."""

    def resolved(self, old: Calibration) -> dict[str, Any]:
        """Returns the arguments of `calibrate`, with those of `old` where nothing was asked."""
        check = self.check
        if check is None and old.check is not None:
            check = old.check.asked_rate
        rate = old.image.asked_rate if self.false_alarms is None else self.false_alarms
        if self.check is None and check is not None and check <= rate:
            raise SettingsError(
                f'{check:g} of good photos may be called "check" or anomalous, as set before, which is not above the '
                f'false alarm rate, {rate:g}: give another share, or 0 to call none "check"'
            )
        estimate = old.image.estimated if self.estimate is None else self.estimate
        return {"false_alarm_rate": rate, "check_rate": check or None, "estimate": estimate}


AS_BEFORE = AskedRates()


def recalibrate(
    folder: Path,
    photos: Sequence[Path | Sample] = (),
    *,
    part: str | None = None,
    asked: AskedRates = AS_BEFORE,
    rules: Sequence[str] = (),
    mm_per_pixel: float | None = None,
    replace: bool = False,
    accept: bool = False,
    runtime: str = "auto",
    device: str = "auto",
    on_progress: OnProgress = say_nothing,
) -> Recalibration:
    """Calibrates the artifact in `folder` with the scores it knows and those of more good `photos`, or of these alone.

    So too its exports that have thresholds of their own, each judging the photos in its own precision. `part` finds in
    a photo's name which part it shows, also of the photos that the artifact knows, and is kept in place of the pattern
    before; a Sample may say it itself. Raises what `calibrate` and `remembered_photos` do, and ArtifactError,
    MissingExtraError, OutputError before anything is changed, but for a disk that fails midway. Photos of which more
    than half are above the threshold so far are refused but for `accept`. `rules`, where given, replace those before
    (see `read_rules`). What was before can be restored, see `undo_calibration`.
    """
    artifact = read_artifact(folder)
    training, new_rules = artifact.training, _rules(artifact, rules, mm_per_pixel)
    pattern = part if part is not None else training.part_pattern
    remembered = remembered_photos(artifact, pattern, replace=replace)
    samples = [photo if isinstance(photo, Sample) else Sample(image=photo) for photo in photos]
    fresh, known, unreadable = _fresh(samples, remembered)
    _check_parts_known(list(fresh.values()), pattern, artifact)
    fresh, of_known_parts = _of_new_parts(fresh, pattern, remembered)
    if replace and photos and not fresh:
        raise _nothing_new(folder, known=len(known) + len(of_known_parts), unreadable=len(unreadable))
    own = _exports_with_thresholds(artifact, together=bool(fresh or part) and not replace)
    judges = [(runtime, "fp32", device), *((export.runtime, export.precision, "auto") for export in own)]
    paths = [sample.image for sample in fresh.values()]
    every = [_judged(folder, judge, paths, on_progress) for judge in judges]
    if not accept:
        _check_good(artifact.calibration, every[0], folder)
    olds = [artifact.calibration, *(export.calibration for export in own if export.calibration is not None)]
    parts = parts_of(list(fresh.values()), pattern)
    unit = _unit(paths, parts, pattern, artifact.calibration)
    new, *others = [
        _anew(old, judged, parts, unit=unit, asked=asked, replace=replace)
        for old, judged in zip(olds, every, strict=True)
    ]
    keep_for_undo(artifact, own)
    for export, calibration in zip(own, others, strict=True):
        write_export(dataclasses.replace(export, calibration=calibration))
    judged = every[0]
    added = [_photo(digest, path, part=name) for digest, path, name in zip(fresh, paths, parts, strict=True)]
    record = _record(training, [*remembered, *(added[i] for i in judged.judged)], pattern)
    changed = dataclasses.replace(artifact, calibration=new, training=record, rules=new_rules)
    write_artifact(changed)
    far = far_photos(paths, judged, parts, new, others=None if replace else artifact.calibration)
    return Recalibration(
        artifact=changed,
        added=len(judged.scores),
        known=known,
        of_known_parts=of_known_parts,
        unreadable=unreadable + judged.unreadable,
        far=far,
    )


def _rules(artifact: Artifact, texts: Sequence[str], mm_per_pixel: float | None) -> Rules | None:
    """Returns the rules that hold from now on; raises SettingsError for those that mean nothing."""
    sizes = sizes_counted(artifact.training.photo_sizes)
    usual = max(sizes, key=lambda size: sizes[size]) if sizes else artifact.image_size
    return read_rules(
        texts,
        before=artifact.rules,
        mm_per_pixel=mm_per_pixel,
        regions=() if artifact.interest is None else artifact.interest.names,
        photo_size=usual if artifact.interest is None else artifact.interest.size,
    )


def _nothing_new(folder: Path, *, known: int, unreadable: int) -> DataError:
    return DataError(
        f"none of the {known + unreadable} photos can replace those that {folder} was calibrated with: "
        f"{known} are known, or of known parts, {unreadable} cannot be read"
    )


def _unit(paths: Sequence[Path], parts: Sequence[str], pattern: str | None, old: Calibration) -> Unit:
    """Returns what is promised of: parts, too, where it was of photos and it is known now which part one shows."""
    named = pattern is not None or any(name != str(path) for name, path in zip(parts, paths, strict=True))
    return "parts" if named else old.unit


def _check_good(calibration: Calibration, judged: GoodPhotos, folder: Path) -> None:
    """Raises DataError where most photos that are said to be good would be stopped: a folder of defects calibrates
    nothing, and its threshold would let defects pass."""
    unusualness = judged.unusualness or [0.0] * len(judged.scores)
    verdicts = map(calibration.thresholds.verdict, judged.scores, unusualness)
    above = sum(is_alarm(verdict) for verdict in verdicts)
    if 2 * above > len(judged.scores):
        raise DataError(
            f"{above} of {len(judged.scores)} photos given as good score above the threshold of {folder}, "
            f"{calibration.image.value:.4g}, or are unusual, and with them defects would pass: nothing is changed. Are "
            "they of good parts? If they are, and camera or light have changed, add --accept (with --replace, to "
            "forget the photos before)"
        )


def _judged(folder: Path, judge: tuple[str, str, str], photos: Sequence[Path], on_progress: OnProgress) -> GoodPhotos:
    """Returns what a runtime in a precision on a device says of good photos; without photos nothing is opened."""
    if not photos:
        return GoodPhotos(judged=[], scores=[], peaks=[], unreadable=[])
    runtime, precision, device = judge
    predictor = open_predictor(folder, runtime=runtime, precision=precision, device=device)
    activity = f"judging, {precision}"
    return judge_good_photos(
        predictor,
        photos,
        on_photo=lambda done: on_progress(Progress(activity=activity, done=done, total=len(photos))),
    )


def _exports_with_thresholds(artifact: Artifact, *, together: bool) -> list[Export]:
    """Returns the exports that have thresholds of their own.

    Raises ArtifactError for one whose photos are not the model's, where both are to get more of them, or parts of
    these, `together`: this was killed when the first export had its thresholds and the model had not, and the same
    photos would count twice.
    """
    exports = [read_export(artifact, runtime, precision) for runtime, precision in kinds_of_exports(artifact)]
    own = [export for export in exports if export.calibration is not None]
    for export in own if together else ():
        assert export.calibration is not None
        if export.calibration.n != artifact.calibration.n:
            raise ArtifactError(
                f"{export.folder} was calibrated with other photos than {artifact.folder}: make it anew with "
                f"`blemish export {as_argument(artifact.folder)} --to {export.runtime} --precision "
                f"{export.precision}`, or delete it"
            )
    return own


def _anew(
    old: Calibration, judged: GoodPhotos, parts: Sequence[str], *, unit: Unit, asked: AskedRates, replace: bool
) -> Calibration:
    shown = [parts[i] for i in judged.judged]
    return calibrate_with(judged, shown, known=None if replace else old, unit=unit, **asked.resolved(old))


def _photo(digest: str, path: Path, *, part: str) -> KnownPhoto:
    return KnownPhoto(digest=digest, file=str(path.absolute()), part=part if part != str(path) else None)


def _record(training: TrainingRecord, photos: list[KnownPhoto], pattern: str | None) -> TrainingRecord:
    """Returns the record with the photos known from now on, and with the pattern that tells their parts."""
    return dataclasses.replace(training, photos=photos, settings=training.settings | {"part": pattern})


def _check_parts_known(fresh: Sequence[Sample], pattern: str | None, artifact: Artifact) -> None:
    """Raises DataError where the promise is of parts, and nobody says which part a photo shows: it would count as one
    of its own, though it may show one that the network knows."""
    unsaid = [] if pattern is not None else [sample.image for sample in fresh if sample.part is None]
    if unsaid and artifact.calibration.unit == "parts":
        raise DataError(
            f"{artifact.folder} promises of parts, which its data set named, and which part {some_of(unsaid, shown=1)} "
            "shows is not known: give --part, such as '(.+)_[0-9]+', or '.+' where each photo shows one of its own"
        )


def _of_new_parts(
    fresh: dict[str, Sample], pattern: str | None, remembered: Sequence[KnownPhoto]
) -> tuple[dict[str, Sample], list[Path]]:
    """Leaves out the photos of parts that are remembered: the network knows these, or they were counted already."""
    known = names_of_known_parts(remembered, pattern)
    parts = dict(zip(fresh, parts_of(list(fresh.values()), pattern), strict=True))
    new = {digest: sample for digest, sample in fresh.items() if parts[digest] not in known}
    return new, [sample.image for digest, sample in fresh.items() if digest not in new]


def _fresh(
    samples: Sequence[Sample], remembered: Sequence[KnownPhoto]
) -> tuple[dict[str, Sample], list[Path], list[DataError]]:
    """Returns by digest the photos that are new, the known ones, and errors; a copy counts once."""
    fresh: dict[str, Sample] = {}
    known, unreadable, seen = [], [], {photo.digest for photo in remembered}
    for sample in samples:
        try:
            digest = file_digest(sample.image)
        except DataError as error:
            unreadable.append(error)
            continue
        if digest in seen:
            known.append(sample.image)
        else:
            fresh[digest] = sample
            seen.add(digest)
    return fresh, known, unreadable
