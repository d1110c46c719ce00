import os
from pathlib import Path

import pytest

import permissions
from blemish.data.listing import list_folder, list_photos, look_through
from blemish.data.paths import photos_under
from blemish.data.skipped import OWN_FILES
from blemish.errors import DataError
from blemish.evaluation.record import EVALUATION_FILE
from blemish.model.artifact import MODEL_FILE
from blemish.model.exports import EXPORT_FILE
from blemish.results.earlier import PREDICTIONS_FILE
from blemish.training.aligning import REFERENCE_FILE
from blemish.training.checkpoint import CHECKPOINT_FILE
from blemish.training.unusual_photos import CONTACT_SHEET_FILE


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def listed(folder: Path) -> list[str]:
    return [photo.relative_to(folder).as_posix() for photo in list_photos(folder)]


def test_numbers_in_names_are_sorted_as_numbers(tmp_path: Path) -> None:
    touch(tmp_path, "img10.png", "img2.png", "IMG1.png", "img02.png", "a.png", "7.png", "batch10/x.png", "batch9/x.png")
    assert listed(tmp_path) == [
        "7.png",
        "a.png",
        "IMG1.png",
        "img02.png",
        "img2.png",
        "img10.png",
        "batch9/x.png",
        "batch10/x.png",
    ]


def test_photos_are_known_by_their_suffix_in_either_case(tmp_path: Path) -> None:
    touch(tmp_path, "a.PNG", "b.jpg", "c.JPEG", "d.bmp", "e.tif", "f.Tiff", "g.webp", "notes.txt", "h.gif", "png")
    assert listed(tmp_path) == ["a.PNG", "b.jpg", "c.JPEG", "d.bmp", "e.tif", "f.Tiff", "g.webp"]


def test_hidden_files_and_folders_are_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "._a.png", ".thumbs/a.png", "deep/.b.png", "deep/er/c.png")
    assert listed(tmp_path) == ["a.png", "deep/er/c.png"]


def test_photos_in_a_hidden_root_are_found(tmp_path: Path) -> None:
    touch(tmp_path, ".cache/a.png")
    assert listed(tmp_path / ".cache") == ["a.png"]


def test_a_folder_named_like_a_photo_is_a_folder(tmp_path: Path) -> None:
    touch(tmp_path, "set.png/a.png")
    assert listed(tmp_path) == ["set.png/a.png"]


def test_links_that_make_a_loop_end_and_list_every_photo_once(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "deep/b.png")
    (tmp_path / "deep" / "back").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "again").symlink_to(tmp_path / "deep", target_is_directory=True)
    (tmp_path / "self").symlink_to(tmp_path / "self")
    assert listed(tmp_path) == ["a.png", "deep/b.png"]


def test_a_link_to_a_folder_above_is_not_followed(tmp_path: Path) -> None:
    touch(tmp_path, "parts/good/a.png", "parts/defective/b.png")
    (tmp_path / "parts" / "good" / "up").symlink_to(tmp_path / "parts", target_is_directory=True)
    assert listed(tmp_path / "parts" / "good") == ["a.png"]


def test_a_linked_folder_elsewhere_is_followed(tmp_path: Path) -> None:
    touch(tmp_path, "elsewhere/a.png", "here/b.png")
    (tmp_path / "here" / "link").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert listed(tmp_path / "here") == ["b.png", "link/a.png"]


