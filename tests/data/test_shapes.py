"""Where photos are squeezed."""

import pytest

from blemish.data.framing import Framing
from blemish.data.shapes import aspect_line, fitting_size, other_aspect_line


@pytest.mark.parametrize(
    ("photo", "image_size", "fits"),
    [
        ((400, 1600), (256, 256), (128, 512)),
        ((1600, 400), (256, 256), (512, 128)),
        ((768, 1024), (256, 256), (224, 288)),
        ((512, 384), (128, 128), (128, 96)),
        ((600, 800), (128, 128), (96, 128)),
    ],
)
def test_the_size_that_is_offered_keeps_shape_and_work(
    photo: tuple[int, int], image_size: tuple[int, int], fits: tuple[int, int]
) -> None:
    assert fitting_size(photo, image_size) == fits
    line = aspect_line({photo: 3}, Framing(image_size=image_size))
    assert line is not None
    assert f"--image-size {fits[0]}x{fits[1]}" in line
    assert aspect_line({photo: 3}, Framing(image_size=fits)) is None
    assert aspect_line({(3, 5): 1}, Framing(image_size=(64, 64), tile=128)) is None, "tiles squeeze none"


@pytest.mark.parametrize("photo", [(480, 640), (3, 1000), (1000, 3)])
def test_no_size_is_offered_that_squeezes_too(photo: tuple[int, int]) -> None:
    """Of 64x64 pixels no other size in steps of 32 is nearer to the shape of 640x480."""
    line = aspect_line({photo: 1}, Framing(image_size=(64, 64)))
    assert line is not None
    height, width = map(int, line.split("--image-size ")[1].split()[0].split("x"))
    assert aspect_line({photo: 1}, Framing(image_size=(height, width))) is None


def test_little_squeezing_costs_no_word() -> None:
    assert aspect_line({(1000, 1100): 5, (256, 256): 1}, Framing(image_size=(256, 256))) is None


def test_only_photos_that_are_squeezed_are_counted() -> None:
    line = aspect_line({(100, 100): 5, (100, 300): 2}, Framing(image_size=(64, 64)))
    assert line is not None
    assert line.startswith("squeezed: 2 of 7, such as 300x100, into 64x64")


def test_photos_of_another_shape_than_those_trained_on_are_told() -> None:
    trained = {(400, 1600): 30, (400, 1500): 2}
    assert other_aspect_line({(800, 3200): 4}, trained) is None
    assert other_aspect_line({(800, 3200): 4}, {}) is None
    line = other_aspect_line({(800, 3200): 4, (600, 800): 1}, trained)
    assert line is not None
    assert line.startswith("1 of 5 photos, such as 800x600, have another shape than those trained on, such as 1600x400")
