"""How well what is marked agrees with the true defect, by rules for how far a mark reaches.

    python benchmarks/region_size.py RUN=TEST_FOLDER [RUN=TEST_FOLDER ...]

Each model judges its test set (in MVTec AD's layout, with masks). Of the defective photos with a mark, at the map's
size: the median of the marked area over the true one, the mean intersection over union, the shares of the defect that
is marked and of the mark that is defect, how many of the masks' connected parts are touched, and how many regions a
photo has. Rules: the threshold of pixels alone, and the same with a share of the peak of each connected part; the share
of the distance from the threshold to that peak; that of the distance between their logarithms; and half of the peak,
with lesser peaks of the same part given regions of their own.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from blemish.data.masks import mask_of
from blemish.data.mvtec_ad import MVTEC_AD
from blemish.errors import DataError
from blemish.inference import open_predictor
from blemish.inference.marked_regions import WAY_TO_PEAK, find_regions

Map = NDArray[np.float32]
Mask = NDArray[np.bool_]
Levels = Callable[[NDArray[np.float64], float], NDArray[np.float64]]
"""(peaks of connected parts, threshold) -> what a pixel of each part must be above."""
Rule = Callable[[Map, float], Mask]
"""(map, threshold of pixels) -> what is marked."""

_CONNECTED = np.ones((3, 3), np.bool_)


def parts_of(anomaly_map: Map, level: float) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Returns which connected part above a level each pixel lies in, from 1 on, and the peak of each, from 0 on."""
    labels, count = ndimage.label(anomaly_map > level, _CONNECTED)
    return labels, np.array([level, *ndimage.maximum(anomaly_map, labels, range(1, count + 1))], np.float64)


def cut_at(levels: Levels) -> Rule:
    def rule(anomaly_map: Map, threshold: float) -> Mask:
        labels, peaks = parts_of(anomaly_map, threshold)
        kept: Mask = (anomaly_map > threshold) & (anomaly_map > levels(peaks, threshold)[labels])
        return kept

    return rule


def of_peak(share: float) -> Rule:
    return cut_at(lambda peaks, _: share * peaks)


def of_way(share: float) -> Rule:
    return cut_at(lambda peaks, threshold: threshold + share * (peaks - threshold))


def of_way_in_logarithms(share: float) -> Rule:
    return cut_at(lambda peaks, threshold: threshold ** (1 - share) * peaks**share)


def lesser_peaks_too(fallen: float) -> Rule:
    """Half of the peak, and so around each lesser peak too that the map falls to `fallen` of before it rises higher."""

    def rule(anomaly_map: Map, threshold: float) -> Mask:
        kept, level = np.zeros(anomaly_map.shape, np.bool_), threshold
        while level < anomaly_map.max():
            labels, peaks = parts_of(anomaly_map, level)
            stands_apart = (level <= fallen * peaks) | (level == threshold)
            kept |= (labels > 0) & stands_apart[labels] & (anomaly_map > 0.5 * peaks[labels])
            level *= 1.1
        return kept

    return rule


RULES: dict[str, Rule] = {
    "threshold alone": cut_at(np.full_like),
    **{f"{share:g} of the peak": of_peak(share) for share in (0.3, 0.4, 0.5, 0.6, 0.7)},
    **{f"{share:g} of the way to the peak": of_way(share) for share in (0.3, 0.5)},
    **{f"{share:g} of the way, in logarithms": of_way_in_logarithms(share) for share in (0.5, 0.7)},
    "0.5 of the peak, and of lesser ones": lesser_peaks_too(0.2),
}


def photos_of(run: Path, root: Path) -> tuple[float, list[tuple[Map, Mask]]]:
    """Returns the threshold of pixels, and map and true mask of each defective photo that has a mark."""
    predictor = open_predictor(run)
    samples = [sample for sample in MVTEC_AD.find(root, None).test if sample.anomalous]
    threshold, found = predictor.calibration.pixel.value, []
    for sample, prediction in zip(samples, predictor.predict_many(s.image for s in samples), strict=True):
        if isinstance(prediction, DataError):
            raise prediction
        true = mask_of(sample, prediction.photo_size)
        small = None if true is None else predictor.framing.mask(true)
        if small is not None and small.any() and prediction.anomaly_map.max() > threshold:
            found.append((prediction.anomaly_map, small))
    return threshold, found


def row(name: str, pairs: list[tuple[Mask, Mask]]) -> str:
    areas = [mask.sum() / true.sum() for mask, true in pairs]
    both = [(mask & true).sum() for mask, true in pairs]
    union = np.mean([n / (mask | true).sum() for n, (mask, true) in zip(both, pairs, strict=True)])
    covered = np.mean([n / true.sum() for n, (_, true) in zip(both, pairs, strict=True)])
    right = np.mean([n / mask.sum() for n, (mask, _) in zip(both, pairs, strict=True)])
    touched = parts = 0
    for mask, true in pairs:
        labels, count = ndimage.label(true, _CONNECTED)
        touched, parts = touched + len(np.unique(labels[mask & true])), parts + count
    regions = np.mean([ndimage.label(mask, _CONNECTED)[1] for mask, _ in pairs])
    return (
        f"| {name} | {np.median(areas):.2f} | {union:.3f} | {covered:.3f} | {right:.3f} | {touched} of {parts} "
        f"| {regions:.1f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", nargs="+", metavar="RUN=TEST_FOLDER")
    for pair in parser.parse_args().pairs:
        run, root = map(Path, pair.split("=", 1))
        threshold, photos = photos_of(run, root)
        in_use = f"{WAY_TO_PEAK:g} of the way, in logarithms"
        print(f"\n{run.name}: {len(photos)} defective photos with a mark (in use: {in_use})")
        if not photos:
            continue
        print("\n| what is marked | area / true area | IoU | of the defect | of the mark | parts touched | regions |")
        print("|---|---|---|---|---|---|---|")
        for name, rule in RULES.items():
            print(row(name, [(rule(found, threshold), true) for found, true in photos]), flush=True)
        used = [(find_regions(found, above=threshold, photo_size=true.shape)[0], true) for found, true in photos]
        print(row("as Blemish marks", used), flush=True)


if __name__ == "__main__":
    main()
