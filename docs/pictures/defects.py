"""Makes defects.png: made-up parts, the masks that DeSTSeg's training draws, and the parts with defects drawn so.

Textures are those that need no folder. The first draws of a seed, none picked.

    python docs/pictures/defects.py
"""

import tempfile
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from blemish.data.images import read_image, save_png
from blemish.data.made_up import make_up
from blemish.synthesis.defects import draw_defects
from blemish.training.texture_store import Textures

COLUMNS, SIZE, GAP, SEED = 9, 128, 6, 0


def row(images: Tensor) -> NDArray[np.uint8]:
    pixels = (images.expand(-1, 3, -1, -1).permute(0, 2, 3, 1) * 255).round().to(torch.uint8).numpy()
    framed = np.pad(pixels, ((0, 0), (0, GAP), (0, GAP), (0, 0)), constant_values=255)
    return np.concatenate(list(framed), axis=1)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        parts = make_up(Path(folder) / "parts", seed=SEED, size=SIZE, train=COLUMNS, good=1, defective=1)
        photos = np.stack([read_image(sample.image) for sample in parts.train])
    generator = torch.Generator().manual_seed(SEED)
    textures = Textures(torch.from_numpy(photos), contents="made-up parts", altered=True).draw(COLUMNS, generator)
    clean = torch.from_numpy(np.ascontiguousarray(photos.transpose(0, 3, 1, 2), np.float32) / 255)
    # Patterns come first, pieces after them; turned about, because brick, gravel and grass take turns as well.
    turns = torch.arange(COLUMNS).reshape(-1, 3).T.flatten()
    defective, masks = draw_defects(clean, textures[turns], generator)
    sheet = np.concatenate([row(images) for images in (clean, masks, defective)])[:-GAP, :-GAP]
    save_png(Path(__file__).with_name("defects.png"), sheet)


if __name__ == "__main__":
    main()
