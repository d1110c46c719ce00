"""What a metric is: one entry that evaluation, intervals, commands and the report all read."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from blemish.metrics.judgements import Judgements
from blemish.metrics.ranking import Floats
from blemish.metrics.resamples import Resamples


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One figure of a test set, which is 0 to 1; higher is better."""

    name: str
    """Its key in METRICS, in evaluation.json and in the lines of commands."""
    title: str
    """What the report calls it."""
    meaning: str
    """What the figure is, as half a sentence: "chance that ..."."""
    of: Literal["photos", "pixels", "regions"]
    """What is counted; those of pixels and regions need masks."""
    value: Callable[[Judgements], float]
    """Raises MetricError where it has no value for these photos."""
    drawn: Callable[[Resamples], Floats] | None = None
    """The same figure of D resampled test sets, (D,), NaN where one has no value; None: no interval is given.

    Metrics of photos are given the counts of photos' scores, the others those of pixels and regions.
    """
    applies: Callable[[Judgements], bool] = lambda _: True
    """Whether the data set says what it takes; where it does not, nothing is said of the metric."""
    per_type: bool = False
    """Whether it is measured of each defect type (and the good photos) too."""
