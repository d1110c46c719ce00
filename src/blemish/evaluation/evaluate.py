"""Predictor x test photos -> Evaluation."""

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blemish.data.dataset import GOOD, Dataset, Sample, dataset_of
from blemish.data.digest import file_digest
from blemish.data.framing import Framing
from blemish.data.masks import mask_of
from blemish.errors import DataError, MetricError
from blemish.evaluation.record import DefectType, Evaluation, PhotoJudgement
from blemish.inference.predictor import Predictor
from blemish.metrics import METRICS, Judgements, curves
from blemish.metrics.curves import Curve
from blemish.metrics.intervals import binomial, bootstrap
from blemish.metrics.pixels import PixelCollector
from blemish.metrics.stored_arrays import check_room

METRICS_PER_TYPE = ("image_auroc", "pixel_auroc", "pixel_ap", "pro")


@dataclass(frozen=True, kw_only=True)
class _Judged:
    """A test photo and what is kept of its judgement."""

    sample: Sample
    judgement: PhotoJudgement
    marked: bool
    """Whether its map is above the threshold of pixels anywhere."""
    lost: bool
    """Whether nothing is left of its mask at the image size."""


def evaluate(
    predictor: Predictor,
    photos: Dataset | Sequence[Sample],
    *,
    known_digests: Collection[str] = frozenset(),
    on_photo: Callable[[int, int], None] = lambda _done, _of: None,
) -> Evaluation:
    """Judges every test photo and measures how well that went.

    `known_digests` (see `file_digest`) are of the photos that the predictor was trained and calibrated with: test
    photos among them are listed as duplicates. The maps' pixels go to temporary files, 4 bytes each, those of defects
    up to 88, and memory holds about a hundredth of them. Raises DataError where no photo could be judged; unreadable
    ones are listed and left out. A photo whose mask is missing or cannot be used counts in metrics of images. Raises
    OutputError where there is no room for temporary files.
    """
    found = photos if isinstance(photos, Dataset) else dataset_of(test=photos)
    check_room(4 * len(found.test) * predictor.framing.image_size[0] * predictor.framing.image_size[1])
    collector, unreadable = PixelCollector(), [f"left out: {error}" for error in found.left_out]
    judged = _judge(predictor, found.test, collector=collector, unreadable=unreadable, on_photo=on_photo)
    if not judged:
        raise DataError("no test photo could be judged: " + (unreadable[0] if unreadable else "there is none"))
    judgements = Judgements(
        anomalous=np.array([j.sample.anomalous for j in judged]),
        scores=np.array([j.judgement.anomaly_score for j in judged]),
        maps=collector.pixels(),
    )
    return _summary(
        judged,
        judgements,
        predictor,
        found=found,
        unreadable=unreadable,
        duplicates=[j.judgement.image for j in judged if _is_known(j.sample.image, known_digests)],
    )


def _is_known(photo: Path, digests: Collection[str]) -> bool:
    """No, where it was judged and is gone since: what was judged is not lost for that."""
    with suppress(DataError):
        return bool(digests) and file_digest(photo) in digests
    return False


def _judge(
    predictor: Predictor,
    samples: Sequence[Sample],
    *,
    collector: PixelCollector,
    unreadable: list[str],
    on_photo: Callable[[int, int], None],
) -> list[_Judged]:
    """Fills `collector` with a map for each photo that is returned, and `unreadable` with a line for each trouble."""
    judged: list[_Judged] = []
    results = predictor.predict_many(sample.image for sample in samples)
    for done, (sample, prediction) in enumerate(zip(samples, results, strict=True), start=1):
        if isinstance(prediction, DataError):
            unreadable.append(f"left out: {prediction}")
        else:
            mask = None
            try:
                mask = _mask(sample, prediction.photo_size, predictor.framing)
            except DataError as error:
                unreadable.append(f"{error}; its photo counts in metrics of images only")
            collector.add(prediction.anomaly_map, mask)
            judgement = PhotoJudgement(
                image=str(sample.image.absolute()),
                defect_type=sample.defect_type,
                mask=str(sample.masks[0].absolute()) if sample.anomalous and mask is not None else None,
                anomaly_score=prediction.anomaly_score,
                verdict=prediction.verdict,
            )
            marked = bool(prediction.anomaly_map.max() > predictor.calibration.pixel.value)
            lost = sample.anomalous and mask is not None and not mask.any()
            judged.append(_Judged(sample=sample, judgement=judgement, marked=marked, lost=lost))
        on_photo(done, len(samples))
    return judged


def _mask(sample: Sample, photo_size: tuple[int, int], framing: Framing) -> NDArray[np.bool_] | None:
    if not sample.anomalous:
        return np.zeros(framing.map_size(photo_size), np.bool_)
    mask = mask_of(sample, photo_size)
    return None if mask is None else framing.mask(mask)


def _summary(
    judged: Sequence[_Judged],
    judgements: Judgements,
    predictor: Predictor,
    *,
    found: Dataset,
    unreadable: list[str],
    duplicates: list[str],
) -> Evaluation:
    threshold = predictor.calibration.image
    good, alarm = ~judgements.anomalous, judgements.scores > threshold.value
    false_alarms, misses = int(np.sum(alarm & good)), int(np.sum(~alarm & ~good))
    metrics, undefined = _measure(judgements, METRICS)
    return Evaluation(
        dataset=found.name,
        root=str(found.root.absolute()),
        category=found.category,
        model=predictor.provenance,
        metrics=metrics,
        undefined=undefined,
        intervals=bootstrap(judgements, metrics),
        threshold=threshold.value,
        threshold_estimated=threshold.estimated,
        asked_rate=threshold.asked_rate,
        promised_rate=threshold.promised_rate,
        false_alarms=false_alarms,
        good_photos=int(good.sum()),
        false_alarm_interval=binomial(false_alarms, int(good.sum())),
        misses=misses,
        defective_photos=int(np.sum(~good)),
        miss_interval=binomial(misses, int(np.sum(~good))),
        marked_good_photos=sum(j.marked for j in judged if not j.sample.anomalous),
        without_mask=sum(j.sample.anomalous and j.judgement.mask is None for j in judged),
        lost_masks=sum(j.lost for j in judged),
        defect_types=_by_type([j.sample.defect_type for j in judged], judgements, alarm),
        photos=[j.judgement for j in judged],
        unreadable=unreadable,
        duplicates=duplicates,
        curves=_curves(judgements),
        image_size=predictor.framing.image_size,
    )


def _measure(judgements: Judgements, names: Iterable[str]) -> tuple[dict[str, float | None], dict[str, str]]:
    """Each metric, and why it has no value where it has none."""
    values: dict[str, float | None] = dict.fromkeys(names)
    undefined: dict[str, str] = {}
    for name in values:
        try:
            values[name] = METRICS[name](judgements)
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
    found = {}
    for name in sorted(set(types), key=lambda t: (t != GOOD, t)):
        of_type = np.array([t == name for t in types])
        both = np.flatnonzero(of_type | ~judgements.anomalous)
        metrics: dict[str, float | None] = dict.fromkeys(METRICS_PER_TYPE)
        if name != GOOD and not judgements.anomalous.all():
            metrics, _ = _measure(judgements.of(both), METRICS_PER_TYPE)
        found[name] = DefectType(photos=int(of_type.sum()), judged_anomalous=int(alarm[of_type].sum()), **metrics)
    return found
