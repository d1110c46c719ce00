"""Predictor x test photos -> Evaluation."""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from blemish.data.dataset import GOOD, Dataset, Sample, dataset_of
from blemish.data.framing import Framing
from blemish.data.images import Size
from blemish.data.masks import mask_of
from blemish.data.part_names import parts_of
from blemish.data.shapes import other_aspect_line
from blemish.errors import DataError, MetricError
from blemish.evaluation.record import DefectType, Evaluation, PartCounts, PhotoJudgement
from blemish.inference.prediction import Prediction
from blemish.inference.predictor import Predictor
from blemish.metrics import METRICS, Judgements, curves
from blemish.metrics.curves import Curve
from blemish.metrics.intervals import binomial, bootstrap
from blemish.metrics.pixels import PixelCollector
from blemish.metrics.stored_arrays import check_room

_log = logging.getLogger("blemish")

_PIXEL_BYTES = 4  # of a normal pixel in temporary files


@dataclass(frozen=True, kw_only=True)
class _Result:
    """The outcome of one test photo, which was judged or could not be."""

    sample: Sample
    prediction: Prediction | None
    """None where the photo could not be judged."""
    mask: NDArray[np.bool_] | None = None
    """At the map's size; None where it is not known where the defects are."""
    trouble: str | None = None
    """A line on what could not be used."""


@dataclass(frozen=True, kw_only=True)
class _PhotoRecord:
    """The record of a judged test photo when its map has gone to the disk."""

    judgement: PhotoJudgement
    digest: str | None
    photo_size: Size
    map_size: Size
    marked: bool
    """Whether its map is above the threshold of pixels anywhere."""
    lost: bool
    """Whether nothing is left of its mask at the map's size."""
    outside: bool
    """Whether all that is left of it lies outside regions of interest."""

    @property
    def good(self) -> bool:
        return self.judgement.defect_type == GOOD


def evaluate_predictor(
    predictor: Predictor,
    photos: Dataset | Sequence[Sample],
    *,
    known_digests: Collection[str] = frozenset(),
    part: str | None = None,
    known_parts: Collection[str] = frozenset(),
    photos_per_part: float | None = None,
    trained_sizes: Mapping[Size, int] = MappingProxyType({}),
    on_photo: Callable[[int, int], object] = lambda _done, _of: None,
) -> Evaluation:
    """Judges every test photo and measures how well that went.

    `known_digests` (see `file_digest`) are of the photos that the predictor was trained and calibrated with: test
    photos among them are listed as duplicates. `part` is the regular expression that tells from a photo's name which
    part it shows (see `parts_of`), for photos of which the data set does not say it; `known_parts` are those that the
    predictor was trained and calibrated with, and `photos_per_part` is how many photos each of the latter had.
    `trained_sizes` counts the photos trained on by size: test photos of other shapes are told of in the log.

    The maps' pixels go to temporary files, 4 bytes each, those of defects up to 88, and memory holds about a hundredth
    of them. Raises DataError where no photo could be judged; unreadable ones are listed and left out. A photo whose
    mask is missing or cannot be used counts in metrics of images. Raises OutputError where there is no room for
    temporary files.
    """
    found = photos if isinstance(photos, Dataset) else dataset_of(test=photos)
    collector, judged = PixelCollector(), []
    unusable = [*map(str, found.skipped.unread()), *(f"left out: {error}" for error in found.left_out)]
    for done, result in enumerate(_results(predictor, found.test), start=1):
        if result.trouble is not None:
            unusable.append(result.trouble)
        if result.prediction is not None:
            collector.add(result.prediction.anomaly_map, result.mask, inside=result.prediction.inside)
            judged.append(_record(result.sample, result.prediction, result.mask, part=part))
        on_photo(done, len(found.test))
    if line := other_aspect_line(Counter(photo.photo_size for photo in judged), trained_sizes) if judged else None:
        _log.warning("%s", line)
    if not judged:
        raise DataError("no test photo could be judged: " + (unusable[0] if unusable else "there is none"))
    judgements = Judgements(
        anomalous=np.array([not photo.good for photo in judged]),
        scores=np.array([photo.judgement.anomaly_score for photo in judged]),
        maps=collector.pixels(),
    )
    duplicates = [photo.judgement.image for photo in judged if photo.digest in known_digests]
    evaluation = _evaluation(judged, judgements, predictor, found=found, unusable=unusable, duplicates=duplicates)
    good = [photo.judgement for photo in judged if photo.good]
    return replace(
        evaluation,
        of_known_parts=[photo.image for photo in good if photo.part in known_parts],
        calibration_photos_per_part=photos_per_part if evaluation.unit == "parts" else None,
        regions_of_interest=list(predictor.interest.names) if predictor.interest is not None else [],
        rules=predictor.rules.said if predictor.rules is not None else [],
        outside_masks=sum(photo.outside for photo in judged),
    )


