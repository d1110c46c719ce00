"""Thresholds of their own for regions of interest, which keep the promise of all of them together.

Were each region's threshold promised by itself, k regions would give up to k times as many false alarms; thresholds
of a k-th of the rate (Bonferroni) take k times as many photos. Instead the regions are put on one scale beforehand: a
photo's score is the highest of its regions' scores, each divided by its region's scale. That is one order of photos,
fixed before any calibration photo is looked at, so that one threshold on it keeps the promise of all regions together,
exactly as the threshold of whole photos does (see promise.py). A region's own threshold is that one times its scale.

The scales come from photos that were trained on. These score lower than new ones, but in all regions; only how the
scales relate decides anything, and a poor choice costs defects found, never the promise.
"""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from blemish.data.interest import Interest
from blemish.inference.prediction import Prediction
from blemish.inference.predictor import Predictor
from blemish.inference.read_ahead import Input

MOST_TO_SCALE = 128  # photos trained on
SCALED_BY = 0.9
"""The quantile of a region's scores that is its scale: of the photos that come near to a threshold."""
_LEAST = 1e-6  # of the largest scale


def own_scales(predictor: Predictor, interest: Interest, learned: Iterable[Input]) -> Interest:
    """Returns the regions with scales, the largest of which is 1, from photos that were trained on."""
    judged = [p.region_scores for p in predictor.predict_many(learned) if isinstance(p, Prediction)]
    scales = {name: float(np.quantile([scores[name] for scores in judged], SCALED_BY)) for name in interest.names}
    largest = max(scales.values()) or 1.0
    return replace(
        interest,
        regions=tuple(replace(region, scale=max(scales[region.name] / largest, _LEAST)) for region in interest.regions),
    )