def test_a_missing_folder_gives_one_line_naming_it(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        list_photos(tmp_path / "none")
    assert str(caught.value) == f"{tmp_path / 'none'}: no such folder; check the path"


def test_a_name_that_no_folder_can_have_gives_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no folder can have this name"):
        list_folder(tmp_path / "\0")


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    touch(tmp_path, "a.png")
    with pytest.raises(DataError, match=r"a\.png: is a file where a folder was expected"):
        list_photos(tmp_path / "a.png")


def test_a_folder_that_links_to_itself_gives_one_line_naming_it(tmp_path: Path) -> None:
    (tmp_path / "self").symlink_to(tmp_path / "self")
    with pytest.raises(DataError, match="self: cannot be listed") as caught:
        list_photos(tmp_path / "self")
    assert "\n" not in str(caught.value)


def test_a_folder_without_permission_gives_one_line_naming_it(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "shut/b.png", "z/c.png")
    (tmp_path / "shut").chmod(0)
    errors: list[DataError] = []
    with permissions.obeyed():
        with pytest.raises(DataError, match=r"shut: cannot be listed \(Permission denied\)"):
            list_photos(tmp_path)
        found = list_photos(tmp_path, on_error=errors.append)
    assert [path.name for path in found] == ["a.png", "c.png"]
    assert [str(error) for error in errors] == [
        f"{tmp_path / 'shut'}: cannot be listed (Permission denied); check its permissions"
    ]


def test_a_link_that_leads_where_nobody_may_look_is_a_photo_to_be_refused(tmp_path: Path) -> None:
    touch(tmp_path, "here/a.png", "shut/b.png")
    (tmp_path / "here" / "link.png").symlink_to(tmp_path / "shut" / "b.png")
    (tmp_path / "shut").chmod(0)
    with permissions.obeyed():
        assert listed(tmp_path / "here") == ["a.png", "link.png"]


def test_a_name_that_is_not_utf_8_is_listed(tmp_path: Path) -> None:
    name = os.fsdecode(b"na\xffme 12.png")
    touch(tmp_path, name, "na 2.png")
    assert sorted(listed(tmp_path)) == sorted([name, "na 2.png"])


def test_what_cannot_be_found_is_told_and_harms_no_other_place(tmp_path: Path) -> None:
    touch(tmp_path, "set/a.png", "empty/notes.txt")
    errors: list[DataError] = []
    found = photos_under([tmp_path / "none.png", tmp_path / "set", tmp_path / "empty"], on_error=errors.append)
    assert [path.name for path in found] == ["a.png"]
    assert [str(error).split(": ")[1].split(";")[0] for error in errors] == [
        "no such file or folder",
        "holds no photos (.png .jpg .jpeg .bmp .tif .tiff .webp)",
    ]


def test_files_and_folders_may_be_mixed_and_each_photo_counts_once(tmp_path: Path) -> None:
    touch(tmp_path, "z.png", "set/b.png", "set/a.png", "odd.raw")
    named = [tmp_path / "z.png", tmp_path / "set" / "b.png", tmp_path / "set", tmp_path / "odd.raw", tmp_path / "z.png"]
    assert [path.name for path in photos_under(named)] == ["z.png", "b.png", "a.png", "odd.raw"]


def test_a_named_folder_without_photos_gives_one_line_naming_it(tmp_path: Path) -> None:
    touch(tmp_path, "set/notes.txt")
    with pytest.raises(DataError, match=r"set: holds no photos \(\.png .*\); name a folder that does"):
        photos_under([tmp_path / "set"])


def test_a_named_file_that_is_missing_gives_one_line_naming_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.png: no such file or folder; check the path"):
        photos_under([tmp_path / "none.png"])


@pytest.mark.parametrize(
    "marker",
    [
        "model.json",
        "export.json",
        "predictions.jsonl",
        "run.json",
        "checkpoint.safetensors",
        "evaluation.json",
        "predictions.jsonl.part",
    ],
)
def test_what_blemish_wrote_among_photos_is_passed_over_and_said(tmp_path: Path, marker: str) -> None:
    touch(tmp_path, "1.png", f"out/{marker}", "out/overlays/1.png", "out/maps/1.tiff", "out/exports/onnx/proof/0.png")
    found = look_through(tmp_path)
    assert [path.name for path in found.photos] == ["1.png"]
    assert found.skipped.lines() == [f"left out: what Blemish wrote itself, in {tmp_path / 'out'}"]


def test_the_files_that_tell_its_own_folders_are_those_it_writes() -> None:
    written = {MODEL_FILE, EXPORT_FILE, PREDICTIONS_FILE, EVALUATION_FILE, CHECKPOINT_FILE}
    assert written <= OWN_FILES


def test_photos_beside_its_own_files_are_the_users_and_its_folders_are_not(tmp_path: Path) -> None:
    touch(tmp_path, "1.png", "predictions.jsonl", "overlays/1.png")
    assert listed(tmp_path) == ["1.png"]


@pytest.mark.parametrize("picture", [CONTACT_SHEET_FILE, REFERENCE_FILE])
def test_the_pictures_that_training_leaves_beside_a_model_are_no_photos(tmp_path: Path, picture: str) -> None:
    touch(tmp_path, "1.png", picture, "model/run.json", "model/2.png", f"model/{picture}")
    assert listed(tmp_path) == ["1.png", picture, "model/2.png"]


def test_a_folder_that_blemish_wrote_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, "out/predictions.jsonl", "out/overlays/1.png")
    with pytest.raises(DataError) as caught:
        list_photos(tmp_path / "out")
    assert str(caught.value) == (
        f"{tmp_path / 'out'}: was written by Blemish (predictions.jsonl lies in it) and holds no photos; "
        "name a folder that does"
    )


def test_files_that_cannot_be_read_are_counted_by_suffix(tmp_path: Path) -> None:
    touch(tmp_path, "1.png", "a.heic", "b.HEIC", "c.gif", "deep/d.mp4", "e.pdf", "Thumbs.db", ".DS_Store", "notes.txt")
    touch(tmp_path, "table.csv", "record.json", "camera.xml", "noend")
    found = look_through(tmp_path).skipped
    assert found.files == {".heic": 2, ".gif": 1, ".pdf": 1, ".mp4": 1}
    assert found.pictures == 3
    (line,) = found.lines()
    assert line.startswith("left out: 5 files of other kinds: .heic (2), ")
    assert line.endswith("pictures must be saved as one of .png .jpg .jpeg .bmp .tif .tiff .webp")


def test_notes_and_tables_cost_no_word(tmp_path: Path) -> None:
    touch(tmp_path, "1.png", "notes.txt", "Thumbs.db", "table.csv", "watch.sqlite-wal", "history.db-shm")
    assert look_through(tmp_path).skipped.lines() == []


@pytest.mark.parametrize("table", ["predictions.jsonl", "predictions.jsonl.part"])
@pytest.mark.parametrize("folder", ["maps", "overlays", "level_maps"])
def test_overlays_and_maps_that_are_named_themselves_are_no_photos(tmp_path: Path, table: str, folder: str) -> None:
    touch(tmp_path, f"out/{table}", f"out/{folder}/1.png", "mine/overlays/1.png")
    with pytest.raises(DataError, match=rf"{folder}: was written by Blemish \({table} lies beside it\)"):
        list_photos(tmp_path / "out" / folder)
    assert len(list_photos(tmp_path / "mine" / "overlays")) == 1
