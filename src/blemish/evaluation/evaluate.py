"""Predictor x test photos -> Evaluation."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blemish.data.dataset import GOOD, Sample
from blemish.data.images import read_mask, resize_mask
from blemish.errors import DataError, MetricError
from blemish.evaluation import METRICS
from blemish.evaluation.judgements import Judgements
from blemish.inference.predictor import Predictor

MASK_RULE = "masks resized to the image size with antialiased bilinear, then rounded at 0.5"


@dataclass(frozen=True, kw_only=True)
class DefectType:
    """How the photos of one folder of the test set were judged."""

    photos: int
    judged_anomalous: int
    image_auroc: float | None
    """Of these photos against the good ones; None for the good ones and where there are none."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """How well an artifact judges a test set; what evaluation.json holds."""

    metrics: dict[str, float | None]
    """By the names of METRICS, 0 to 1; None where `undefined` says why."""
    undefined: dict[str, str]
    threshold: float
    false_alarms: int
    """Good photos above the threshold."""
    good_photos: int
    misses: int
    """Defective photos not above the threshold."""
    defective_photos: int
    without_mask: int
    """Defective photos without ground truth; with any of them, no pixel metric is given."""
    lost_masks: int
    """Defects so small that nothing of their mask is left at the image size: their pixels count as normal."""
    defect_types: dict[str, DefectType]
    unreadable: list[str]
    image_size: tuple[int, int]
    mask_rule: str = MASK_RULE

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A test photo, its score, and its map and mask at the network's size."""

    sample: Sample
    score: float
    anomaly_map: NDArray[np.float32]
    mask: NDArray[np.bool_] | None


def evaluate(
    predictor: Predictor,
    samples: Sequence[Sample],
    *,
    on_photo: Callable[[int, int], None] = lambda _done, _of: None,
) -> Evaluation:
    """Raises DataError where no photo could be judged; unreadable ones are listed and left out."""
    judged: list[Judged] = []
    unreadable: list[str] = []
    results = predictor.predict_many(sample.image for sample in samples)
    for sample, prediction in zip(samples, results, strict=True):
        try:
            if isinstance(prediction, DataError):
                raise prediction
            mask = _mask(sample, prediction.photo_size, predictor.image_size)
            judged.append(
                Judged(sample=sample, score=prediction.anomaly_score, anomaly_map=prediction.anomaly_map, mask=mask)
            )
        except DataError as error:
            unreadable.append(str(error))
        on_photo(len(judged) + len(unreadable), len(samples))
    if not judged:
        raise DataError("no test photo could be judged: " + (unreadable[0] if unreadable else "the folder holds none"))
    return _summary(judged, unreadable, predictor)


def _mask(sample: Sample, photo_size: tuple[int, int], size: tuple[int, int]) -> NDArray[np.bool_] | None:
    if not sample.anomalous:
        return np.zeros(size, bool)
    if sample.mask is None:
        return None
    mask = read_mask(sample.mask)
    if mask.shape != photo_size:
        raise DataError(
            f"{sample.mask} is {mask.shape[1]}x{mask.shape[0]}, its photo {photo_size[1]}x{photo_size[0]}: "
            "a mask must have its photo's size"
        )
    return resize_mask(mask, size)


def _summary(judged: Sequence[Judged], unreadable: list[str], predictor: Predictor) -> Evaluation:
    anomalous = np.array([j.sample.anomalous for j in judged])
    scores = np.array([j.score for j in judged])
    alarm = scores > predictor.threshold
    metrics, undefined = _measure(_judgements(judged, anomalous, scores))
    return Evaluation(
        metrics=metrics,
        undefined=undefined,
        threshold=predictor.threshold,
        false_alarms=int(np.sum(alarm & ~anomalous)),
        good_photos=int(np.sum(~anomalous)),
        misses=int(np.sum(~alarm & anomalous)),
        defective_photos=int(np.sum(anomalous)),
        without_mask=sum(j.mask is None for j in judged),
        lost_masks=sum(j.sample.anomalous and j.mask is not None and not j.mask.any() for j in judged),
        defect_types=_by_type(judged, scores, alarm),
        unreadable=unreadable,
        image_size=predictor.image_size,
    )


def _judgements(
    judged: Sequence[Judged],
    anomalous: NDArray[np.bool_],
    scores: NDArray[np.float64],
) -> Judgements:
    masks = [j.mask for j in judged if j.mask is not None]
    if len(masks) < len(judged):
        return Judgements(anomalous=anomalous, scores=scores)
    maps = np.stack([j.anomaly_map for j in judged])
    return Judgements(anomalous=anomalous, scores=scores, masks=np.stack(masks), maps=maps)


def _measure(judgements: Judgements) -> tuple[dict[str, float | None], dict[str, str]]:
    values: dict[str, float | None] = {}
    undefined: dict[str, str] = {}
    for name, metric in METRICS.items():
        try:
            values[name] = metric(judgements)
        except MetricError as error:
            values[name], undefined[name] = None, str(error)
    return values, undefined


def _by_type(
    judged: Sequence[Judged],
    scores: NDArray[np.float64],
    alarm: NDArray[np.bool_],
) -> dict[str, DefectType]:
    types = np.array([j.sample.defect_type for j in judged])
    found = {}
    for name in sorted(set(types), key=lambda t: (t != GOOD, t)):
        of_type, both = types == name, (types == name) | (types == GOOD)
        auroc = None
        if name != GOOD and (types == GOOD).any():
            auroc = METRICS["image_auroc"](Judgements(anomalous=of_type[both], scores=scores[both]))
        found[str(name)] = DefectType(
            photos=int(of_type.sum()), judged_anomalous=int(alarm[of_type].sum()), image_auroc=auroc
        )
    return found
