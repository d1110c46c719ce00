"""How far the figures of a test set may be off because it holds these photos and not others of the same kind.

Metrics: percentile bootstrap (Efron & Tibshirani, 1993, §13.3). A draw takes as many photos as there are, with
replacement; the photo is what is drawn, with all its pixels, for pixels of a photo are no independent witnesses. Good
and defective photos are drawn apart: how many there are of each is the choice of who made the test set, not chance, and
every draw then has both. Pixels are counted once per photo in columns between about 500 thresholds, so that a draw is a
weighted sum of counts; what the columns cost is measured on the test set as it is, and taken off every draw.

Rates: Clopper & Pearson, exact for any number of photos.
"""

from collections.abc import Iterable, Mapping

import numpy as np
from scipy import special

from blemish.metrics import METRICS
from blemish.metrics.judgements import Judgements
from blemish.metrics.ranking import Floats
from blemish.metrics.resamples import photo_weights, resamples_of_photos, resamples_of_pixels

Interval = tuple[float, float]
"""(lowest, highest) at 95 %."""

COVERAGE = 0.95
RESAMPLES = 1000
RESAMPLES_AT_ONCE = 500
"""How many are in memory together."""
_SEED = 0
_SUM_ERROR = 1e-6  # what sums in single precision may differ by
METHOD = (
    f"{100 * COVERAGE:.0f} % intervals: percentiles of {RESAMPLES} bootstrap draws of photos, good and defective ones"
    " drawn apart; none where all draws agree, as on a perfect figure, or where there is a single photo of a kind"
)


def bootstrap(
    judged: Judgements, values: Mapping[str, float | None], *, draws: int = RESAMPLES, seed: int = _SEED
) -> dict[str, Interval | None]:
    """Returns an interval for each metric that has a value and can be measured on resampled test sets (`Metric.drawn`).

    None where it would claim a certainty that is not there: with a single photo of a class, which is in every draw, and
    where all draws agree, as they do on a perfect figure.
    """
    drawn = drawn_figures(judged, values, draws=draws, seed=seed)
    return {name: interval_of(drawn[name], within=(0, 1)) if name in drawn else None for name in values}


def drawn_figures(
    judged: Judgements, values: Mapping[str, float | None], *, draws: int = RESAMPLES, seed: int = _SEED
) -> dict[str, Floats]:
    """Returns (draws,) figures of resampled test sets, NaN where one has no value, for each metric that has a value and
    can be measured on them; none with a single photo of a class.

    Test sets of the same photos in the same order are resampled alike, whatever judged them: their figures may be
    compared draw by draw.
    """
    kinds = [np.flatnonzero(judged.anomalous == kind) for kind in (False, True)]
    defined = {name: value for name, value in values.items() if value is not None and METRICS[name].drawn is not None}
    if not defined or any(len(photos) == 1 for photos in kinds):
        return {}
    weights = photo_weights(kinds, np.random.default_rng(seed), draws=draws)
    as_it_is = _measure(judged, np.ones((1, judged.scores.size)), names=defined)
    starts = range(0, draws, RESAMPLES_AT_ONCE)
    found = [_measure(judged, weights[i : i + RESAMPLES_AT_ONCE], names=defined) for i in starts]
    return {
        name: np.concatenate([some[name] for some in found]) + (value - as_it_is[name])
        for name, value in defined.items()
    }


def interval_of(drawn: Floats, *, within: Interval) -> Interval | None:
    """Returns the percentiles of (D,) drawn figures, NaN left out; None where all draws agree."""
    low, high = np.nanquantile(drawn, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2]).clip(*within)
    return (float(low), float(high)) if high - low > _SUM_ERROR else None


def binomial(count: int, of: int) -> Interval | None:
    """Returns the interval of a rate that was seen `count` times in `of`; None where `of` is 0."""
    if not of:
        return None
    tail = (1 - COVERAGE) / 2
    low = special.betaincinv(count, of - count + 1, tail) if count else 0.0
    high = special.betaincinv(count + 1, of - count, 1 - tail) if count < of else 1.0
    return float(low), float(high)


def _measure(judged: Judgements, weights: Floats, *, names: Iterable[str]) -> dict[str, Floats]:
    """Returns each metric of the test sets (D, N) in which photo n is so often."""
    photos = resamples_of_photos(judged, weights)
    pixels = photos if judged.maps is None else resamples_of_pixels(judged.maps.tally, weights)
    values = {}
    with np.errstate(invalid="ignore"):  # a draw without any defect pixel has no metric: NaN, which is left out
        for name in names:
            measure = METRICS[name].drawn
            assert measure is not None
            values[name] = measure(photos if METRICS[name].of == "photos" else pixels)
    return values
