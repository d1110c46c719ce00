"""Makes painted.png: made-up parts under every fill (columns) in every shape (rows), as Mend's training paints them.

The first draws of a seed, none picked; opaque, so that they show.

    python docs/pictures/painted.py
"""

import tempfile
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from blemish.data.images import read_image, save_png
from blemish.data.made_up import make_up
from blemish.synthesis.fills import FILLS
from blemish.synthesis.shapes import SHAPES
from blemish.training.texture_store import Textures

SIZE, GAP, SEED = 80, 4, 8


def row(images: Tensor) -> NDArray[np.uint8]:
    pixels = (images.permute(0, 2, 3, 1) * 255).round().to(torch.uint8).numpy()
    framed = np.pad(pixels, ((0, 0), (0, GAP), (0, GAP), (0, 0)), constant_values=255)
    return np.concatenate(list(framed), axis=1)


def main() -> None:
    count, generator = len(FILLS), torch.Generator().manual_seed(SEED)
    with tempfile.TemporaryDirectory() as folder:
        counts = {"train": count, "good": 1, "defective": 1}
        # On a texture as busy as gravel hardly a defect can be seen at this size.
        parts = make_up(Path(folder) / "parts", seed=SEED, size=SIZE, textures=("brick",), closer=2.2, **counts)
        photos = np.stack([read_image(sample.image) for sample in parts.train])
    clean = torch.from_numpy(photos).permute(0, 3, 1, 2).float() / 255
    textures = Textures(torch.from_numpy(photos), contents="made-up parts", altered=True).draw(len(clean), generator)
    rows = []
    for shape in SHAPES.values():
        chosen = torch.randperm(len(clean), generator=generator)[:count]
        coverage = shape(count, (SIZE, SIZE), generator)
        shown = [fill(clean[chosen], textures[chosen], generator)[place] for place, fill in enumerate(FILLS.values())]
        rows.append(row(torch.lerp(clean[chosen], torch.stack(shown), coverage)))
    save_png(Path(__file__).with_name("painted.png"), np.concatenate(rows)[:-GAP, :-GAP])


if __name__ == "__main__":
    main()
