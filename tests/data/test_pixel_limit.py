"""How many pixels are decoded: what is allowed here is taken, and Pillow's own limit stays for others."""

from io import BytesIO
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from blemish.data.images import decode_image
from blemish.data.pixel_limit import allow_pixels
from blemish.data.reading import Reading

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
