"""A file of photos to leave out names each by its path, and nobody thinks a photo left out that is not."""

from pathlib import Path

import pytest

from blemish.data.dataset import Dataset, Sample
from blemish.data.leave_out import names_in, without_photos
from blemish.errors import DataError


def dataset(root: Path) -> Dataset:
    train = tuple(Sample(image=root / "lid" / name) for name in ("a.png", "deep/b.png", "c d.png"))
    return Dataset(
        name="folder", root=root, category="lid", train=train, validation=(Sample(image=root / "lid" / "v.png"),)
    )


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("a.png", "a.png"),
        ("lid/a.png", "a.png"),
        ("deep/../deep/b.png", "b.png"),
        ("ROOT/lid/c d.png", "c d.png"),
        ("v.png", "v.png"),
    ],
)
def test_a_photo_is_named_absolutely_or_relative_to_its_folder(tmp_path: Path, name: str, left: str) -> None:
    found, out = without_photos(dataset(tmp_path), [Path(name.replace("ROOT", str(tmp_path)))])
    assert [path.name for path in out] == [left]
    assert left not in [sample.image.name for sample in (*found.train, *found.validation)]
    assert len(found.train) + len(found.validation) == 3


def test_a_name_that_is_no_good_photo_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no b\.png: correct or remove the line"):
        without_photos(dataset(tmp_path), [Path("a.png"), Path("b.png")])


def test_empty_lines_and_comments_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "out.txt").write_text("\ufeff# wrong ones\n\n  a.png \r\nc d.png\n", encoding="utf-8")
    assert names_in(tmp_path / "out.txt") == [Path("a.png"), Path("c d.png")]
    (tmp_path / "photo.png").write_bytes(b"\x89PNG\xff")
    with pytest.raises(DataError, match="is no UTF-8 text"):
        names_in(tmp_path / "photo.png")
    with pytest.raises(DataError, match="No such file"):
        names_in(tmp_path / "missing.txt")
