"""Photos with more pixels than Pillow decodes unasked: refused with the setting that allows them, taken with it."""

from pathlib import Path

import pytest
from PIL import Image

from commands import Done, blemish


def predict(trained: Path, photo: Path, most: str) -> Done:
    return blemish("predict", trained, photo, first=f"import os; os.environ['BLEMISH_MAX_MEGAPIXELS'] = {most!r}")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    Image.new("L", (2000, 1000)).save(tmp_path / "large.png")
    return tmp_path / "large.png"


def test_a_photo_of_more_pixels_than_allowed_is_refused_with_the_setting_that_allows_it(
    trained: Path, photo: Path
) -> None:
    refused = predict(trained, photo, "1")
    assert refused.code == 2
    assert [line for line in refused.err if f"{photo}: has 2 million pixels, more than the 1 million that" in line]
    assert "--max-megapixels 2 of" in "\n".join(refused.err)
    assert "BLEMISH_MAX_MEGAPIXELS=2 in" in "\n".join(refused.err)
    assert predict(trained, photo, "2").code in (0, 1)


@pytest.mark.parametrize("most", ["0", "many", "-1", "1.5"])
def test_a_setting_that_is_no_number_of_pixels_is_one_line(trained: Path, photo: Path, most: str) -> None:
    assert predict(trained, photo, most) == (
        2,
        [],
        [f"blemish: BLEMISH_MAX_MEGAPIXELS is {most!r}: give a whole number of millions of pixels, such as 160"],
    )
