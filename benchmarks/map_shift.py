"""How far maps lie beside what they are of, and what that costs.

    python benchmarks/map_shift.py RUN ROOT

First the teacher of the model in RUN, at the model's size: soft blobs at known places on smooth noise; the maps are, of
each level, the distance between the teacher's features with and without the blob, and the product of all, enlarged as
the published codes do it. Their centroids less the blob's place are the shifts, printed beside what a level's stride
alone would give. Then the model's own maps of the test photos in ROOT (in MVTec AD's layout), moved by whole and half
pixels: pixel AP of each move, to be held against that of none.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from blemish.data.dataset import Sample
from blemish.data.masks import mask_of
from blemish.data.mvtec_ad import MVTEC_AD
from blemish.errors import DataError
from blemish.inference import open_predictor
from blemish.inference.predictor import Predictor
from blemish.inference.torch_runtime import rebuild
from blemish.metrics.pixels import collect
from blemish.model.artifact import read_artifact
from blemish.networks.discrepancy import distances, interpolate_map, multiply_maps, unit_vectors
from blemish.networks.teacher import Teacher

TRIALS = 30
BLOB = 6 / 256  # standard deviation, as a share of the side
MOVES = (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0)


@torch.no_grad()
def shifts_of(teacher: Teacher, size: tuple[int, int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns means and standard errors (levels + 1, 2), down and right, in the network's pixels: of each level, finest
    first, and of their product."""
    rng = np.random.default_rng(0)
    shifts = []
    for _ in range(TRIALS):
        noise = torch.from_numpy(rng.normal(0.5, 0.1, (1, 3, size[0] // 8, size[1] // 8)).astype(np.float32))
        clean = interpolate_map(noise, size).clamp(0, 1)
        y, x = rng.uniform(0.3, 0.7, 2) * size
        rows, columns = torch.arange(size[0]) - y, torch.arange(size[1]) - x
        blob = torch.exp(-(rows[:, None] ** 2 + columns**2) / (2 * (BLOB * max(size)) ** 2))
        expected = tuple(unit_vectors(level) for level in teacher(clean))
        found = distances(expected, teacher((clean + 0.6 * blob).clamp(0, 1).float()))
        places = [
            _centroid(interpolate_map(each, size)[0, 0].double().numpy()) for each in (*found, multiply_maps(found))
        ]
        shifts.append([(down - y, right - x) for down, right in places])
    return np.mean(shifts, axis=0), np.std(shifts, axis=0, ddof=1) / np.sqrt(TRIALS)


def _centroid(weights: NDArray[np.float64]) -> tuple[float, float]:
    shares = weights / weights.sum()
    rows, columns = (np.arange(side) for side in shares.shape)
    return float(shares.sum(axis=1) @ rows), float(shares.sum(axis=0) @ columns)


def maps_and_masks(predictor: Predictor, samples: Sequence[Sample]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    maps, masks = [], []
    for sample, prediction in zip(samples, predictor.predict_many(s.image for s in samples), strict=True):
        if isinstance(prediction, DataError):
            raise prediction
        maps.append(prediction.anomaly_map)
        mask = mask_of(sample, prediction.photo_size)
        masks.append(np.zeros(prediction.anomaly_map.shape, np.bool_) if mask is None else predictor.framing.mask(mask))
    return np.stack(maps), np.stack(masks)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("root", type=Path)
    options = parser.parse_args()
    artifact = read_artifact(options.run)
    teacher = next(module for module in rebuild(artifact).modules() if isinstance(module, Teacher))
    size = artifact.framing.image_size
    print(f"{teacher.name} at {size[0]}x{size[1]}, pixels down and right, with standard errors:")
    names = [f"stride {stride} (of itself {(stride - 1) / 2:+.1f})" for stride in teacher.strides]
    for name, mean, error in zip([*names, "their product"], *shifts_of(teacher, size), strict=True):
        print(f"  {name:<24} {mean[0]:+.2f} +- {error[0]:.2f}, {mean[1]:+.2f} +- {error[1]:.2f}")
    maps, masks = maps_and_masks(open_predictor(options.run, runtime="torch"), MVTEC_AD.find(options.root, None).test)
    print("pixel AP where maps are moved down (rows) and right (columns) by", *(f"{move:+g}" for move in MOVES))
    for down in MOVES:
        moved = [ndimage.shift(maps, (0, down, right), order=1, mode="nearest") for right in MOVES]
        row = [collect(masks, some).ranking.average_precision() for some in moved]
        print(f"  {down:+5.1f} ", *(f"{value:7.4f}" for value in row), flush=True)


if __name__ == "__main__":
    main()
