"""Times all metrics on made-up maps, beside the formulations that published code uses on the same maps.

    python benchmarks/metric_speed.py [--photos 160] [--side 256]        ours, and the published formulations: minutes
    python benchmarks/metric_speed.py --stream --photos 5000 --side 1024  ours alone, map after map; peak memory

PRO is timed on --thresholds of the published 4,000, evenly spread over the range, and the seconds are scaled up to all
of them; the area under so few is not shown.
"""

import argparse
import os
import resource
import sys
from collections.abc import Callable, Iterator
from functools import partial
from time import perf_counter
from typing import TypeVar

import numpy as np
import scipy
import sklearn
from numpy.typing import NDArray
from scipy import ndimage
from skimage import measure
from sklearn.metrics import average_precision_score, roc_auc_score

from blemish.metrics import METRICS, Judgements
from blemish.metrics.intervals import bootstrap
from blemish.metrics.pixels import PixelCollector, collect

Mask = NDArray[np.bool_]
Map = NDArray[np.float32]
T = TypeVar("T")
PUBLISHED_THRESHOLDS = 4000
FIELDS = 12


def made_up(*, photos: int, side: int, seed: int) -> Iterator[tuple[Mask, Map]]:
    """A quarter of the photos good, the others with one to three elliptic defects that smooth maps mostly see."""
    rng = np.random.default_rng(seed)
    fields = [_smooth(rng, side) for _ in range(FIELDS)]
    for photo in range(photos):
        mask = np.zeros((side, side), np.bool_)
        # Two of a few smooth fields, shifted: smooth as well, another one for each photo, and cheap.
        one, other = (fields[i] for i in rng.integers(0, FIELDS, 2))
        shift = rng.integers(0, side, 2)
        anomaly_map = (one + np.roll(other, shift, (0, 1))) * np.float32(0.7)
        for _ in range(rng.integers(1, 4) if photo >= photos // 4 else 0):
            centre, radii = rng.uniform(0, side, 2), rng.uniform(side / 64, side / 10, 2)
            low, high = (np.clip(c, 0, side).astype(int) for c in (centre - 1.3 * radii, centre + 1.3 * radii + 1))
            y, x = np.ogrid[low[0] : high[0], low[1] : high[1]]
            distance = ((y - centre[0]) / radii[0]) ** 2 + ((x - centre[1]) / radii[1]) ** 2
            mask[low[0] : high[0], low[1] : high[1]] |= distance <= 1
            anomaly_map[low[0] : high[0], low[1] : high[1]] += np.maximum(3 - 1.8 * distance, 0).astype(np.float32)
        yield mask, anomaly_map


def _smooth(rng: np.random.Generator, side: int) -> Map:
    field = ndimage.gaussian_filter(rng.standard_normal((side, side), np.float32), side / 64, mode="wrap")
    return np.asarray(field / field.std(), np.float32)


def pro_of_thresholds(masks: Mask, maps: Map, *, thresholds: int) -> float:
    """PRO as STPM's official code defines it, in our words.

    Equally spaced thresholds; at each, the regions of every photo are labelled anew (8-connected) and the share of each
    that is called anomalous is averaged. Of the curve up to a false positive rate of 0.3, both axes are stretched to 0
    to 1, which is not the definition of the paper that PRO is from and flatters.
    """
    rates, overlaps = [], []
    for threshold in np.linspace(maps.max(), maps.min(), thresholds, endpoint=False):
        called = maps > threshold
        of_regions = [
            called[i][tuple(region.coords.T)].mean()
            for i, mask in enumerate(masks)
            for region in measure.regionprops(measure.label(mask, connectivity=2))
        ]
        overlaps.append(float(np.mean(of_regions)))
        rates.append(np.count_nonzero(called & ~masks) / np.count_nonzero(~masks))
    rate, overlap = np.array(rates), np.array(overlaps)
    kept = rate <= 0.3
    rate, overlap = (values[kept] / max(values[kept].max(), 1e-12) for values in (rate, overlap))
    return float(np.diff(rate) @ (overlap[1:] + overlap[:-1]) / 2)


def iap_threshold_by_threshold(masks: Mask, maps: Map) -> float:
    """IAP as DeSTSeg's official code computes it, in our words: all pixels are compared anew for every region."""
    found_at: list[float] = []
    for mask, anomaly_map in zip(masks, maps, strict=True):
        labels, regions = ndimage.label(mask, np.ones((3, 3)))
        for region in range(1, regions + 1):
            scores = np.sort(anomaly_map[labels == region])[::-1]
            found_at.append(float(scores[len(scores) // 2]))
    precisions, best = [], 0.0
    for threshold in sorted(found_at):
        called = maps >= threshold
        best = max(best, np.count_nonzero(called & masks) / np.count_nonzero(called))
        precisions.append(best)
    return float(np.mean(precisions))


def timed(measured: Callable[[], T]) -> tuple[T, float]:
    start = perf_counter()
    value = measured()
    return value, perf_counter() - start


def compare(args: argparse.Namespace) -> None:
    masks, maps = (np.stack(all_of) for all_of in zip(*made_up_of(args), strict=True))
    anomalous, scores = np.asarray(masks.any(axis=(1, 2))), maps.max(axis=(1, 2)).astype(np.float64)
    print(f"{maps.size:,} pixels, {np.count_nonzero(masks):,} of defects")
    pixels, seconds = timed(lambda: collect(masks, maps))
    judged = Judgements(anomalous=anomalous, scores=scores, maps=pixels)
    spent = show_ours(judged, {"collecting": seconds})
    print(f"{'together':<16}{'':>10}{spent:>9.3f}")
    if args.ours_only:
        return
    truth, flat = masks.ravel(), maps.ravel()
    published: dict[str, Callable[[], float]] = {
        "pixel_auroc: scikit-learn's roc_auc_score": lambda: float(roc_auc_score(truth, flat)),
        "pixel_ap: scikit-learn's average_precision_score": lambda: float(average_precision_score(truth, flat)),
        "iap: all pixels compared for every region": lambda: iap_threshold_by_threshold(masks, maps),
    }
    print(f"\n{'published formulation':<52}{'value':>9}{'seconds':>10}")
    for name, formulation in published.items():
        value, seconds = timed(formulation)
        print(f"{name:<52}{value:>9.5f}{seconds:>10.2f}")
    _, seconds = timed(lambda: pro_of_thresholds(masks, maps, thresholds=args.thresholds))
    scaled = seconds * PUBLISHED_THRESHOLDS / args.thresholds
    print(f"{f'pro: {PUBLISHED_THRESHOLDS} thresholds, regions labelled at each':<52}{'':>9}{scaled:>10.0f}")
    print(f"  (scaled up from {args.thresholds} thresholds in {seconds:.1f} s)")


def stream(args: argparse.Namespace) -> None:
    """Every map is forgotten before the next is drawn, as in `blemish evaluate`."""
    before = peak_memory()
    collector, anomalous, scores = PixelCollector(), list[bool](), list[float]()
    maps, drawing, adding = made_up_of(args), 0.0, 0.0
    for _ in range(args.photos):
        (mask, anomaly_map), seconds = timed(partial(next, maps))
        drawing += seconds
        adding += timed(partial(collector.add, anomaly_map, mask))[1]
        anomalous.append(bool(mask.any()))
        scores.append(float(anomaly_map.max()))
    pixels, counting = timed(collector.pixels)
    judged = Judgements(anomalous=np.array(anomalous), scores=np.array(scores), maps=pixels)
    print(f"{pixels.normal.ends[-1]:,} normal pixels, {pixels.defects.ends[-1]:,} of defects")
    spent = show_ours(judged, {"adding maps": adding, "counting": counting})
    print(f"{'together':<16}{'':>10}{spent:>9.1f}   and {drawing:.0f} s to draw the maps")
    print(f"peak memory {peak_memory():.2f} GB, {before:.2f} GB of it before the first map")
    print(f"the maps alone are {4 * args.photos * args.side**2 / 1e9:.2f} GB")


def show_ours(judged: Judgements, before: dict[str, float]) -> float:
    """In the order of METRICS; the first metric of pixels pays for what the others share. Returns all seconds."""
    print(f"\n{'ours':<16}{'value':>10}{'seconds':>9}   95 % interval")
    for name, seconds in before.items():
        print(f"{name:<16}{'':>10}{seconds:>9.3f}")
    found = {name: timed(partial(metric.value, judged)) for name, metric in METRICS.items()}
    intervals, drawing = timed(lambda: bootstrap(judged, {name: value for name, (value, _) in found.items()}))
    for name, (value, seconds) in found.items():
        low, high = intervals[name] or (np.nan, np.nan)
        print(f"{name:<16}{value:>10.5f}{seconds:>9.3f}   {low:.5f} to {high:.5f}", flush=True)
    print(f"{'intervals':<16}{'':>10}{drawing:>9.3f}")
    return sum(before.values()) + drawing + sum(seconds for _, seconds in found.values())


def peak_memory() -> float:
    """Highest resident memory of this process so far, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e9


def made_up_of(args: argparse.Namespace) -> Iterator[tuple[Mask, Map]]:
    return made_up(photos=args.photos, side=args.side, seed=args.seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=160)
    parser.add_argument("--side", type=int, default=256, help="pixels of a map's side")
    parser.add_argument("--thresholds", type=int, default=40, help="of the published PRO that are timed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--ours-only", action="store_true", help="leave out the published formulations")
    parser.add_argument("--stream", action="store_true", help="ours alone, with one map in memory at a time")
    args = parser.parse_args()
    print(
        f"{args.photos} maps of {args.side}x{args.side}; {os.cpu_count()} cores, numpy {np.__version__}, "
        f"scipy {scipy.__version__}, scikit-learn {sklearn.__version__}"
    )
    stream(args) if args.stream else compare(args)


if __name__ == "__main__":
    main()