def _results(predictor: Predictor, samples: Sequence[Sample]) -> Iterator[_Result]:
    """Yields one for each sample, in order; raises OutputError where as many maps as the first would find no room."""
    room_is_checked = False
    predictions = predictor.predict_many(sample.image for sample in samples)
    for sample, prediction in zip(samples, predictions, strict=True):
        if isinstance(prediction, DataError):
            yield _Result(sample=sample, prediction=None, trouble=f"left out: {prediction}")
            continue
        if not room_is_checked:
            check_room(_PIXEL_BYTES * len(samples) * prediction.anomaly_map.size)
            room_is_checked = True
        try:
            yield _Result(sample=sample, prediction=prediction, mask=_mask(sample, prediction, predictor.framing))
        except DataError as error:
            trouble = f"{error}; its photo counts in metrics of images only"
            yield _Result(sample=sample, prediction=prediction, trouble=trouble)


def _mask(sample: Sample, prediction: Prediction, framing: Framing) -> NDArray[np.bool_] | None:
    """Returns the true mask at the map's size; None where the dataset has none of a defective photo."""
    if not sample.anomalous:
        return np.zeros(prediction.anomaly_map.shape, np.bool_)
    mask = mask_of(sample, prediction.photo_size)
    return None if mask is None else framing.mask(mask)


def _record(
    sample: Sample,
    prediction: Prediction,
    mask: NDArray[np.bool_] | None,
    *,
    part: str | None,
) -> _PhotoRecord:
    height, width = prediction.anomaly_map.shape
    counted = mask if mask is None or prediction.inside is None else mask & prediction.inside
    return _PhotoRecord(
        judgement=PhotoJudgement(
            image=str(sample.image.absolute()),
            defect_type=sample.defect_type,
            part=_part(sample, part),
            masks=[] if mask is None else [str(path.absolute()) for path in sample.masks],
            mask_values=sample.mask_values,
            anomaly_score=prediction.anomaly_score,
            verdict=prediction.verdict,
            photo_size=prediction.photo_size,
            defect_pixels=int(counted.sum()) if sample.anomalous and counted is not None else None,
            unusual_reason=prediction.unusual_reason,
            rule_reason=prediction.rule_reason,
        ),
        digest=prediction.digest,
        photo_size=prediction.photo_size,
        map_size=(height, width),
        marked=bool(prediction.anomaly_map.max() > prediction.thresholds.pixel),
        lost=sample.anomalous and mask is not None and not mask.any(),
        outside=mask is not None and counted is not None and bool(mask.any()) and not counted.any(),
    )


def _part(sample: Sample, pattern: str | None) -> str | None:
    """Returns which part a photo shows, where dataset or name say it."""
    known = sample.part
    if known is None and pattern is not None:
        with suppress(DataError):  # the name of a photo from elsewhere need not hold a part's
            (known,) = parts_of([sample.image], pattern)
    return known


