"""Regions of interest: as people draw them, on photos of any size of that shape."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from blemish.data.drawn_regions import AskedInterest, read_drawn
from blemish.data.framing import Framing
from blemish.data.images import save_png
from blemish.data.interest import Interest
from blemish.errors import DataError
from blemish.records import record_from_json

SIZE = (60, 90)


def drawn_on(size: tuple[int, int] = SIZE, **asked: Any) -> Interest:
    drawn = read_drawn(AskedInterest(**asked))
    assert drawn is not None
    return drawn.on(size)


def box(x: int, y: int, width: int, height: int, size: tuple[int, int] = SIZE) -> Any:
    mask = np.zeros(size, np.bool_)
    mask[y : y + height, x : x + width] = True
    return mask


@given(st.integers(0, 80), st.integers(0, 50), st.integers(1, 10), st.integers(1, 10))
def test_a_box_and_a_polygon_of_the_same_place_are_the_same_region(
    tmp_path_factory: pytest.TempPathFactory, x: int, y: int, w: int, h: int
) -> None:
    corners = [[x, y], [x + w, y], [x + w, y + h], [x, y + h]]
    file = tmp_path_factory.getbasetemp() / "polygon.json"
    file.write_text(json.dumps({"regions": [{"name": "a", "polygon": corners}], "photo_size": [90, 60]}))
    boxed = drawn_on(roi=(f"a={x},{y},{w},{h}",))
    np.testing.assert_array_equal(boxed.inside(SIZE), box(x, y, w, h))
    assert drawn_on(roi=(str(file),)) == boxed


def test_names_are_given_or_come_from_files_or_numbers(tmp_path: Path) -> None:
    save_png(tmp_path / "rim.png", box(0, 0, 30, 30))
    regions = drawn_on(roi=("hole=1,2,3,4", str(tmp_path / "rim.png"), "40,10,5,5", f"lid={tmp_path / 'rim.png'}"))
    assert regions.names == ("hole", "rim", "region_3", "lid")
    with pytest.raises(DataError, match="two regions of interest are called rim"):
        drawn_on(roi=(str(tmp_path / "rim.png"), "rim=1,2,3,4"))


def test_a_file_holds_regions_with_names_what_to_ignore_and_masks_beside_it(tmp_path: Path) -> None:
    save_png(tmp_path / "rim.png", box(0, 0, 30, 30))
    file = tmp_path / "roi.json"
    file.write_text(
        json.dumps(
            {
                "regions": [{"name": "hole", "box": [40, 10, 20, 20]}, {"name": "rim", "mask": "rim.png"}],
                "ignore": [{"box": [0, 0, 10, 60]}],
            }
        )
    )
    found = drawn_on(roi=(str(file),)).masks(SIZE)
    np.testing.assert_array_equal(found["hole"], box(40, 10, 20, 20))
    np.testing.assert_array_equal(found["rim"], box(10, 0, 20, 30))


def test_what_labelme_draws_is_taken_at_its_own_size(tmp_path: Path) -> None:
    file = tmp_path / "photo.json"
    shapes = [
        {"label": "hole", "shape_type": "rectangle", "points": [[60, 40], [20, 20]]},
        {"label": "rim", "points": [[100, 20], [140, 20], [140, 60], [100, 60]]},
    ]
    file.write_text(json.dumps({"shapes": shapes, "imageWidth": 180, "imageHeight": 120}))
    found = drawn_on(roi=(str(file),)).masks(SIZE)
    np.testing.assert_array_equal(found["hole"], box(10, 10, 20, 10))
    np.testing.assert_array_equal(found["rim"], box(50, 10, 20, 20))


def test_ignored_pixels_and_the_border_count_nowhere() -> None:
    regions = drawn_on(ignore=("0,0,30,60",), border=5)
    assert regions.names == ("photo",)
    np.testing.assert_array_equal(regions.inside(SIZE), box(30, 5, 55, 50))


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"roi": ("1,2,3",)}, "four whole numbers"),
        ({"roi": ("hole=80,2,30,4",)}, "outside photos of 90x60"),
        ({"roi": ("hole=8,2,0,4",)}, "at least a pixel"),
        ({"roi": ("nothing.png",)}, "no such file"),
        ({"roi": (300 * "long" + ".png",)}, "no such file"),
        ({"ignore": (f"1,1,{400 * '9'},1",)}, "outside photos of 90x60"),
        ({"roi": ("nothing.json",)}, "cannot be read"),
        ({"roi": ("1,2,30,30",), "ignore": ("0,0,90,60",)}, "all of region region_1 is ignored"),
        ({"ignore": ("0,0,90,60",)}, "everything is ignored"),
        ({"border": 30}, "leaves nothing"),
        ({"border": -1}, "at least 0"),
    ],
)
def test_what_fits_no_photo_is_refused_in_one_line(asked: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        drawn_on(**asked)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        *("[]", "[[1, 2], [3, 4]]", "{}", '{"regions": 3}', '{"regions": [{"polygon": "abc"}]}', '{"regions": [7]}'),
        *('{"photo_size": [1e999, 9], "regions": []}', f"[[1, 2], [3, 4], [{400 * '9'}, 3]]"),
        *("{", '{"shapes": [{"label": "a", "shape_type": "circle"}], "imageWidth": 9, "imageHeight": 9}'),
    ],
)
def test_a_file_that_holds_no_region_is_refused_by_name(text: str, tmp_path: Path) -> None:
    (tmp_path / "roi.json").write_text(text)
    with pytest.raises(DataError, match=r"roi\.json"):
        drawn_on(roi=(str(tmp_path / "roi.json"),))


def test_a_name_of_two_lines_is_kept_on_one(tmp_path: Path) -> None:
    (tmp_path / "roi.json").write_text('{"regions": [{"name": "ri\\nm", "box": [1, 2, 30, 40]}]}')
    assert drawn_on(roi=(str(tmp_path / "roi.json"),)).names == (r"ri\nm",)


def test_a_box_beyond_the_upper_left_corner_is_not_nearly_the_whole_photo(tmp_path: Path) -> None:
    (tmp_path / "roi.json").write_text('{"regions": [{"name": "a", "box": [-1, -1, 0.3, 0.3]}]}')
    with pytest.raises(DataError, match="holds no pixel"):
        drawn_on(roi=(str(tmp_path / "roi.json"),))


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "roi.json").write_text('{"regions": [{"name": "a", "box": [1, 2, 3, 4]}]}', encoding="utf-8-sig")
    np.testing.assert_array_equal(drawn_on(roi=(str(tmp_path / "roi.json"),)).inside(SIZE), box(1, 2, 3, 4))


def test_masks_of_another_shape_and_black_ones_are_refused(tmp_path: Path) -> None:
    save_png(tmp_path / "wide.png", np.ones((60, 120), np.bool_))
    save_png(tmp_path / "black.png", np.zeros(SIZE, np.bool_))
    with pytest.raises(DataError, match="drawn on 120x60, and the photos are 90x60"):
        drawn_on(roi=(str(tmp_path / "wide.png"),))
    with pytest.raises(DataError, match="holds no pixel"):
        drawn_on(roi=(str(tmp_path / "black.png"),))


def test_regions_are_resized_to_photos_of_that_shape_and_no_other() -> None:
    regions = drawn_on(roi=("a=30,20,30,20",))
    np.testing.assert_array_equal(regions.inside((120, 180)), box(60, 40, 60, 40, (120, 180)))
    regions.check_photo((20, 30), name="photo.png")
    with pytest.raises(
        DataError, match=r"photo\.png: is 60x60, and the regions of interest were drawn on photos of 90"
    ):
        regions.check_photo((60, 60), name="photo.png")
    with pytest.raises(DataError, match=r"small\.png: region .* less than a pixel"):
        drawn_on(roi=("a=30,20,1,1",)).check_map((6, 9), name="small.png")


def test_regions_survive_json_and_damage_is_named() -> None:
    regions = drawn_on(roi=("a=30,20,30,20", "b=1,1,5,5"))
    values = json.loads(json.dumps(asdict(regions)))
    assert record_from_json(Interest, values, name="interest") == regions
    values["regions"][1]["bitmap"] = "AAAA"
    with pytest.raises(ValueError, match="bitmap cannot be read"):
        record_from_json(Interest, values, name="interest")


def test_borders_around_a_photo_count_nowhere() -> None:
    interest = drawn_on(ignore=("0,0,10,60",))
    geometry = Framing(image_size=(60, 60), aspect=1.0).geometry(SIZE)
    assert (geometry.map_size, geometry.origin) == ((40, 60), (10, 0))
    canvas = interest.on_canvas(geometry)
    np.testing.assert_array_equal(canvas[10:50], interest.inside((40, 60)))
    assert not canvas[:10].any()
    assert not canvas[50:].any()


def test_tiles_cut_what_counts_as_they_cut_the_photo_and_those_outside_are_named_by_none() -> None:
    interest = drawn_on(roi=("70,40,15,15",))
    geometry = Framing(image_size=(64, 64), tile=32, overlap=32).geometry(SIZE)  # the map is twice the photo
    windows, canvas = interest.windows(geometry), interest.on_canvas(geometry)
    top, left = geometry.origin
    np.testing.assert_array_equal(np.argwhere(canvas).min(0) - geometry.origin, (80, 140))
    assert canvas.shape == geometry.canvas_size
    for y, x in geometry.windows:
        meets = y < 110 + top and y + 64 > 80 + top and x < 170 + left and x + 64 > 140 + left
        assert ((y, x) in windows) == meets
    assert 0 < len(windows) < len(geometry.windows)


def test_regions_of_photos_beyond_pillows_limit_are_read_and_a_bitmap_of_another_size_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    interest = drawn_on(roi=("3,4,5,6",))
    interest.check_values()
    assert interest.inside(SIZE).sum() == 30
    with pytest.raises(ValueError, match="is of 90x60, not 90x61"):
        replace(interest, size=(61, 90)).check_values()
