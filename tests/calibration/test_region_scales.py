"""Thresholds of their own for regions keep the promise of all regions together."""

import numpy as np

from blemish.calibration.promise import promised_threshold


def test_one_threshold_on_scales_fixed_beforehand_keeps_the_promise_and_sees_more_in_a_quiet_region() -> None:
    generator = np.random.default_rng(0)
    draws, n, rate = 400, 19, 0.05
    scales = np.quantile(np.exp(generator.normal([0, -3], 0.3, (40, 2))), 0.9, axis=0)
    alarms, found = np.zeros(2), np.zeros(2)
    for _ in range(draws):
        calibrating, new = (np.exp(generator.normal([0, -3], 0.3, (count, 2))) for count in (n, 50))
        defective = new.copy()
        defective[:, 1] *= 4  # a defect in the quiet region, below the noise of the other
        for way, by in enumerate((np.ones(2), scales)):
            threshold = promised_threshold((calibrating / by).max(axis=1), rate).value
            alarms[way] += np.mean((new / by).max(axis=1) > threshold)
            found[way] += np.mean((defective / by).max(axis=1) > threshold)
    assert (alarms / draws < rate + 0.01).all()
    assert found[0] / draws < 0.1 < 0.8 < found[1] / draws
