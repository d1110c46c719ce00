"""Photos are found and read in a store as on a disk, each once, and what a store says is one line."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from blemish.data.listed_blocks import ListedBlocks, name_digest
from blemish.data.skipped import Skipped
from blemish.data.stores import (
    StoredFolder,
    StoredPhoto,
    UnreachedError,
    fetched,
    lies_in,
    photos_in,
    place_of,
    read_stored,
)
from blemish.errors import DataError, OutputError
from stores import put

STORE = "memory://line"


@pytest.fixture
def store() -> Iterator[str]:
    """A store in memory, which tests share and leave empty."""
    yield STORE
    fsspec.filesystem("memory").store.clear()


def addresses(place: str) -> tuple[list[str], list[Skipped]]:
    skipped: list[Skipped] = []
    return [photo.address for photo in photos_in(place, on_skipped=skipped.append, on_error=print)], skipped


def test_a_store_is_looked_through_as_a_disk_is(store: str) -> None:
    for name in ("b.PNG", "a/2.jpg", "a/1.jpg", ".hidden/3.png", "a/.4.png", "a/notes.txt", "a/raw.heic"):
        put(f"{store}/{name}", b"...")
    put(f"{store}/run/model.json", b"{}")
    put(f"{store}/run/overlays/5.png", b"...")
    found, skipped = addresses(f"{store}/")
    assert sorted(found) == [f"{store}/a/1.jpg", f"{store}/a/2.jpg", f"{store}/b.PNG"]
    assert skipped[0].files == {".heic": 1}
    assert addresses(f"{store}/b.PNG") == ([f"{store}/b.PNG"], []), "one photo, whatever there is"
    with pytest.raises(DataError, match=r"^memory://line/gone: no such folder"):
        addresses(f"{store}/gone")
    put(f"{store}/empty/raw.heic", b"...")
    with pytest.raises(DataError, match=r"holds no photos .* but .heic \(1\)"):
        addresses(f"{store}/empty")


@pytest.mark.parametrize(
    ("named", "place"),
    [
        ("s3://bucket/a//b.png", "s3://bucket/a//b.png"),
        (Path("s3://bucket/a"), "s3://bucket/a"),
        ("S3://bucket/a", "s3://bucket/a"),
        ("file:///data/a", "/data/a"),
        ("/data/a", "/data/a"),
    ],
)
def test_a_place_is_a_url_or_an_absolute_path(named: str | Path, place: str) -> None:
    assert place_of(named) == place
    assert Path(place_of("photos")).is_absolute()


def test_what_lies_in_a_place_is_not_what_begins_like_it() -> None:
    places = {"s3://b/day", "/data"}
    for address in ("s3://b/day/1.png", "s3://b/day", "s3://b/day/a/1.png", "/data/1.png"):
        assert lies_in(address, places)
    for address in ("s3://b/day2/1.png", "s3://b", "/dat/1.png", "1.png"):
        assert not lies_in(address, places)


class Failing(fsspec.AbstractFileSystem):  # type: ignore[misc]
    """A store that fails as often as it is told to, with the error it is given."""

    protocol = "failing"
    cachable = False
    errors: list[Exception] = []  # noqa: RUF012

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: Any) -> bytes:
        del path, start, end
        if self.errors:
            raise self.errors.pop(0)
        return b"photo"

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **_: Any) -> None:
        del path, value, mode
        raise OSError("full")


def answer(error: Exception, status: int) -> Exception:
    error.status = status  # type: ignore[attr-defined]
    return error


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> type[Failing]:
    fsspec.register_implementation("failing", Failing, clobber=True)
    monkeypatch.setattr("blemish.data.stores._PAUSE", 0.001)
    monkeypatch.setattr(Failing, "errors", [])
    return Failing


def test_a_store_that_fails_for_a_moment_is_asked_again(failing: type[Failing]) -> None:
    failing.errors = [OSError("timed out"), answer(OSError("too many"), 429)]
    assert read_stored("failing://1.png") == b"photo"
    failing.errors = [OSError("timed out")] * 3
    with pytest.raises(UnreachedError, match=r"^failing://1.png: its store does not answer \(timed out\)"):
        read_stored("failing://1.png")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (FileNotFoundError("x"), "no such file"),
        (PermissionError("Access Denied"), r"may not be read \(Access Denied\)"),
        (answer(OSError("gone for good"), 410), r"cannot be read \(gone for good\)"),
    ],
)
def test_what_a_store_refuses_is_asked_once(failing: type[Failing], error: Exception, said: str) -> None:
    failing.errors = [error]
    with pytest.raises(DataError, match=said) as raised:
        read_stored("failing://1.png")
    assert not isinstance(raised.value, UnreachedError)


def test_what_cannot_be_used_is_said(failing: type[Failing]) -> None:
    del failing
    with pytest.raises(OutputError, match=r"^cannot write failing://out/a.parquet: full; check"):
        StoredFolder("failing://out").write("a.parquet", b"...")
    with pytest.raises(DataError, match=r"^nosuch://a: is no address"):
        read_stored("nosuch://a")
    with pytest.raises(DataError, match="more than 1024 MB"):
        read_stored("failing://1.png", size=1 << 31)


def test_photos_are_fetched_ahead_in_order_and_no_further_than_memory_allows(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(40):
        put(f"{store}/{number}.png", bytes([number]))
    asked: list[int] = []

    def photos(size: int) -> Iterator[StoredPhoto]:
        for number in range(40):
            asked.append(number)
            yield StoredPhoto(f"{store}/{number}.png", size)

    assert [file.read() for file in fetched(photos(1))] == [bytes([number]) for number in range(40)]
    asked.clear()
    monkeypatch.setattr("blemish.data.stores._MOST_AHEAD", 100)
    large = fetched(photos(90))
    next(large)
    assert len(asked) == 2, "one that is awaited, and one that fits"
    large.close()  # type: ignore[attr-defined]


def test_a_photo_in_s3_is_one_request(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Body:
        async def read(self) -> bytes:
            return b"photo"

        def close(self) -> None:
            pass

    async def answer(_: object, method: str, *__: object, **___: object) -> dict[str, object]:
        asked.append(method)
        return {"Body": Body(), "ContentLength": 5, "LastModified": None, "ETag": "", "StorageClass": None}

    monkeypatch.setattr(fsspec.get_filesystem_class("s3"), "_call_s3", answer)
    assert read_stored("s3://line/1.png") == b"photo"
    assert asked == ["get_object"]


def test_photos_are_fetched_that_were_given_away_before_the_store_sent_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that decode take the last ones while those before them are still on their way."""

    def slowly(address: str, **_: int) -> bytes:
        time.sleep(0.01)
        return address.encode()

    monkeypatch.setattr("blemish.data.stores.read_stored", slowly)
    given = list(fetched(StoredPhoto(str(number)) for number in range(30)))
    assert [file.read() for file in given] == [str(number).encode() for number in range(30)]


