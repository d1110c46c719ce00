"""Times all metrics on made-up maps, beside the formulations that published code uses on the same maps.

python benchmarks/metrics.py [--photos 160] [--side 256] [--thresholds 200] [--ours-only]
"""

import argparse
import os
from collections.abc import Callable
from functools import partial
from time import perf_counter

import numpy as np
import scipy
import sklearn
from numpy.typing import NDArray
from scipy import ndimage
from skimage import measure
from sklearn.metrics import average_precision_score, roc_auc_score

from blemish.evaluation import METRICS, Judgements

Masks = NDArray[np.bool_]
Maps = NDArray[np.float32]
Timed = tuple[float, float]
"""(value, seconds)"""


def made_up(*, photos: int, side: int, seed: int) -> Judgements:
    """A quarter of the photos good, the others with one to three elliptic defects that smooth maps mostly see."""
    rng = np.random.default_rng(seed)
    masks = np.zeros((photos, side, side), bool)
    y, x = np.ogrid[:side, :side]
    for photo in range(photos // 4, photos):
        for _ in range(rng.integers(1, 4)):
            (cy, cx), (ry, rx) = rng.uniform(0, side, 2), rng.uniform(side / 64, side / 10, 2)
            masks[photo] |= ((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2 <= 1
    field = rng.standard_normal(masks.shape, np.float32)
    maps = ndimage.gaussian_filter(field, (0, side / 64, side / 64))
    maps /= maps.std()
    maps += 3 * ndimage.gaussian_filter(masks.astype(np.float32), (0, side / 85, side / 85))
    anomalous = np.asarray(masks.any(axis=(1, 2)))
    return Judgements(anomalous=anomalous, scores=maps.max(axis=(1, 2)).astype(np.float64), masks=masks, maps=maps)


def pro_of_some_thresholds(masks: Masks, maps: Maps, *, thresholds: int) -> float:
    """PRO as commonly published: equally spaced thresholds, the regions of each photo labelled anew at each of them.

    The false positive rates that are kept are stretched to 0 to 1, as those formulations do.
    """
    rates, overlaps = [], []
    for threshold in np.linspace(maps.min(), maps.max(), thresholds, endpoint=False)[::-1]:
        called = maps > threshold
        of_regions = [
            called[i][tuple(region.coords.T)].mean()
            for i, mask in enumerate(masks)
            for region in measure.regionprops(measure.label(mask))  # type: ignore[no-untyped-call]
        ]
        overlaps.append(float(np.mean(of_regions)))
        rates.append(np.count_nonzero(called & ~masks) / np.count_nonzero(~masks))
    rate, overlap = np.array(rates), np.array(overlaps)
    kept = rate <= 0.3
    rate, overlap = rate[kept] / rate[kept].max(), overlap[kept]
    return float(np.diff(rate) @ (overlap[1:] + overlap[:-1]) / 2)


def timed(measured: Callable[[], float]) -> Timed:
    start = perf_counter()
    value = float(measured())
    return value, perf_counter() - start


def ours(judged: Judgements) -> dict[str, Timed]:
    """In the order of METRICS; the first metric of each kind pays for what the others share."""
    return {name: timed(partial(metric, judged)) for name, metric in METRICS.items()}


def published(masks: Masks, maps: Maps, *, thresholds: int) -> dict[str, tuple[str, Timed]]:
    truth, scores = masks.ravel(), maps.ravel()
    return {
        "pixel_auroc": ("sklearn roc_auc_score", timed(lambda: roc_auc_score(truth, scores))),
        "pixel_ap": ("sklearn average_precision_score", timed(lambda: average_precision_score(truth, scores))),
        "pro": (
            f"{thresholds} thresholds, label at each",
            timed(lambda: pro_of_some_thresholds(masks, maps, thresholds=thresholds)),
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=160)
    parser.add_argument("--side", type=int, default=256, help="pixels of a map's side")
    parser.add_argument("--thresholds", type=int, default=200, help="of the published PRO")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--ours-only", action="store_true", help="leave out the published formulations: minutes")
    args = parser.parse_args()

    judged = made_up(photos=args.photos, side=args.side, seed=args.seed)
    masks, maps = judged.masks, judged.maps
    assert masks is not None
    assert maps is not None
    print(
        f"{args.photos} maps of {args.side}x{args.side}: {maps.size:,} pixels, {np.count_nonzero(masks):,} of defects; "
        f"{os.cpu_count()} cores, numpy {np.__version__}, scipy {scipy.__version__}, scikit-learn {sklearn.__version__}"
    )
    found = ours(judged)
    others = {} if args.ours_only else published(masks, maps, thresholds=args.thresholds)
    print(f"\n{'metric':<14}{'value':>9}{'seconds':>9}   {'published formulation':<32}{'value':>9}{'seconds':>9}")
    for name, (value, seconds) in found.items():
        line = f"{name:<14}{value:>9.5f}{seconds:>9.3f}"
        if name in others:
            how, (other_value, other_seconds) = others[name]
            line += f"   {how:<32}{other_value:>9.5f}{other_seconds:>9.2f}"
        print(line)
    together = f"{'together':<14}{'':>9}{sum(seconds for _, seconds in found.values()):>9.3f}"
    if others:
        together += f"   {'':<32}{'':>9}{sum(seconds for _, (_, seconds) in others.values()):>9.2f}"
    print(together)


if __name__ == "__main__":
    main()
