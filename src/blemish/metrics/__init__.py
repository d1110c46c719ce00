"""How good a detector is: exact metrics of photos, pixels and regions, of more pixels than memory holds.

From the top down; each file knows only those below it:

    METRICS              every metric, one entry each (metric.py says what an entry is)
    paired               two detectors on the same photos: differences beyond chance
    intervals            how far a figure may be off: bootstrap of photos, exact intervals of rates
    resamples            the same figures of many resampled test sets, from counts
    per_image            AUPIMO, which is of each defective photo by itself
    judgements           truth and scores of a test set's photos, and the pixels of their maps
    pixels               all pixels of all maps: sorted per photo, stored, ranked piece by piece
    saturation           defects of which a share is enough, for sPRO
    true_regions         PRO and IAP, which count defects: where the pixels of each stand in the ranking
    tally                coarse counts per photo between some 500 thresholds: what to read together, what to resample
    curves               the curves behind the areas, thinned so that they can be drawn
    ranking              AUROC, AP, F1 from counts at the distinct anomalous scores
    stored_arrays        arrays in temporary files
"""

from blemish.metrics.judgements import Judgements
from blemish.metrics.metric import Metric
from blemish.metrics.per_image import aupimo
from blemish.metrics.resamples import Resamples
from blemish.metrics.true_regions import STRICT_LIMIT

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            name="image_auroc",
            title="Image AUROC",
            meaning="chance that a defective photo scores above a good one",
            of="photos",
            value=lambda judged: judged.photos.auroc(),
            drawn=Resamples.auroc,
            per_type=True,
        ),
        Metric(
            name="image_ap",
            title="Image AP",
            meaning="share of alarms that are right, averaged over how many defective photos are found",
            of="photos",
            value=lambda judged: judged.photos.average_precision(),
            drawn=Resamples.average_precision,
        ),
        Metric(
            name="image_f1_max",
            title="Best image F1",
            meaning="balance of alarms that are right and defective photos found, at the best of all thresholds",
            of="photos",
            value=lambda judged: judged.photos.best_f1()[0],
            drawn=Resamples.f1_max,
        ),
        Metric(
            name="pixel_auroc",
            title="Pixel AUROC",
            meaning="chance that a pixel of a defect is above a normal one",
            of="pixels",
            value=lambda judged: judged.pixels.auroc(),
            drawn=Resamples.auroc,
            per_type=True,
        ),
        Metric(
            name="pixel_ap",
            title="Pixel AP",
            meaning="share of marked pixels that are right, averaged over how many defect pixels are found",
            of="pixels",
            value=lambda judged: judged.pixels.average_precision(),
            drawn=Resamples.average_precision,
            per_type=True,
        ),
        Metric(
            name="pro",
            title="PRO",
            meaning="share of each defect that is marked, averaged up to 30 % of normal pixels marked",
            of="regions",
            value=lambda judged: judged.regions.pro(),
            drawn=Resamples.pro,
            per_type=True,
        ),
        Metric(
            name="pro_05",
            title="PRO@.05",
            meaning="share of each defect that is marked, averaged up to 5 % of normal pixels marked",
            of="regions",
            value=lambda judged: judged.regions.pro(fpr_limit=STRICT_LIMIT),
            drawn=lambda resamples: resamples.pro(fpr_limit=STRICT_LIMIT),
        ),
        Metric(
            name="spro_05",
            title="sPRO@.05",
            meaning="as PRO@.05, where the data set says how much of each defect is enough",
            of="regions",
            value=lambda judged: judged.spro(),
            applies=lambda judged: judged.maps is not None and judged.maps.saturated is not None,
            per_type=True,
        ),
        Metric(
            name="aupimo",
            title="AUPIMO",
            meaning="share of a photo's defect pixels found where 1 to 10 in 100,000 pixels of good photos are marked",
            of="pixels",
            value=aupimo,
        ),
        Metric(
            name="seg_f1",
            title="SegF1",
            meaning="balance of marked pixels that are right and defect pixels marked, at the model's own threshold",
            of="pixels",
            value=lambda judged: judged.seg_f1(),
        ),
        Metric(
            name="iap",
            title="IAP",
            meaning="share of marked pixels that are right, averaged over how many whole defects are found",
            of="regions",
            value=lambda judged: judged.regions.iap(),
            drawn=Resamples.iap,
        ),
        Metric(
            name="iap_at_90",
            title="IAP@90",
            meaning="share of marked pixels that are right where 90 % of whole defects are found",
            of="regions",
            value=lambda judged: judged.regions.iap_at_90(),
            drawn=Resamples.iap_at_90,
        ),
    )
}
"""The only place that knows which metrics there are."""

__all__ = ["METRICS", "Judgements", "Metric"]