@pytest.mark.parametrize("url", [True, False])
def test_a_folder_of_files_is_written_and_read_alike_on_a_disk_and_in_a_store(
    store: str, tmp_path: Path, url: bool
) -> None:
    folder = StoredFolder(f"{store}/out" if url else str(tmp_path / "out"))
    assert folder.names() == []
    assert not folder.has("a.parquet")
    folder.write("a.parquet", b"1")
    folder.write("a.parquet", b"2")
    assert folder.names() == ["a.parquet"]
    assert folder.has("a.parquet")
    assert folder.read("a.parquet") == b"2"


def blocks_of(*places: str, standing: set[bytes], size: int) -> tuple[list[list[str]], ListedBlocks]:
    with ListedBlocks(places, standing, size=size) as blocks:
        return [[photo.address.rpartition("/")[2] for photo in block] for block in blocks], blocks


def test_blocks_hold_each_photo_once_without_those_that_stand(store: str) -> None:
    for number in range(5):
        put(f"{store}/day/{number}.png", b"...")
    put(f"{store}/day/raw.heic", b"...")
    day = f"{store}/day"
    found, blocks = blocks_of(day, f"{day}/3.png", day, standing=set(), size=2)
    assert found == [["0.png", "1.png"], ["2.png", "3.png"], ["4.png"]]
    assert blocks.found == 5
    assert str(blocks.troubles[0]).startswith("left out: 1 file of other kinds: .heic")
    standing = {name_digest(f"{day}/{number}.png") for number in (0, 1, 2)}
    assert blocks_of(day, standing=standing, size=2)[0] == [["3.png"], ["4.png"]], "cut as before"
    found, blocks = blocks_of(f"{store}/gone", day, standing=set(), size=9)
    assert len(found) == 1
    assert str(blocks.troubles[0]).startswith("memory://line/gone: no such folder")


def test_blocks_that_are_given_back_come_next_also_after_the_last(store: str) -> None:
    put(f"{store}/1.png", b"...")
    with ListedBlocks([store], set()) as blocks:
        (first,) = list(blocks)
        assert list(blocks) == []
        blocks.give_back([first])
        assert list(blocks) == [first]


def test_a_listing_that_nobody_takes_ends_when_it_is_closed(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blemish.data.listed_blocks._LISTED_AHEAD", 1)
    for number in range(9):
        put(f"{store}/{number}.png", b"...")
    with ListedBlocks([store], set(), size=1) as blocks:
        next(blocks)
    assert blocks.found < 9
