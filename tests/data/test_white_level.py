"""What is white in files of 16 bits: asked for, said by the files' tags, or found in their values."""

import logging
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blemish.data.framing import Framing
from blemish.data.survey import Survey, survey
from blemish.data.tiff_tags import beyond_pillow, stated_white
from blemish.errors import DataError
from blemish.training.photo_store import PhotoStore
from data.test_formats import BITS, HEIGHT, PHOTOMETRIC, SAMPLES, WIDTH, tiff

WHITE_LEVEL, HIGHEST, HIGHEST_OF_ANY_TYPE = 50717, 281, 341


def camera_file(path: Path, highest: int, tags: dict[int, tuple[int, ...]]) -> Path:
    values = np.linspace(0, highest, 16).astype("<u2")
    grey = {WIDTH: (4,), HEIGHT: (4,), BITS: (16,), SAMPLES: (1,), PHOTOMETRIC: (1,)}
    path.write_bytes(tiff(values.tobytes(), grey | tags))
    return path


@pytest.mark.parametrize(
    ("tags", "white"),
    [
        ([{WHITE_LEVEL: (15000,)}] * 2, 15000),
        ([{HIGHEST: (4095,)}] * 2, 4095),
        ([{HIGHEST_OF_ANY_TYPE: (16383,)}] * 2, 16383),
        ([{HIGHEST: (987,)}] * 2, 1023),  # what one photo happens to hold is no white
        ([{WHITE_LEVEL: (4095,)}, {WHITE_LEVEL: (16383,)}], 1023),  # they contradict one another
        ([{WHITE_LEVEL: (4095,)}, {}], 1023),
        ([{WHITE_LEVEL: (500,)}] * 2, 1023),  # as their values do
        ([{}] * 2, 1023),
    ],
)
def test_white_is_what_all_files_say_or_what_their_values_tell(
    tmp_path: Path, tags: list[dict[int, tuple[int, ...]]], white: int
) -> None:
    paths = [camera_file(tmp_path / f"{n}.tif", 900 + n, each) for n, each in enumerate(tags)]
    assert survey(paths, decode=True).white_level == white
    store = PhotoStore(paths, Framing(image_size=(4, 4)), budget=10**6, workers=1)
    store.load(lambda _done, _of: None)
    store.close()
    assert store.framing.white_level == white
    assert survey(paths, decode=True, asked_white=2000).white_level == 2000


def test_photos_with_values_above_the_white_that_was_asked_for_are_named(tmp_path: Path) -> None:
    fine, hot, bright = (tmp_path / f"{name}.png" for name in ("fine", "hot", "bright"))
    for path, values in ((fine, 0), (hot, 1), (bright, 40)):
        photo = np.full((20, 20), 1000, np.uint16)
        photo.ravel()[:values] = 1024
        Image.fromarray(photo).save(path)
    seen = survey([fine, hot], decode=True, asked_white=1023)
    assert any(
        line.startswith(f"of 16 bits, with values above 1023, which are taken for white: 1, such as {hot}")
        for line in seen.lines()
    )
    framing = Framing(image_size=(4, 4), white_level=1023)
    store = PhotoStore([fine, hot, bright], framing, budget=10**6, workers=1, asked_white=1023)
    store.load(lambda _done, _of: None)
    store.close()
    assert store.paths == [fine, hot]
    assert [str(error).partition(":")[0] for error in store.unreadable] == [str(bright)]
    with pytest.raises(DataError, match=r"^image: 10% of its values are above 1023"):
        framing.cut(np.array(Image.open(bright))[:, :, None].repeat(3, 2))


def test_a_white_that_was_asked_for_is_known_though_all_photos_have_8_bits(tmp_path: Path) -> None:
    Image.new("L", (4, 4), 9).save(tmp_path / "8.png")
    framing = Framing(image_size=(4, 4), white_level=4095)
    store = PhotoStore([tmp_path / "8.png"], framing, budget=10**6, workers=1, asked_white=4095)
    store.load(lambda _done, _of: None)
    store.close()
    images = store.framing.images(store.framing.cut(np.full((4, 4, 3), 2048, np.uint16)))
    assert images.max() == pytest.approx(2048 / 4095)


def test_where_nothing_is_wide_nothing_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Image.new("L", (4, 4), 200).save(tmp_path / "8.png")
    with caplog.at_level(logging.WARNING, logger="blemish"):
        seen = survey([tmp_path / "8.png"], decode=True, asked_white=4095)
    assert seen.white_level is None
    assert Survey(facts={}).stated_white is None
    assert not [line for line in seen.lines() if "white" in line]


def test_tags_of_other_types_than_they_should_have_say_nothing() -> None:
    assert stated_white({258: (16,), WHITE_LEVEL: "bright"}) is None
    assert stated_white({258: "16", WHITE_LEVEL: (4095.0,)}) == 4095
    assert not beyond_pillow({258: "sixteen", 277: None})