def _evaluation(
    judged: Sequence[_PhotoRecord],
    judgements: Judgements,
    predictor: Predictor,
    *,
    found: Dataset,
    unusable: list[str],
    duplicates: list[str],
) -> Evaluation:
    calibration, threshold = predictor.calibration, predictor.calibration.image
    good, alarm = ~judgements.anomalous, np.array([photo.judgement.alarm for photo in judged])
    false_alarms, misses = int(np.sum(alarm & good)), int(np.sum(~alarm & ~good))
    metrics, undefined = _values(judgements, METRICS)
    sizes = {photo.map_size for photo in judged}
    return Evaluation(
        dataset=found.name,
        root=str(found.root.absolute()),
        category=found.category,
        train_photos=len(found.train),
        provenance=predictor.provenance,
        judged_at=datetime.now(UTC).isoformat(timespec="seconds"),
        metrics=metrics,
        undefined=undefined,
        intervals=bootstrap(judgements, metrics),
        threshold=threshold.value,
        threshold_estimated=threshold.estimated,
        asked_rate=threshold.asked_rate,
        promised_rate=threshold.promised_rate,
        unit=calibration.unit,
        calibration_n=calibration.n,
        false_alarms=false_alarms,
        good_photos=int(good.sum()),
        false_alarm_interval=binomial(false_alarms, int(good.sum())),
        good_parts=_good_parts(judged, alarm),
        misses=misses,
        defective_photos=int(np.sum(~good)),
        miss_interval=binomial(misses, int(np.sum(~good))),
        marked_good_photos=sum(photo.marked for photo in judged if photo.good),
        without_mask=sum(not photo.good and not photo.judgement.masks for photo in judged),
        lost_masks=sum(photo.lost for photo in judged),
        defect_types=_by_type([photo.judgement.defect_type for photo in judged], judgements, alarm),
        photos=[photo.judgement for photo in judged],
        unreadable=unusable,
        duplicates=duplicates,
        curves=_curves(judgements),
        unusual_good=sum(photo.judgement.verdict == "unusual" for photo in judged if photo.good),
        unusual_defective=sum(photo.judgement.verdict == "unusual" for photo in judged if not photo.good),
        map_size=sizes.pop() if len(sizes) == 1 else None,
    )


def _good_parts(judged: Sequence[_PhotoRecord], alarm: NDArray[np.bool_]) -> PartCounts | None:
    """Returns good parts and what their photos gave; None where one photo's part is not known, or there is no photo."""
    photos = [(photo.judgement.part, photo, bool(above)) for photo, above in zip(judged, alarm, strict=True)]
    good = [(part, photo, above) for part, photo, above in photos if photo.good]
    if not good or any(part is None for part, _, _ in good):
        return None
    parts = {part for part, _, _ in good}
    alarmed = {part for part, _, above in good if above}
    return PartCounts(
        parts=len(parts),
        alarmed=len(alarmed),
        alarm_interval=binomial(len(alarmed), len(parts)),
        marked=len({part for part, photo, _ in good if photo.marked}),
    )


def _values(judgements: Judgements, names: Iterable[str]) -> tuple[dict[str, float | None], dict[str, str]]:
    """Returns each metric, and why it has no value where it has none."""
    values: dict[str, float | None] = dict.fromkeys(names)
    undefined: dict[str, str] = {}
    for name in values:
        try:
            values[name] = METRICS[name].value(judgements)
        except MetricError as error:
            undefined[name] = str(error)
    return values, undefined


def _curves(judgements: Judgements) -> dict[str, Curve]:
    found: dict[str, Curve] = {}
    for unit in ("image", "pixel"):
        with suppress(MetricError):  # `undefined` says why
            ranking = judgements.photos if unit == "image" else judgements.pixels
            found |= {f"{unit}_roc": curves.roc(ranking), f"{unit}_pr": curves.precision_recall(ranking)}
    return found


def _by_type(types: Sequence[str], judgements: Judgements, alarm: NDArray[np.bool_]) -> dict[str, DefectType]:
    names = [name for name, metric in METRICS.items() if metric.per_type]
    found = {}
    for kind in sorted(set(types), key=lambda t: (t != GOOD, t)):
        of_type = np.array([t == kind for t in types])
        both = np.flatnonzero(of_type | ~judgements.anomalous)
        metrics: dict[str, float | None] = dict.fromkeys(names)
        if kind != GOOD and not judgements.anomalous.all():
            metrics, _ = _values(judgements.of(both), names)
        found[kind] = DefectType(photos=int(of_type.sum()), judged_anomalous=int(alarm[of_type].sum()), metrics=metrics)
    return found
