"""What several methods' tests compare with: plain float64 NumPy, written without a look at the code it judges."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def unit(features: Array) -> Array:
    """(B, C, h, w) -> the same with channel vectors of length 1."""
    length: Array = np.sqrt((features**2).sum(axis=1, keepdims=True))
    unit_features: Array = features / (length + 1e-12)
    return unit_features


def bilinear(images: Array, height: int, width: int) -> Array:
    """(..., h, w) -> (..., height, width): each output pixel's centre mapped back, its four neighbours weighed."""
    resized: Array = _weights(images.shape[-2], height) @ images @ _weights(images.shape[-1], width).T
    return resized


def _weights(old: int, new: int) -> Array:
    """(new, old): how much each old row counts in each new one."""
    weights = np.zeros((new, old))
    for i in range(new):
        place = min(max((i + 0.5) * old / new - 0.5, 0), old - 1)
        below = int(place)
        weights[i, below] += 1 - (place - below)
        weights[i, min(below + 1, old - 1)] += place - below
    return weights
