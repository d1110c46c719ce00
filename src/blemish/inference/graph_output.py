"""What an exported graph gives, or one line that says why it cannot."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blemish.errors import ArtifactError
from blemish.wording import brief


def maps_from_graph(
    compute: Callable[[NDArray[np.float32]], Any], images: NDArray[np.float32], *, graph: Path
) -> NDArray[np.float32]:
    """Returns maps (B, H, W) of images (B, 3, H, W), where `compute` gives a graph's anomaly_map (B, 1, H, W).

    Raises ArtifactError where it fails, or gives another shape: a damaged graph may be opened and yet be of no use.
    """
    try:
        maps = np.asarray(compute(images))
    except Exception as error:  # whatever the runtime raises
        raise ArtifactError(
            f"{graph} cannot be computed ({brief(error)}): it is damaged, or memory is short; export anew"
        ) from error
    if maps.shape != (len(images), 1, *images.shape[2:]) or maps.dtype != np.float32:
        raise ArtifactError(f"{graph} gives {maps.dtype} {maps.shape} for images {images.shape}; export anew")
    return maps[:, 0]
