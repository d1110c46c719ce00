"""How many pixels are decoded: what is allowed here is taken, and Pillow's own limit stays for others."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from blemish.data.images import decode_image, read_image, save_map, save_png
from blemish.data.map_files import read_map
from blemish.data.pixel_limit import allow_pixels
from blemish.data.reading import Reading
from blemish.errors import DataError

COLOURS = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)


@pytest.mark.filterwarnings("error")  # Pillow warns where it does not refuse yet
@pytest.mark.parametrize("limit", [10, COLOURS.shape[0] * COLOURS.shape[1] - 1])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("colours", [COLOURS, COLOURS.astype(np.uint16) * 257], ids=["8 bits", "16 bits"])
def test_a_tiff_of_as_many_pixels_as_are_allowed_is_decoded(
    limit: int, compression: Any, colours: NDArray[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for page in (colours, colours[::-1]):
            writer.write(page, photometric="rgb", compression=compression)
    monkeypatch.setattr("blemish.data.pixel_limit._allowed", 0)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    allow_pixels(colours.shape[0] * colours.shape[1])
    np.testing.assert_array_equal(decode_image(file.getvalue(), name="photo"), colours)
    second = decode_image(file.getvalue(), name="photo", reading=Reading(pages=(2,)))
    np.testing.assert_array_equal(second, colours[::-1])
    assert limit == Image.MAX_IMAGE_PIXELS


def test_a_file_may_have_more_bytes_where_more_pixels_are_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = np.random.default_rng(1).integers(0, 65536, (20, 30, 3), dtype=np.uint16)
    save_png(tmp_path / "photo.png", photo)
    monkeypatch.setattr("blemish.data.pixel_limit._allowed", 0)
    monkeypatch.setattr("blemish.data.pixel_limit._USUAL_BYTES", 1000)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 80)
    with pytest.raises(DataError, match=r"photo\.png: has more than 0 MB.*--max-megapixels"):
        read_image(tmp_path / "photo.png")
    allow_pixels(20 * 30)
    np.testing.assert_array_equal(read_image(tmp_path / "photo.png"), photo)


def test_a_map_of_more_pixels_than_a_photo_may_have_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    large = np.random.default_rng(2).random((20, 30), dtype=np.float32)
    save_map(tmp_path / "map.tiff", large)
    monkeypatch.setattr("blemish.data.pixel_limit._allowed", 0)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 80)
    np.testing.assert_array_equal(read_map(tmp_path / "map.tiff"), large)
    Image.fromarray(np.zeros((99, 99), np.float32)).save(tmp_path / "bomb.tiff", compression="tiff_lzw")
    with pytest.raises(DataError, match="is no anomaly map"):
        read_map(tmp_path / "bomb.tiff")
    assert Image.MAX_IMAGE_PIXELS == 80
