import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import permissions
from blemish.data.digest import file_digest
from blemish.data.framing import Framing
from blemish.data.listing import list_photos
from blemish.data.survey import common_files, survey
from blemish.errors import DataError


def save(path: Path, *, size: tuple[int, int] = (8, 6), value: int = 100, mode: str = "RGB") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (value, value, value)).convert(mode).save(path)
    return path


def test_sizes_and_kinds_are_counted_most_common_first(tmp_path: Path) -> None:
    save(tmp_path / "a.jpg", size=(10, 4), value=1)
    save(tmp_path / "b.png", value=2)
    save(tmp_path / "c.png", value=3)
    save(tmp_path / "d.png", value=4, mode="L")
    found = survey(list_photos(tmp_path))
    assert found.readable == 4
    assert list(found.sizes.items()) == [((6, 8), 3), ((4, 10), 1)]
    assert list(found.kinds.items()) == [("PNG colour", 2), ("JPEG colour", 1), ("PNG grey", 1)]
    assert not found.unreadable
    assert not found.copies
    assert found.lines() == [
        "4 photos",
        "width x height: 8x6 (3), 10x4 (1); shapes differ, from 1.33 to 2.5 times as wide as high, "
        "and all are squeezed to one: crop them alike",
        "kinds: PNG colour (2), JPEG colour (1), PNG grey (1)",
    ]


def test_photos_all_alike_take_three_short_lines(tmp_path: Path) -> None:
    for i in range(3):
        save(tmp_path / f"{i}.png", value=i)
    assert survey(list_photos(tmp_path)).lines() == ["3 photos", "width x height: 8x6", "kinds: PNG colour"]


def test_exact_copies_are_grouped_whatever_their_names(tmp_path: Path) -> None:
    for name in ("1.png", "deep/2.png", "3.jpg.png"):
        save(tmp_path / name, value=7)
    save(tmp_path / "other.png", value=8)
    found = survey(list_photos(tmp_path))
    assert [sorted(path.name for path in group) for group in found.copies] == [["1.png", "2.png", "3.jpg.png"]]
    assert [path.name for path in found.different] == ["1.png", "other.png"]
    assert found.lines()[-1].startswith("exact copies, which training leaves out: 2 (")


def test_what_cannot_be_read_is_listed_with_its_line_and_counted(tmp_path: Path) -> None:
    save(tmp_path / "good.png")
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("no picture")
    known = DataError("elsewhere.png: is damaged")
    found = survey([*list_photos(tmp_path), tmp_path / "missing.png"], unreadable=[known])
    assert [line.split(": ")[0].rsplit("/", 1)[-1] for line in found.unreadable] == [
        "elsewhere.png",
        "empty.png",
        "text.png",
        "missing.png",
    ]
    assert list(found.digests) == [tmp_path / "good.png"]
    assert found.lines()[0] == "5 photos, 4 of them cannot be read"


def test_only_decoding_finds_what_is_damaged_behind_the_header(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "cut.png")
    whole = (tmp_path / "cut.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    assert survey(list_photos(tmp_path)).unreadable == ()
    (line,) = survey(list_photos(tmp_path), decode=True).unreadable
    assert line.startswith(f"{tmp_path / 'cut.png'}: cannot be decoded")


def test_twelve_bit_values_in_sixteen_bit_files_are_not_nearly_black(tmp_path: Path) -> None:
    for i in range(3):
        values = np.random.default_rng(i).integers(0, 4096, (16, 16)).astype(np.uint16)
        Image.fromarray(values).save(tmp_path / f"{i}.tif")
    found = survey(list_photos(tmp_path), decode=True)
    assert (found.white_level, found.dark) == (4095, ())


def test_nearly_black_photos_are_named(tmp_path: Path) -> None:
    for i, value in enumerate((3, 16, 17, 200)):
        save(tmp_path / f"{i}.png", value=value)
    found = survey(list_photos(tmp_path), decode=True)
    assert [path.name for path in found.dark] == ["0.png", "1.png"]
    assert f"nearly black: 2, such as {tmp_path / '0.png'}; expose them longer" in found.lines()
    assert survey(list_photos(tmp_path)).dark == ()


def test_the_folders_that_photos_were_taken_from_are_counted(tmp_path: Path) -> None:
    for i, name in enumerate(("ok/1.png", "ok/2.png", "ok/cam2/3.png")):
        save(tmp_path / name, value=i)
    found = survey(list_photos(tmp_path))
    assert found.lines(root=tmp_path)[0] == "3 photos, of ok (2), ok/cam2 (1)"
    assert survey(list_photos(tmp_path / "ok" / "cam2")).lines(root=tmp_path / "ok" / "cam2")[0] == "1 photo"


def test_squeezing_is_said_with_a_size_that_keeps_the_shape(tmp_path: Path) -> None:
    save(tmp_path / "a.png", size=(160, 40))
    (line,) = [
        line
        for line in survey([tmp_path / "a.png"]).lines(framing=Framing(image_size=(256, 256)))
        if "squeezed" in line
    ]
    assert line.startswith("squeezed: 1 of 1, such as 160x40, into 256x256 (width x height), 4 times narrower")
    assert "--image-size 128x512 (height x width) keeps their shape" in line
    assert not any(
        "squeezed" in line for line in survey([tmp_path / "a.png"]).lines(framing=Framing(image_size=(128, 512)))
    )


def test_nothing_at_all_is_said_to_be_nothing() -> None:
    assert survey([]).lines() == ["0 photos"]


def test_progress_counts_every_photo(tmp_path: Path) -> None:
    for i in range(3):
        save(tmp_path / f"{i}.png", value=i)
    (tmp_path / "3.png").touch()
    seen: list[tuple[int, int]] = []
    survey(list_photos(tmp_path), on_photo=lambda done, of: seen.append((done, of)))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_name_that_no_terminal_can_show_is_shown_escaped(tmp_path: Path) -> None:
    for name in (os.fsdecode(b"\xff.png"), "a\nb.png"):
        save(tmp_path / name)
    lines = survey(list_photos(tmp_path)).lines()
    assert all(line.isprintable() for line in lines)
    assert any("a\\nb.png" in line and "\\udcff.png" in line for line in lines)


def test_the_digest_is_the_beginning_of_the_files_sha_256(tmp_path: Path) -> None:
    path = save(tmp_path / "photo.png")
    assert file_digest(path) == hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    assert survey([path]).digests == {path: file_digest(path)}


@pytest.mark.parametrize("place", ["missing.png", ""])
def test_what_has_no_digest_gives_one_line(tmp_path: Path, place: str) -> None:
    with pytest.raises(DataError) as caught:
        file_digest(tmp_path / place)
    assert str(caught.value).startswith(f"{tmp_path / place}: ")


def test_a_file_without_permission_has_no_digest(tmp_path: Path) -> None:
    path = save(tmp_path / "photo.png")
    path.chmod(0)
    with permissions.obeyed(), pytest.raises(DataError, match="Permission denied"):
        file_digest(path)


def test_files_of_two_places_are_compared_by_their_bytes(tmp_path: Path) -> None:
    train = [save(tmp_path / "train" / f"{i}.png", value=i) for i in range(3)]
    test = [save(tmp_path / "test" / f"{i}.png", value=i + 2) for i in range(3)]
    assert common_files(survey(test), survey(train)) == [(test[0], train[2])]
