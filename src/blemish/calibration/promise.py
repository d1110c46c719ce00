"""Thresholds that keep a promised false alarm rate, from photos of good parts that training never saw.

Split-conformal prediction (Vovk et al., 2005; Lei et al., JASA 2018): the score of one more good photo from the same
line is equally likely to stand at any rank among n held-out scores. So it passes the j-th highest of them with
probability j / (n + 1) at most; ties only lower that. Nothing is assumed of how scores are distributed. Over draws of
the held-out photos the share of good photos above that score is distributed as Beta(j, n + 1 - j) (Vovk, 2012).

Cross-conformal prediction would use every photo, but promises 2a for a, and only of a prediction that asks all of its
refitted networks; of the one network that is deployed it promises nothing. So too few photos are met by asking for
more of them (`blemish calibrate --good`), which costs no training, and by an estimate that is called one.

Two things can stop a photo, its score and that it is unusual (model/usual.py), and what is promised is of both. The
limit of unusualness is known before calibration. So photos can be ranked by one order that is fixed beforehand: unusual
ones above all others, these by their scores. The j-th highest in that order promises j / (n + 1) of both together: of m
unusual calibration photos the threshold is the (j - m)-th highest score of the others. Where many are unusual, as when
the light has changed, few would be left for scores: where m is h or more, half of j, the limit moves above all
calibration photos, and the threshold is the (j - h)-th highest of all scores.

That which of the two is taken depends on the calibration photos breaks no promise. Of n + 1 photos, each of which could
be the next one, let k be unusual. Where k < h, the order is taken whichever is left out: j at most are stopped. Where
k = h, the h unusual ones are stopped, and of the others, for which the limit has moved, j - h. Where k > h, the limit
has moved whichever is left out: the most unusual one is stopped, and j - h by their scores. (Were h all of j, then of
k = j unusual ones j were stopped, and j - 1 others. A single place, j = 1, cannot be divided: two are promised there.)
The share that both stop is at most Beta(j, n + 1 - j), whichever is taken. Cut j pieces off the space of photos, each
beyond the highest calibration photo left: h in the order above; j - h more in it or, where those h are all unusual, by
the scores of those left. Pieces, each of which may depend on those before, hold together what j of n + 1 alike hold
(Fraser, Annals of Mathematical Statistics 22, 1951), and they hold all that is stopped.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from blemish.errors import DataError, SettingsError
from blemish.inference.prediction import Prediction
from blemish.inference.predictor import Predictor
from blemish.inference.read_ahead import Input
from blemish.model.thresholds import HIGHEST, Calibration, Threshold, Unit, as_typed
from blemish.model.usual import UNUSUAL_ABOVE, looks_of

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
    unusualness: list[float] = field(default_factory=list)
    """How unusual each one is; none where the predictor does not ask."""
    looks: dict[str, list[float]] = field(default_factory=dict)
    """What is watched for drift, of each one; none as above."""


def judge_good_photos(
    predictor: Predictor, photos: Iterable[Input], *, on_photo: Callable[[int], object] = lambda _done: None
) -> GoodPhotos:
    """Judges calibration photos as any photo will be judged: by the Predictor."""
    judged: list[int] = []
    rows: list[dict[str, float]] = []
    unreadable: list[DataError] = []
    for place, prediction in enumerate(predictor.predict_many(photos)):
        if isinstance(prediction, DataError):
            unreadable.append(prediction)
        else:
            judged.append(place)
            rows.append(_row(prediction))
        on_photo(place + 1)
    columns = {name: [row[name] for row in rows] for name in (rows[0] if rows else (WATCHED_SCORE, _PEAK))}
    return GoodPhotos(
        judged=judged,
        scores=columns.pop(WATCHED_SCORE),
        peaks=columns.pop(_PEAK),
        unreadable=unreadable,
        unusualness=columns.pop(WATCHED_UNUSUALNESS, []),
        looks=columns,
    )


WATCHED_SCORE, WATCHED_UNUSUALNESS, _PEAK = "score", "unusualness", "peak"
ENOUGH_TO_WATCH = 8
"""Photos given to calibrate: as many can be told from a block of ten others (see drift.py)."""


def _row(prediction: Prediction) -> dict[str, float]:
    """Returns all that is kept of a calibration photo."""
    row = {WATCHED_SCORE: prediction.anomaly_score, _PEAK: float(prediction.anomaly_map.max())}
    if prediction.unusualness is None or prediction.description is None:
        return row
    return row | {WATCHED_UNUSUALNESS: prediction.unusualness.value, **looks_of(prediction.description)}


def highest_of_each(parts: Sequence[str], values: Sequence[float]) -> list[float]:
    """Returns the highest value of each part's photos: several photos of one part are not independent, parts are."""
    highest: dict[str, float] = {}
    for part, value in zip(parts, values, strict=True):
        highest[part] = max(value, highest.get(part, value))
    return list(highest.values())


def mean_of_each(parts: Sequence[str], values: Sequence[float]) -> list[float]:
    """Returns the mean value of each part's photos, as looks are compared."""
    by_part: dict[str, list[float]] = {}
    for part, value in zip(parts, values, strict=True):
        by_part.setdefault(part, []).append(value)
    return [sum(own) / len(own) for own in by_part.values()]


