"""Raw mosaics of colour cameras are told; nothing else is taken for one."""

from pathlib import Path

import numpy as np
import pytest

from blemish.data.dataset import Dataset
from blemish.data.images import as_image, read_image, save_png
from blemish.data.mosaic import looks_like_mosaic
from blemish.data.survey import survey


def test_a_mosaic_among_photos_is_named_and_photos_are_not(parts: Dataset, tmp_path: Path) -> None:
    photos = [sample.image for sample in parts.train[:8]]
    colour = np.array([200, 90, 40]) * np.random.default_rng(0).uniform(0.9, 1, (64, 64, 1))
    raw = colour[:, :, 1].copy()
    raw[::2, ::2], raw[1::2, 1::2] = colour[::2, ::2, 0], colour[1::2, 1::2, 2]
    save_png(tmp_path / "raw.png", raw.astype(np.uint8))
    (line,) = [line for line in survey([*photos, tmp_path / "raw.png"], decode=True).lines() if "mosaic" in line]
    assert line.startswith(f"raw mosaics of a colour camera (Bayer), it seems: 1, such as {tmp_path / 'raw.png'}; ")
    assert not any(looks_like_mosaic(read_image(photo)) for photo in photos)


@pytest.mark.parametrize("side", [1, 7, 900])
def test_noise_stripes_and_even_grey_are_no_mosaic(side: int) -> None:
    noise = np.random.default_rng(side).integers(0, 256, (side, side), np.uint8)
    stripes = np.where(np.arange(side) % 2, 200, 20).astype(np.uint8)[None].repeat(side, 0)
    for grey in (noise, stripes, np.full((side, side), 60, np.uint8)):
        assert not looks_like_mosaic(as_image(grey))
