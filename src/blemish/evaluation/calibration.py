"""The threshold that keeps a promised false alarm rate, from photos of good parts that training never saw.

Split-conformal prediction (Vovk et al., 2005; Lei et al., JASA 2018): the score of one more good photo from the same
line is equally likely to stand at any rank among n held-out scores. So it passes the j-th highest of them with
probability j / (n + 1) at most; ties only lower that. Nothing is assumed of how scores are distributed.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from blemish.errors import DataError, SettingsError
from blemish.inference.calibration import Calibration, as_typed


def calibrate(scores: ArrayLike, *, false_alarm_rate: float) -> Calibration:
    """The lowest of the held-out scores that promises `false_alarm_rate`, else the highest and what it does promise.

    Raises SettingsError for a rate outside 0 to 1, DataError for no scores and for scores that are not finite.
    """
    rate = float(false_alarm_rate)
    if not 0 < rate < 1:
        raise SettingsError(f"the false alarm rate is {rate}: it is a share, above 0 and below 1")
    rising = np.sort(np.asarray(scores, np.float64).ravel())
    if not rising.size:
        raise DataError("no held-out good photos: a threshold needs at least one, and 99 to promise 1 %")
    if not np.isfinite(rising).all():
        raise DataError("held-out good photos have scores that are not finite: no threshold follows from them")
    # Of all n + 1 photos, this many may stand above the threshold; fewer than one cannot be promised.
    above = max(math.floor(as_typed(rate) * (rising.size + 1)), 1)
    return Calibration(
        threshold=float(rising[-above]),
        false_alarm_rate=rate,
        promised_rate=above / (rising.size + 1),
        scores=tuple(rising.tolist()),
    )