def calibrate_with(
    judged: GoodPhotos,
    parts: Sequence[str],
    *,
    known: Calibration | None = None,
    looks: Mapping[str, Sequence[float]] | None = None,
    unit: Unit,
    **rates: Any,
) -> Calibration:
    """Returns thresholds from photos just judged, given which part each shows, and those `known` before.

    `rates` are those of `calibration_of`. `looks` are watched instead of those of the photos judged. Where it is not
    known of all photos how unusual they are, nobody asks it.
    """
    scores = highest_of_each(parts, judged.scores)
    unusualness = highest_of_each(parts, judged.unusualness) if judged.unusualness else []
    peaks = highest_of_each(parts, judged.peaks)
    if looks is None:
        looks = {name: mean_of_each(parts, values) for name, values in judged.looks.items()}
    new = {WATCHED_SCORE: scores, WATCHED_UNUSUALNESS: unusualness, **looks} if unusualness else {}
    watched = _watched(new, known)
    if known is not None:
        unusualness = [*known.unusualness, *unusualness] if known.unusualness or not known.scores else []
        scores, peaks = [*known.scores, *scores], [*known.peaks, *peaks]
    return calibration_of(scores, peaks, unit=unit, unusualness=unusualness, watched=watched, **rates)


def _watched(new: Mapping[str, Sequence[float]], known: Calibration | None) -> Mapping[str, Sequence[float]]:
    """Returns what drift is seen by: the new photos (or parts) alone, where they are enough to, for they are how it is
    now."""
    if known is None or len(new.get(WATCHED_SCORE, ())) >= ENOUGH_TO_WATCH:
        return new
    return {name: [*values, *new.get(name, ())] for name, values in known.watched.items()}


def calibration_of(
    scores: Sequence[float],
    peaks: Sequence[float],
    *,
    false_alarm_rate: float,
    check_rate: float | None = None,
    estimate: bool = False,
    unit: Unit = "photos",
    unusualness: Sequence[float] = (),
    watched: Mapping[str, Sequence[float]] = MappingProxyType({}),
) -> Calibration:
    """Returns thresholds from the anomaly scores of good photos (or parts) and the peaks of their maps, in any order.

    `check_rate` adds the threshold above which a person should look. `estimate` takes every threshold from a fitted
    tail instead of promising. `unusualness` is of the same photos in the same order as the scores: with it, thresholds
    leave room for photos that are called unusual. `watched` is kept for what looks for drift. Raises SettingsError for
    rates that are none, DataError where no threshold follows.
    """
    if check_rate is not None and check_rate <= false_alarm_rate:
        raise SettingsError(
            f"the rate of photos to check is {check_rate}: it must be above the false alarm rate, {false_alarm_rate}"
        )
    order = np.argsort(scores, kind="stable")
    rising, rising_peaks = _rising(scores), _rising(peaks)
    beside = np.asarray(unusualness, np.float64)[order] if len(unusualness) else np.zeros(0)
    limit, usual, spent = _room_for_unusual(rising, beside, false_alarm_rate)

    def threshold(rate: float) -> Threshold:
        return estimated_threshold(rising, rate) if estimate else promised_threshold(usual, rate, spent=spent)

    of_peaks = estimated_threshold if estimate else promised_threshold
    return Calibration(
        scores=tuple(rising.tolist()),
        peaks=tuple(rising_peaks.tolist()),
        image=threshold(false_alarm_rate),
        pixel=of_peaks(rising_peaks, false_alarm_rate),
        check=None if check_rate is None else threshold(check_rate),
        unit=unit,
        unusual=limit,
        unusualness=tuple(beside.tolist()),
        watched={name: tuple(sorted(values)) for name, values in watched.items()},
    )


class _Spent(NamedTuple):
    """How many of the n + 1 photos, of which the next is one, may be stopped for being unusual."""

    places: int
    joint: bool
    """Whether unusual photos stand above the others in one order, and scores are of the others alone."""


_NOTHING = _Spent(0, joint=True)


def _room_for_unusual(
    rising: NDArray[np.float64], unusualness: NDArray[np.float64], rate: float
) -> tuple[float | None, NDArray[np.float64], _Spent]:
    """Returns the limit of unusualness, the scores that the threshold is taken from, and what it must leave room for.

    See the top of this file.
    """
    if not unusualness.size:
        return None, rising, _NOTHING
    unusual = unusualness > UNUSUAL_ABOVE
    count, half = int(unusual.sum()), math.ceil(_places(rate, rising.size) / 2)
    if count < half:
        return UNUSUAL_ABOVE, rising[~unusual], _Spent(count, joint=True)
    return float(unusualness.max()) * (1 + ROUNDING), rising, _Spent(half, joint=False)


def _places(rate: float, n: int) -> int:
    """Returns how many of all n + 1 photos may be stopped; fewer than one cannot be promised."""
    _check_rate(rate)
    return max(math.floor(as_typed(rate) * (n + 1)), 1)


def promised_threshold(
    scores: Sequence[float] | NDArray[np.float64], rate: float, *, spent: _Spent = _NOTHING
) -> Threshold:
    """Returns the lowest threshold that promises `rate`; where none does, the highest, with what that one promises.

    The threshold stands above that score by what runtimes may differ by, so that the photo it comes from is judged
    alike by all of them; a higher threshold gives no more false alarms.
    """
    rising = _rising(scores)
    n = rising.size + (spent.places if spent.joint else 0)
    places = _places(rate, n)
    above = max(places, spent.places + 1)
    own = above - spent.places
    # Two promised for one: 97.5 of 100 draws of either rate, for one, where nothing is unusual, errs in 5 already.
    below = _rate_95(above, n) if above == places else min(1.0, 2 * _rate_95(1, n, confidence=0.975))
    return Threshold(
        value=float(rising[-own] + ROUNDING * abs(rising[-own])),
        asked_rate=rate,
        promised_rate=above / (n + 1),
        rate_95=below,
    )


def _rate_95(above: int, n: int, *, confidence: float = 0.95) -> float:
    return float(special.betaincinv(above, n + 1 - above, confidence))


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
