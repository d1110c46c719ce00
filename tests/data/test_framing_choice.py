"""How photos are framed where it is left to them, and what is said of it."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blemish.data.drawn_regions import AskedInterest, read_drawn
from blemish.data.framing import Framing
from blemish.data.framing_choice import (
    SEEN_AT_ONCE,
    choose_framing,
    computed_pixels,
    typical_sizes,
    with_larger_windows,
)
from blemish.data.seen import seen_line, tiles_line


@pytest.mark.parametrize(
    ("photo", "asked", "seen"),
    [
        ((500, 500), (256, 256), (256, 256)),
        ((100, 200), (256, 256), (192, 384)),
        ((640, 256), (256, 256), (416, 160)),
        ((1024, 1000), (100, 100), (100, 100)),  # a square stays as it was typed, though 32 does not divide it
    ],
)
def test_one_number_is_an_area_in_the_photos_shape(
    photo: tuple[int, int], asked: tuple[int, int], seen: tuple[int, int]
) -> None:
    framing = choose_framing({photo: 3}, asked, any_shape=True)
    assert framing.image_size == seen
    assert framing.map_size(photo) == seen
    typed = choose_framing({photo: 3}, asked, any_shape=False)
    assert typed.image_size == typed.map_size(photo) == asked
    squeezed = choose_framing({photo: 3}, asked, any_shape=True, aspect="squeeze")
    assert (squeezed.image_size, squeezed.aspect) == (asked, None)


def test_the_shape_is_that_of_the_photo_in_the_middle() -> None:
    framing = choose_framing({(768, 1024): 110, (1024, 768): 8, (100, 4000): 1}, (256, 256), any_shape=True)
    assert framing.image_size == (224, 288)
    assert framing.map_size((1024, 768)) == (224, 162)
    assert choose_framing({(1, 5000): 1}, (256, 256), any_shape=True).map_size((1, 5000)) == (256, 256)


def test_auto_takes_tiles_where_photos_are_shrunk_more_than_twice() -> None:
    assert choose_framing({(512, 512): 1}, (256, 256), any_shape=True, tiles="auto").tile is None
    tiled = choose_framing({(1536, 1536): 1}, (256, 256), any_shape=True, tiles="auto")
    assert tiled.tile == 512
    assert tiled.map_size((1536, 1536)) == (768, 768)
    assert choose_framing({(5000, 30000): 1}, (256, 256), any_shape=True, tiles=300).image_size == (256, 256)


def test_photos_in_tiles_are_judged_in_windows_that_see_less_twice() -> None:
    size, tiles = (3000, 4096), Framing(image_size=(256, 256), tile=512)
    windows = with_larger_windows(tiles, {size: 3, (100, 100): 2})
    assert windows.window is not None
    assert math.prod(windows.window) <= SEEN_AT_ONCE
    assert computed_pixels(tiles, size) > 2.5 * computed_pixels(windows, size)
    assert windows.map_size(size) == tiles.map_size(size)
    assert windows.geometry(size).origin == tiles.geometry(size).origin
    photo = np.random.default_rng(0).integers(0, 255, (300, 700, 3), np.uint8)
    relaid, anew = windows.relaid(tiles.framed(photo), tiles), windows.framed(photo)
    np.testing.assert_array_equal(relaid.canvas, anew.canvas)
    np.testing.assert_array_equal(relaid.overview, anew.overview)


def test_windows_are_no_larger_where_that_would_change_what_is_said_or_compute_more() -> None:
    size = (3000, 4096)
    for same in (
        Framing(image_size=(256, 256), tile=512, overlap=96),  # of such tiles' borders more was learned
        Framing(image_size=(128, 128), tile=256),
        Framing(image_size=(256, 256)),
    ):
        assert with_larger_windows(same, {size: 1}) is same
    tiles, drawn = Framing(image_size=(256, 256), tile=512), read_drawn(AskedInterest(roi=("hole=900,900,100,80",)))
    assert drawn is not None
    interest = drawn.on(size)
    windows = with_larger_windows(tiles, {size: 1}, interest)
    assert computed_pixels(windows, size, interest) <= computed_pixels(tiles, size, interest) == 256 * 256
    for window, words in (((256, 250), "multiple of 32"), ((224, 256), "from a tile's on")):
        with pytest.raises(ValueError, match=words):
            replace(tiles, window=window)
    with pytest.raises(ValueError, match="tiles alone"):
        Framing(image_size=(256, 256), window=(512, 512))


def test_what_is_seen_is_said_in_the_photos_pixels_and_what_tiles_would_cost() -> None:
    sizes = {(1536, 1536): 4, (200, 200): 1}
    whole = choose_framing(sizes, (256, 256), any_shape=True)
    line = seen_line(sizes, whole)
    assert line is not None
    assert line.startswith(
        "shrunk: 4 of 5, such as 1536x1536, to 256x256 (width x height): a defect smaller than about 6 "
    )
    assert "from about 48; --tiles auto in training shows those from about 16, in 36 tiles, and takes about 36" in line
    assert seen_line({(200, 200): 1}, whole) is None
    assert seen_line(sizes, whole, beyond=7) is None
    tiled = choose_framing(sizes, (256, 256), any_shape=True, tiles="auto")
    said = tiles_line(sizes, tiled)
    assert said is not None
    assert said.startswith("tiles: a photo of 1536x1536 is seen in 36 tiles of 512x512 pixels, each as 256x256")
    assert tiles_line(sizes, whole) is None
    finer = replace(tiled, tile=1024)
    assert seen_line(sizes, replace(finer, window=(512, 512))) == seen_line(sizes, finer), "windows show no more"
    tiny = seen_line({(3, 5): 1}, choose_framing({(300, 500): 1}, (64, 64), any_shape=True, tiles=128))
    assert tiny is not None
    assert " in 1 tile: " in tiny and "--tiles" not in tiny, "it is seen in tiles as fine as would be offered"


def test_sizes_are_of_photos_from_all_over_the_list(tmp_path: Path) -> None:
    paths = [tmp_path / f"{i}.png" for i in range(300)]
    for i in (0, 150, 299):
        Image.new("L", (8, i + 1)).save(paths[i])
    assert typical_sizes(paths) == {(1, 8): 1, (300, 8): 1}
    assert typical_sizes([]) == {}
