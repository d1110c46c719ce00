"""Photos whose masks say whether they are good."""

from pathlib import Path

from blemish.data.labelled import labelled_photos
from data import trees


def test_of_photos_that_differ_in_suffix_alone_one_is_left_out_and_named(tmp_path: Path) -> None:
    trees.files(tmp_path, "1.jpg", "1.png", "2.png")
    for number in (1, 2):
        trees.mask(tmp_path / f"{number}_label.bmp", 0)
    found = labelled_photos(tmp_path, ending="_label")
    assert len(found.samples) == 2
    (line,) = map(str, found.left_out)
    assert f"{tmp_path}/1." in line and "remove one of both" in line
