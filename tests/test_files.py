from pathlib import Path

import pytest

import permissions
from blemish.errors import OutputError
from blemish.files import make_folder, remove, write_atomically, write_text


def test_a_file_has_the_permissions_that_any_new_file_has(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    write_text(tmp_path / "written", "text")
    assert (tmp_path / "written").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_writer_may_put_a_file_of_its_own_in_the_place(tmp_path: Path) -> None:
    def write(beside: Path) -> None:
        beside.unlink()
        beside.touch(mode=0o600)

    (tmp_path / "plain").touch()
    write_atomically(tmp_path / "written", write)
    assert (tmp_path / "written").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_writer_that_breaks_off_leaves_the_old_file_whole_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    write_text(path, "old")

    def half(beside: Path) -> None:
        beside.write_text("ne")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, half)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_may_not_be_written_gives_one_line(tmp_path: Path) -> None:
    path = tmp_path / "shut" / "model.json"
    write_text(path, "old")
    path.parent.chmod(0o500)
    with permissions.obeyed():
        with pytest.raises(OutputError) as caught:
            write_text(path, "new")
        with pytest.raises(OutputError, match=r"cannot delete .*model\.json: Permission denied"):
            remove(path)
    path.parent.chmod(0o700)
    assert str(caught.value) == f"cannot write {path}: Permission denied; make room or choose another folder"
    assert path.read_text() == "old"


def test_a_folder_is_made_or_found_if_it_can_be_written(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert not list((tmp_path / "a" / "b").iterdir())
    (tmp_path / "file").touch()
    for place in ("file", "file/below"):
        with pytest.raises(OutputError, match="it is a file, or lies in one"):
            make_folder(tmp_path / place)
    (tmp_path / "a" / "b").chmod(0o500)
    with permissions.obeyed(), pytest.raises(OutputError, match="Permission denied"):
        make_folder(tmp_path / "a" / "b")


def test_removing_what_is_not_there_is_no_error(tmp_path: Path) -> None:
    write_text(tmp_path / "file", "text")
    remove(tmp_path / "file")
    remove(tmp_path / "file")
    assert not list(tmp_path.iterdir())


def test_a_name_with_a_line_break_is_written_and_an_error_about_it_is_one_line(tmp_path: Path) -> None:
    write_text(tmp_path / "two\nlines", "text")
    assert (tmp_path / "two\nlines").read_text() == "text"
    with pytest.raises(OutputError) as caught:
        write_text(tmp_path / "two\nlines" / "below", "text")
    assert str(caught.value).isprintable()
