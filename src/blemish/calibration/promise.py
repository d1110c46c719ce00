"""Thresholds that keep a promised false alarm rate, from photos of good parts that training never saw.

Split-conformal prediction (Vovk et al., 2005; Lei et al., JASA 2018): the score of one more good photo from the same
line is equally likely to stand at any rank among n held-out scores. So it passes the j-th highest of them with
probability j / (n + 1) at most; ties only lower that. Nothing is assumed of how scores are distributed. Over draws of
the held-out photos the share of good photos above that score is distributed as Beta(j, n + 1 - j) (Vovk, 2012).

Cross-conformal prediction would use every photo, but promises 2a for a, and only of a prediction that asks all of its
refitted networks; of the one network that is deployed it promises nothing. So too few photos are met by asking for
more of them (`blemish calibrate --good`), which costs no training, and by an estimate that is called one.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from blemish.errors import DataError, SettingsError
from blemish.inference.predictor import Input, Predictor
from blemish.model.thresholds import HIGHEST, Calibration, Threshold, Unit, as_typed

FEWEST_TO_ESTIMATE = 3
ROUNDING = 1e-4  # relative: runtimes in float32 differ by less


@dataclass(frozen=True, kw_only=True)
class GoodPhotos:
    """The scores that a network gives to photos of good parts, and which of the photos could be read."""

    judged: list[int]
    """Which of the photos could be read; the following are of these."""
    scores: list[float]
    peaks: list[float]
    """The highest value of each one's anomaly map."""
    unreadable: list[DataError]


def judge_good_photos(
    predictor: Predictor, photos: Iterable[Input], *, on_photo: Callable[[int], object] = lambda _done: None
) -> GoodPhotos:
    """Judges calibration photos as any photo will be judged: by the Predictor."""
    judged: list[int] = []
    predictions: list[tuple[float, float]] = []
    unreadable: list[DataError] = []
    for place, prediction in enumerate(predictor.predict_many(photos)):
        if isinstance(prediction, DataError):
            unreadable.append(prediction)
        else:
            judged.append(place)
            predictions.append((prediction.anomaly_score, float(prediction.anomaly_map.max())))
        on_photo(place + 1)
    scores, peaks = ([pair[which] for pair in predictions] for which in (0, 1))
    return GoodPhotos(judged=judged, scores=scores, peaks=peaks, unreadable=unreadable)


def highest_of_each(parts: Sequence[str], values: Sequence[float]) -> list[float]:
    """Returns the highest value of each part's photos: several photos of one part are not independent, parts are."""
    highest: dict[str, float] = {}
    for part, value in zip(parts, values, strict=True):
        highest[part] = max(value, highest.get(part, value))
    return list(highest.values())


def calibration_of(
    scores: Sequence[float],
    peaks: Sequence[float],
    *,
    false_alarm_rate: float,
    check_rate: float | None = None,
    estimate: bool = False,
    unit: Unit = "photos",
) -> Calibration:
    """Returns thresholds from the anomaly scores of good photos (or parts) and the peaks of their maps, in any order.

    `check_rate` adds the threshold above which a person should look. `estimate` takes every threshold from a fitted
    tail instead of promising. Raises SettingsError for rates that are none, DataError where no threshold follows.
    """
    if check_rate is not None and check_rate <= false_alarm_rate:
        raise SettingsError(
            f"the rate of photos to check is {check_rate}: it must be above the false alarm rate, {false_alarm_rate}"
        )
    rising, rising_peaks = _rising(scores), _rising(peaks)
    threshold = estimated_threshold if estimate else promised_threshold
    return Calibration(
        scores=tuple(rising.tolist()),
        peaks=tuple(rising_peaks.tolist()),
        image=threshold(rising, false_alarm_rate),
        pixel=threshold(rising_peaks, false_alarm_rate),
        check=None if check_rate is None else threshold(rising, check_rate),
        unit=unit,
    )


def promised_threshold(scores: Sequence[float] | NDArray[np.float64], rate: float) -> Threshold:
    """Returns the lowest threshold that promises `rate`; where none does, the highest, with what that one promises.

    The threshold stands above that score by what runtimes may differ by, so that the photo it comes from is judged
    alike by all of them; a higher threshold gives no more false alarms.
    """
    _check_rate(rate)
    rising = _rising(scores)
    n = rising.size
    # Of all n + 1 photos, this many may stand above the threshold; fewer than one cannot be promised.
    above = max(math.floor(as_typed(rate) * (n + 1)), 1)
    return Threshold(
        value=float(rising[-above] + ROUNDING * abs(rising[-above])),
        asked_rate=rate,
        promised_rate=above / (n + 1),
        rate_95=float(special.betaincinv(above, n + 1 - above, 0.95)),
    )


def estimated_threshold(scores: Sequence[float] | NDArray[np.float64], rate: float) -> Threshold:
    """Returns the value that a share of `rate` of good photos exceeds if the logarithms of their scores are normal.

    The bound of Student's prediction interval for one more draw: exact under that assumption, and wide where photos
    are few. Raises DataError where there are fewer than three scores, one is not positive, or the bound is beyond any
    score.
    """
    _check_rate(rate)
    rising = _rising(scores)
    if rising.size < FEWEST_TO_ESTIMATE:
        raise DataError(f"{rising.size} calibration photos: an estimate takes {FEWEST_TO_ESTIMATE} at least")
    if rising[0] <= 0:
        raise DataError(f"a calibration photo scores {rising[0]:.6g}: an estimate takes scores above 0")
    logs = np.log(rising)
    reach = float(special.stdtrit(rising.size - 1, 1 - rate)) * float(logs.std(ddof=1)) * math.sqrt(1 + 1 / rising.size)
    if not logs.mean() + reach <= math.log(HIGHEST):  # or it is no number: infinitely far for scores that are equal
        raise DataError(
            f"{rising.size} calibration photos differ so much that the estimate for {rate:g} is above any score: give "
            "more photos, or a higher rate"
        )
    return Threshold(
        value=float(np.exp(logs.mean() + reach)),
        asked_rate=rate,
        promised_rate=None,
        rate_95=None,
    )


def _check_rate(rate: float) -> None:
    if not 0 < rate < 1:
        raise SettingsError(f"the false alarm rate is {rate}: it is a share, above 0 and below 1")


def _rising(scores: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    rising = np.sort(np.asarray(scores, np.float64).ravel())
    if not rising.size:
        raise DataError("no calibration photos: a threshold needs at least one good photo, and 99 to promise 1 %")
    if not np.isfinite(rising).all():
        raise DataError("calibration photos have scores that are not finite: no threshold follows from them")
    return rising
