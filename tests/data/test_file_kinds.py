"""What a file holds beside one photo's pixels: values that are no camera's, and further pages."""

import logging
import struct
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from blemish.data.file_kinds import holds_several
from blemish.data.framing import Framing
from blemish.data.images import read_image
from blemish.data.survey import survey
from blemish.errors import DataError
from blemish.inference.predictor import Predictor
from blemish.model.score import Score
from blemish.model.thresholds import UNCALIBRATED


def tiff(pixels: np.ndarray, *, sample_format: int) -> bytes:
    """A grey TIFF of any type, also of those that Pillow neither writes nor reads."""
    height, width = pixels.shape
    data = pixels.tobytes()
    long, short = "<HHII", "<HHIHH"
    entries = [
        *(struct.pack(long, tag, 4, 1, value) for tag, value in ((256, width), (257, height))),
        struct.pack(short, 258, 3, 1, 8 * pixels.itemsize, 0),
        *(struct.pack(short, tag, 3, 1, 1, 0) for tag in (259, 262)),
        struct.pack(long, 273, 4, 1, 14 + 12 * 9),
        *(struct.pack(long, tag, 4, 1, value) for tag, value in ((278, height), (279, len(data)))),
        struct.pack(short, 339, 3, 1, sample_format, 0),
    ]
    return b"II*\0" + struct.pack("<IH", 8, 9) + b"".join(entries) + struct.pack("<I", 0) + data


@pytest.mark.parametrize(
    ("kind", "sample_format", "said"),
    [
        ("<f2", 3, "holds floating-point pixels (16 bits), whose white is unknown; scale them"),
        ("<f4", 3, "holds 32-bit floating-point pixels, whose white is unknown; scale them"),
        ("<f8", 3, "holds floating-point pixels (64 bits)"),
        ("<i8", 2, "holds signed whole numbers (64 bits)"),
    ],
)
def test_a_tiff_of_other_values_than_a_cameras_is_called_what_it_is(
    tmp_path: Path, kind: str, sample_format: int, said: str
) -> None:
    path = tmp_path / "photo.tiff"
    path.write_bytes(tiff(np.ones((4, 5), np.dtype(kind)), sample_format=sample_format))
    with pytest.raises(DataError) as refused:
        read_image(path)
    assert str(refused.value).startswith(f"{path}: {said}")
    assert "is not a" not in str(refused.value)


def pages(count: int, kind: str) -> bytes:
    pictures = [Image.new("RGB", (8, 8), (40 * number, 0, 0)) for number in range(1, count + 1)]
    file = BytesIO()
    pictures[0].save(file, format=kind, save_all=True, append_images=pictures[1:])
    return file.getvalue()


@pytest.mark.parametrize("kind", ["TIFF", "PNG", "WEBP"])
def test_a_file_of_several_pages_is_known(kind: str) -> None:
    assert holds_several(pages(3, kind))
    assert not holds_several(pages(1, kind))


@pytest.mark.parametrize("channels", [3, 5])
def test_pages_of_more_channels_than_colours_have_are_several_too(channels: int) -> None:
    photo, file = np.zeros((8, 8, channels), np.uint8), BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for _ in range(2):
            writer.write(photo, photometric="minisblack", planarconfig="contig", metadata=None)
    assert holds_several(file.getvalue())


class Brightness:
    """A runtime that says how bright a photo is."""

    def run(self, images: np.ndarray) -> np.ndarray:
        maps: np.ndarray = images.mean(axis=1)
        return maps


def test_it_is_said_once_of_each_file_that_only_its_first_page_is_judged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    photos = [tmp_path / "plain.tiff", tmp_path / "scan.tiff"]
    for count, photo in enumerate(photos, start=1):
        photo.write_bytes(pages(count, "TIFF"))
    predictor = Predictor(Brightness(), Framing(image_size=(8, 8)), score=Score(), calibration=UNCALIBRATED)
    with caplog.at_level(logging.WARNING, logger="blemish"):
        results = list(predictor.predict_many([*photos, *photos]))
    assert not any(isinstance(result, DataError) for result in results)
    assert [record.getMessage() for record in caplog.records] == [
        f"{photos[1]}: holds several pages, and only the first is judged; save each page as a file of its own"
    ]


def test_of_many_files_of_several_pages_the_first_are_named(caplog: pytest.LogCaptureFixture) -> None:
    """A watch meets new ones for months, and would remember each."""
    predictor = Predictor(Brightness(), Framing(image_size=(8, 8)), score=Score(), calibration=UNCALIBRATED)
    for number in range(30):
        predictor._say_once(f"{number}.tiff: holds several pages, and only the first is judged")
    said = [record.getMessage() for record in caplog.records]
    assert (len(said), len(predictor._said)) == (20, 20)
    assert said[-1].endswith("; of more files it is not said") and not said[-2].endswith("said")


def test_a_survey_counts_files_of_several_pages(tmp_path: Path) -> None:
    for count in (1, 2):
        (tmp_path / f"{count}.tiff").write_bytes(pages(count, "TIFF"))
    lines = survey(sorted(tmp_path.iterdir()), decode=True).lines()
    assert f"of several pages, of which only the first is read: 1, such as {tmp_path / '2.tiff'}" in lines
