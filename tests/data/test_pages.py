"""Which pages and channels of a file are the photo: asked for in training, kept in model.json, the same everywhere."""

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import blemish
from blemish.data.dataset import Dataset
from blemish.data.images import decode_image, read_header
from blemish.data.look import look_at
from blemish.data.reading import Reading
from blemish.errors import DataError, SettingsError
from blemish.results.overlays import picture
from blemish.training.settings import TrainingSettings
from copies import copied

PLANES = [np.full((6, 9), value, np.uint8) for value in (10, 20, 30)]


def pages_of(planes: list[NDArray[Any]], kind: str = "TIFF") -> bytes:
    first, *others = [Image.fromarray(plane) for plane in planes]
    file = BytesIO()
    first.save(file, format=kind, save_all=True, append_images=others)
    return file.getvalue()


@pytest.mark.parametrize(
    ("pages", "pixel"), [("first", [10, 10, 10]), (2, [20, 20, 20]), ("3", [30, 30, 30]), ("3,1,2", [30, 10, 20])]
)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_page_or_three_as_colours_are_the_photo(pages: int | str, pixel: list[int], dtype: type[np.generic]) -> None:
    data = pages_of([plane.astype(dtype) for plane in PLANES])
    photo = decode_image(data, name="scan", reading=Reading.asked(pages=pages, channels="all"))
    assert photo.dtype == dtype
    assert (photo.shape, photo[0, 0].tolist()) == ((6, 9, 3), pixel)


def test_a_page_of_16_bits_and_colours_has_all_its_bits() -> None:
    tifffile = pytest.importorskip("tifffile")
    values, file = np.random.default_rng(0).integers(0, 65536, (2, 6, 9, 3), dtype=np.uint16), BytesIO()
    tifffile.imwrite(file, values, photometric="rgb")
    data = file.getvalue()
    np.testing.assert_array_equal(decode_image(data, name="", reading=Reading(pages=(2,))), values[1])
    blue = decode_image(data, name="", reading=Reading(pages=(1, 2, 2), channels=(3,)))
    np.testing.assert_array_equal(blue, np.stack([values[n, :, :, 2] for n in (0, 1, 1)], axis=2))


@pytest.mark.parametrize(("channels", "pixel"), [("4", [4, 4, 4]), ("3,2,1", [3, 2, 1]), ("all", [1, 2, 3])])
def test_channels_are_chosen_alpha_too(channels: str, pixel: list[int]) -> None:
    file = BytesIO()
    Image.new("RGBA", (4, 4), (1, 2, 3, 4)).save(file, format="PNG")
    reading = Reading.asked(pages="first", channels=channels)
    assert decode_image(file.getvalue(), name="", reading=reading)[0, 0].tolist() == pixel


def test_channels_that_are_no_colours_are_the_photo_only_where_they_are_named() -> None:
    tifffile = pytest.importorskip("tifffile")
    values, file = np.random.default_rng(0).integers(0, 65536, (6, 9, 5), dtype=np.uint16), BytesIO()
    tifffile.imwrite(file, values, photometric="minisblack", planarconfig="contig")
    with pytest.raises(DataError, match=r"^cam: has 5 channels; say which are the photo"):
        decode_image(file.getvalue(), name="cam")
    photo = decode_image(file.getvalue(), name="cam", reading=Reading(channels=(5, 1, 3)))
    np.testing.assert_array_equal(photo, values[:, :, [4, 0, 2]])


def test_size_and_facts_are_those_of_the_page(tmp_path: Path) -> None:
    thumbnail_first = pages_of([np.zeros((2, 3), np.uint8), PLANES[0]])
    (tmp_path / "scan.tif").write_bytes(thumbnail_first)
    assert read_header(tmp_path / "scan.tif", reading=Reading(pages=(2,))).size == (6, 9)
    assert look_at(thumbnail_first, name="").facts.several
    assert not look_at(thumbnail_first, name="", reading=Reading(pages=(2,))).facts.several


@pytest.mark.parametrize(
    ("reading", "planes", "said"),
    [
        (Reading(pages=(4,)), PLANES, r"scan: has 3 pages, and page 4 was asked for"),
        (Reading(pages=(2,)), PLANES[:1], r"scan: has 1 page, and page 2 was asked for"),
        (Reading(channels=(2,)), PLANES[:1], r"scan: has 1 channel, and channel 2 was asked for"),
        (Reading(pages=(1, 2, 2)), [PLANES[0], PLANES[0][1:]], r"scan: its pages differ \(9x6 of 8 bits, 9x5 of 8"),
        (Reading(pages=(1, 2, 2)), [np.zeros((4, 4, 3), np.uint8)] * 2, r"scan: has pages of colours"),
    ],
)
def test_what_a_file_has_not_is_one_line(reading: Reading, planes: list[NDArray[Any]], said: str) -> None:
    with pytest.raises(DataError, match=said) as refused:
        decode_image(pages_of(planes), name="scan", reading=reading)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"pages": "second"},
        {"pages": "1,2"},
        {"pages": 0},
        {"channels": "1;2"},
        {"white_level": 255},
        {"white_level": "bright"},
    ],
)
def test_settings_that_name_nothing_are_refused(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(SettingsError, match=f"^{name} (is|are) "):
        TrainingSettings(**wrong).check()


def test_an_export_judges_the_page_that_was_trained_on(stpm_exported: Path, parts: Dataset, tmp_path: Path) -> None:
    model = copied(stpm_exported, tmp_path / "model")
    values = json.loads((model / "model.json").read_text())
    values["framing"]["reading"] = {"pages": [3], "channels": [2]}
    (model / "model.json").write_text(json.dumps(values))
    with Image.open(parts.test[0].image) as photo:
        colours = np.array(photo.convert("RGB"))
    (tmp_path / "scan.tif").write_bytes(pages_of([np.zeros_like(colours), colours // 2, colours]))
    green = colours[:, :, [1, 1, 1]]
    found = blemish.open(model, runtime="onnx").predict(tmp_path / "scan.tif")
    assert found.anomaly_score == blemish.open(stpm_exported, runtime="onnx").predict(green).anomaly_score
    np.testing.assert_array_equal(picture(found), picture(found, green))


def test_pages_of_a_training_are_in_its_model_and_its_checks(tmp_path: Path) -> None:
    from blemish.data.framing_choice import choose_framing
    from blemish.training.photo_store import PhotoStore

    rng = np.random.default_rng(0)
    for number in range(3):
        planes = [rng.integers(0, 4000, (32, 32), dtype=np.uint16) + 90 * page for page in range(3)]
        (tmp_path / f"{number}.tif").write_bytes(pages_of(planes))
    training = TrainingSettings(pages="3,2,1", white_level=4095)
    framing = choose_framing({}, (32, 32), any_shape=True, reading=training.reading, white_level=training.asked_white)
    store = PhotoStore(sorted(tmp_path.iterdir()), framing, budget=10**6, workers=1, asked_white=training.asked_white)
    try:
        store.load(lambda _done, _of: None)
        assert store.framing.reading.pages == (3, 2, 1)
        assert (store.framing.white_level, store.framing.white_unknown) == (4095, False)
        with Image.open(tmp_path / "0.tif") as file:
            file.seek(2)
            np.testing.assert_array_equal(store.read(np.array([0]))[0, :, :, 0], np.array(file))
    finally:
        store.close()
    found = blemish.check(tmp_path, pages="3,2,1", white_level=4095)
    assert "in files of 16 bits training takes 4095 for white, as was asked for" in "\n".join(found.lines)
    assert "several pages" not in "\n".join(found.lines)
