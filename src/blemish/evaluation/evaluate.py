"""Predictor x test photos -> Evaluation."""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blemish.data.dataset import GOOD, Dataset, Sample, dataset_of
from blemish.data.framing import Framing
from blemish.data.images import Size
from blemish.data.masks import mask_of, saturated_masks
from blemish.data.shapes import other_aspect_line
from blemish.errors import DataError, MetricError
from blemish.evaluation.judged_photo import JudgedPhoto, judged_photo
from blemish.evaluation.record import DefectType, Evaluation, PartCounts
from blemish.inference.prediction import Prediction
from blemish.inference.predictor import Predictor
from blemish.metrics import METRICS, Judgements, curves
from blemish.metrics.curves import Curve
from blemish.metrics.intervals import binomial, drawn_figures, interval_of
from blemish.metrics.pixels import PixelCollector
from blemish.metrics.ranking import Floats
from blemish.metrics.saturation import SaturatedDefect
from blemish.metrics.stored_arrays import check_room

_log = logging.getLogger("blemish")

_PIXEL_BYTES = 4  # of a normal pixel in temporary files
_DIGITS = 5


@dataclass(frozen=True, kw_only=True)
class _Result:
    """The outcome of one test photo, which was judged or could not be."""

    sample: Sample
    prediction: Prediction | None
    """None where the photo could not be judged."""
    mask: NDArray[np.bool_] | None = None
    """At the map's size; None where it is not known where the defects are."""
    saturated: tuple[SaturatedDefect, ...] = ()
    """The defects of the mask, where the data set says how much of each is enough."""
    trouble: str | None = None
    """A line on what could not be used."""


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

    The maps' pixels go to temporary files, 4 bytes each, those of defects up to 96, and memory holds about a hundredth
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
            seen = result.prediction
            collector.add(seen.anomaly_map, result.mask, inside=seen.inside, saturated=result.saturated)
            judged.append(judged_photo(result.sample, result.prediction, result.mask, part=part))
        on_photo(done, len(found.test))
    if line := other_aspect_line(Counter(photo.photo_size for photo in judged), trained_sizes) if judged else None:
        _log.warning("%s", line)
    if not judged:
        raise DataError("no test photo could be judged: " + (unusable[0] if unusable else "there is none"))
    judgements = Judgements(
        anomalous=np.array([not photo.good for photo in judged]),
        scores=np.array([photo.judgement.anomaly_score for photo in judged]),
        maps=collector.pixels(),
        pixel_threshold=predictor.calibration.thresholds.pixel,
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
            yield _masked(sample, prediction, predictor.framing)
        except DataError as error:
            trouble = f"{error}; its photo counts in metrics of images only"
            yield _Result(sample=sample, prediction=prediction, trouble=trouble)


def _masked(sample: Sample, prediction: Prediction, framing: Framing) -> _Result:
    """Returns the result with the true mask at the map's size, where the dataset has one of a defective photo."""
    if not sample.anomalous:
        return _Result(sample=sample, prediction=prediction, mask=np.zeros(prediction.anomaly_map.shape, np.bool_))
    mask = mask_of(sample, prediction.photo_size)
    defects = saturated_masks(sample)
    return _Result(
        sample=sample,
        prediction=prediction,
        mask=None if mask is None else framing.mask(mask),
        saturated=tuple(SaturatedDefect(mask=framing.mask(own), share=share) for own, share in defects),
    )


def _evaluation(
    judged: Sequence[JudgedPhoto],
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
    metrics, undefined = _values(judgements, _names(judgements))
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
        **_bootstrapped(judgements, metrics),
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


def _bootstrapped(judgements: Judgements, metrics: Mapping[str, float | None]) -> dict[str, Any]:
    """Returns the fields `intervals` and `draws`."""
    drawn = drawn_figures(judgements, metrics)
    return {
        "intervals": {name: interval_of(drawn[name], within=(0, 1)) if name in drawn else None for name in metrics},
        "draws": {name: _rounded(figures) for name, figures in drawn.items()},
    }


def _rounded(figures: Floats) -> list[float | None]:
    """Returns drawn figures to the digits that an interval of a few hundred draws can have; None for NaN."""
    return [None if np.isnan(figure) else round(float(figure), _DIGITS) for figure in figures]


def _good_parts(judged: Sequence[JudgedPhoto], alarm: NDArray[np.bool_]) -> PartCounts | None:
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


def _names(judgements: Judgements, *, per_type: bool = False) -> list[str]:
    """Returns the metrics that such a data set has; `per_type`: those that are measured of each type of defect."""
    chosen = ((name, metric) for name, metric in METRICS.items() if metric.per_type or not per_type)
    return [name for name, metric in chosen if metric.applies(judgements)]


def _curves(judgements: Judgements) -> dict[str, Curve]:
    found: dict[str, Curve] = {}
    for unit in ("image", "pixel"):
        with suppress(MetricError):  # `undefined` says why
            ranking = judgements.photos if unit == "image" else judgements.pixels
            found |= {f"{unit}_roc": curves.roc(ranking), f"{unit}_pr": curves.precision_recall(ranking)}
            found |= {} if unit == "image" else {"pro": curves.per_region_overlap(ranking)}
    return found


def _by_type(types: Sequence[str], judgements: Judgements, alarm: NDArray[np.bool_]) -> dict[str, DefectType]:
    names = _names(judgements, per_type=True)
    found = {}
    for kind in sorted(set(types), key=lambda t: (t != GOOD, t)):
        of_type = np.array([t == kind for t in types])
        both = np.flatnonzero(of_type | ~judgements.anomalous)
        metrics: dict[str, float | None] = dict.fromkeys(names)
        if kind != GOOD and not judgements.anomalous.all():
            metrics, _ = _values(judgements.of(both), names)
        found[kind] = DefectType(photos=int(of_type.sum()), judged_anomalous=int(alarm[of_type].sum()), metrics=metrics)
    return found
