"""What a user may name as photos, on the command line and in Python."""

import io
from pathlib import Path

import pytest

from blemish.data.paths import paths_of, photos_under
from blemish.data.skipped import Skipped
from blemish.errors import DataError


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_a_string_is_one_path_and_never_its_letters() -> None:
    assert paths_of("photos") == [Path("photos")]
    assert paths_of(Path("photos")) == [Path("photos")]
    assert paths_of(["a", Path("b")]) == [Path("a"), Path("b")]


def test_a_pattern_is_spelt_out_in_natural_order(tmp_path: Path) -> None:
    touch(tmp_path, "10.png", "9.png", "a.jpg", "deep/1.png")
    assert [path.name for path in paths_of(f"{tmp_path}/*.png")] == ["9.png", "10.png"]
    assert [path.name for path in paths_of(tmp_path / "**" / "1.png")] == ["1.png"]


def test_a_pattern_that_fits_nothing_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"\*\.bmp: no file fits this pattern; check the path"):
        paths_of(tmp_path / "*.bmp")


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(tmp_path: Path) -> None:
    touch(tmp_path, "part[1].png")
    assert paths_of(tmp_path / "part[1].png") == [tmp_path / "part[1].png"]


def test_a_dash_reads_names_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("a.png\nwith space.png\r\n\nb.png"))
    assert paths_of(["first.png", "-"]) == [Path(name) for name in ("first.png", "a.png", "with space.png", "b.png")]


def test_names_on_standard_input_need_not_be_text(monkeypatch: pytest.MonkeyPatch) -> None:
    names = io.TextIOWrapper(io.BytesIO(b"gr\xf6\xdfe.png\na.png\n"), encoding="utf-8")
    monkeypatch.setattr("sys.stdin", names)
    assert paths_of("-") == [Path("gr\udcf6\udcdfe.png"), Path("a.png")]


def test_an_empty_name_is_not_the_folder_one_is_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "here.png")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="a path is empty"):
        photos_under(["here.png", ""])
    with pytest.raises(DataError, match="a path is empty"):
        paths_of("")
    assert photos_under(".") == (Path("here.png"),)


@pytest.mark.parametrize("address", ["https://example.com/a.png", Path("https://example.com/a.png"), "s3://bucket/a"])
def test_an_address_is_refused_in_words_that_fit(address: str | Path) -> None:
    with pytest.raises(DataError, match=r"is an address.*download them first and name their folder") as refused:
        paths_of(address)
    assert str(refused.value).startswith(("https://example.com/a.png: is", "s3://bucket/a: is"))


def test_what_is_no_path_is_refused() -> None:
    with pytest.raises(DataError, match="int is no path"):
        paths_of([7])  # type: ignore[list-item]


def test_what_is_wrong_with_one_name_harms_no_other(tmp_path: Path) -> None:
    touch(tmp_path, "a.png")
    errors: list[DataError] = []
    found = photos_under(["https://example.com/", tmp_path / "x*.png", tmp_path / "a.png"], on_error=errors.append)
    assert (found, len(errors)) == ((tmp_path / "a.png",), 2)


def test_what_is_passed_over_is_told_once_or_else_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    touch(tmp_path, "a/1.png", "a/2.gif", "b/1.png", "b/2.heic")
    told: list[Skipped] = []
    assert len(photos_under([tmp_path / "a", tmp_path / "b"], on_skipped=told.append)) == 2
    assert [(skipped.pictures, len(skipped.lines())) for skipped in told] == [(2, 1)]
    assert caplog.text == ""
    photos_under(str(tmp_path))
    assert "left out: 2 files of other kinds" in caplog.text
