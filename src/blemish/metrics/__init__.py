"""How good a detector is: exact metrics of photos, pixels and regions, out of core."""

from collections.abc import Callable

from blemish.metrics.judgements import Judgements

Metric = Callable[[Judgements], float]
"""0 to 1, higher is better; raises MetricError where it has no value for these photos."""

METRICS: dict[str, Metric] = {
    "image_auroc": lambda judged: judged.photos.auroc(),
    "image_ap": lambda judged: judged.photos.average_precision(),
    "image_f1_max": lambda judged: judged.photos.best_f1()[0],
    "pixel_auroc": lambda judged: judged.pixels.auroc(),
    "pixel_ap": lambda judged: judged.pixels.average_precision(),
    "pro": lambda judged: judged.regions.pro(),
    "iap": lambda judged: judged.regions.iap(),
    "iap_at_90": lambda judged: judged.regions.iap_at_90(),
}
"""Their intervals are made by DRAWN in intervals.py; a metric that is not there has none."""

__all__ = ["METRICS", "Judgements", "Metric"]
