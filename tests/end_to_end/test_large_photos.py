"""Photos with more pixels than Pillow decodes unasked: refused with the setting that allows them, taken with it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image


def predict(trained: Path, photo: Path, most: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "blemish", "predict", str(trained), str(photo)]
    environment = os.environ | {"BLEMISH_MAX_MEGAPIXELS": most}
    return subprocess.run(command, capture_output=True, text=True, env=environment)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    Image.new("L", (2000, 1000)).save(tmp_path / "large.png")
    return tmp_path / "large.png"


def test_a_photo_of_more_pixels_than_allowed_is_refused_with_the_setting_that_allows_it(
    trained: Path, photo: Path
) -> None:
    refused = predict(trained, photo, "1")
    assert refused.returncode == 2
    assert f"{photo}: has more than 1 million pixels" in refused.stderr
    assert "BLEMISH_MAX_MEGAPIXELS" in refused.stderr
    assert predict(trained, photo, "2").returncode in (0, 1)


@pytest.mark.parametrize("most", ["0", "many", "-1", "1.5"])
def test_a_setting_that_is_no_number_of_pixels_is_one_line(trained: Path, photo: Path, most: str) -> None:
    refused = predict(trained, photo, most)
    assert refused.returncode == 2
    assert refused.stderr == (
        f"blemish: BLEMISH_MAX_MEGAPIXELS is {most!r}: give a whole number of millions of pixels, such as 160\n"
    )
