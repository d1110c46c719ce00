"""Photos and files in any store that fsspec knows: this machine's disk, S3, Google Cloud, Azure, HTTP.

Passwords and endpoints are the store's own affair: its environment variables and its configuration files hold.
"""

import re
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Set
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

from blemish.data.images import check_bytes, read_file
from blemish.data.listing import OnError, is_folder, look_through
from blemish.data.paths import OnSkipped
from blemish.data.skipped import OWN_FILES, PHOTO_SUFFIXES, Skipped, is_worth_a_word, most_common_first, no_photos_in
from blemish.errors import DataError, MissingExtraError, OutputError
from blemish.files import write_atomically
from blemish.wording import brief, on_one_line

_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]+):/+")  # a Path has left one slash of two; a Windows drive is one letter
_WHOLE = frozenset(("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "memory"))
"""The stores where a file appears whole or not at all; elsewhere it is written beside its place and renamed."""
_TRIES = 3
_FOR_NOW = (408, 429)  # HTTP's: what these refuse may be given later
_PAUSE = 0.5  # seconds before the second try, four times as long before each further one
_AT_ONCE = 8  # photos that are fetched at a time, for a store takes much longer to answer than to send
_MOST_AHEAD = 1 << 26  # bytes of photos that are fetched and not yet decoded, beyond the one that is awaited


class UnreachedError(DataError):
    """A store did not answer, several times: nothing is known of the photo, and another time it may be read."""


@dataclass(frozen=True, slots=True)
class StoredPhoto:
    """A photo that was listed and not read."""

    address: str
    """The URL, or the absolute path on a disk."""
    size: int = 0
    """Bytes; 0 where the store does not say."""


def place_of(named: str | Path) -> str:
    """Returns a place as its URL, or as the absolute path on this machine's disk."""
    text = str(named)
    scheme = _SCHEME.match(text)
    if scheme is None:
        return str(Path(text).absolute())
    rest = text[scheme.end() :]
    return f"/{rest}" if scheme[1].lower() == "file" else f"{scheme[1].lower()}://{rest}"


def is_url(place: str) -> bool:
    """Returns whether a place lies in a store rather than on a disk."""
    return _SCHEME.match(place) is not None


def lies_in(address: str, places: Set[str]) -> bool:
    """Returns whether an address is one of the places, or in one; they end without a slash."""
    while address not in places:
        address, slash, _ = address.rpartition("/")
        if not slash:
            return False
    return True


def photos_in(place: str, *, on_skipped: OnSkipped, on_error: OnError) -> Iterator[StoredPhoto]:
    """Yields the photos of a folder and of those in it, as the store lists them, or the one photo that it is.

    Of a store, no more is in memory than a folder's page. Hidden files are passed over, and in a folder that Blemish
    wrote its sub-folders. `on_skipped` is told at the end what else lay there, `on_error` of folders that cannot be
    listed. Raises DataError where nothing is found.
    """
    if not is_url(place):
        yield from _photos_on_disk(Path(place), on_skipped, on_error)
        return
    if PurePosixPath(place).suffix.lower() in PHOTO_SUFFIXES:
        yield StoredPhoto(place)
        return
    others: Counter[str] = Counter()
    found = False
    for photo in _photos_below(place, others):
        found = True
        yield photo
    skipped = Skipped(files=most_common_first(others))
    if not found:
        raise DataError(str(no_photos_in(place, skipped)))
    on_skipped(skipped)


def _photos_on_disk(path: Path, on_skipped: OnSkipped, on_error: OnError) -> Iterator[StoredPhoto]:
    if not is_folder(path):
        yield StoredPhoto(str(path))
        return
    found = look_through(path)
    for trouble in found.troubles:
        on_error(trouble)
    if not (found.photos or found.troubles):
        raise no_photos_in(path, found.skipped)
    yield from (StoredPhoto(str(photo)) for photo in found.photos)
    on_skipped(found.skipped)


def _photos_below(place: str, others: Counter[str]) -> Iterator[StoredPhoto]:
    files, root = _file_system(place)
    place, root = place.rstrip("/"), root.rstrip("/")
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        folders: list[str] = []
        ours = False
        for path, is_a_folder, size in _entries(files, folder, place):
            name = PurePosixPath(path).name
            suffix = PurePosixPath(name).suffix.lower()
            if name.startswith("."):
                continue
            if is_a_folder:
                folders.append(path)
            elif suffix in PHOTO_SUFFIXES:
                yield StoredPhoto(f"{place}{path.removeprefix(root)}", size)
            elif name in OWN_FILES:
                ours = True
            elif is_worth_a_word(suffix):
                others[suffix] += 1
        waiting += [] if ours else folders[::-1]


def _entries(files: Any, folder: str, place: str) -> Iterator[tuple[str, bool, int]]:
    """Yields (path, whether it is a folder, bytes) of what lies directly in a folder, by name."""
    try:
        if hasattr(files, "call_s3"):
            yield from _pages_of_s3(files, folder)
            return
        for entry in sorted(files.ls(folder, detail=True), key=lambda entry: str(entry["name"])):
            yield str(entry["name"]).rstrip("/"), entry["type"] == "directory", int(entry.get("size") or 0)
    except FileNotFoundError:
        raise DataError(f"{place}: no such folder; check the address") from None
    except Exception as error:  # each store has its own
        raise DataError(f"{place}: cannot be listed ({brief(error)}); check address and permissions") from error


def _pages_of_s3(files: Any, folder: str) -> Iterator[tuple[str, bool, int]]:
    """Yields the same page by page: fsspec itself would hold a million photos of a folder in a gigabyte."""
    bucket, _, key = folder.partition("/")
    asked = {"Bucket": bucket, "Prefix": f"{key.rstrip('/')}/" if key else "", "Delimiter": "/"}
    while True:
        page = files.call_s3("list_objects_v2", **asked)
        for entry in page.get("Contents", ()):
            if not entry["Key"].endswith("/"):
                yield f"{bucket}/{entry['Key']}", False, int(entry["Size"])
        for entry in page.get("CommonPrefixes", ()):
            yield f"{bucket}/{entry['Prefix'].rstrip('/')}", True, 0
        if not page.get("IsTruncated"):
            return
        asked["ContinuationToken"] = page["NextContinuationToken"]


class FetchedPhoto:
    """An open file, for whoever decodes it, of a photo that is being fetched meanwhile."""

    def __init__(self, name: str, content: "Future[bytes]") -> None:
        self.name = name
        self._content = content

    def read(self) -> bytes:
        """Returns the bytes; raises DataError where there are none, UnreachedError where that may change."""
        return self._content.result()


def fetched(photos: Iterable[StoredPhoto]) -> Iterator[BinaryIO]:
    """Fetches photos a few at a time, ahead of whoever takes them, as far as memory allows."""
    ahead: deque[tuple[FetchedPhoto, int]] = deque()
    source, all_given = iter(photos), False
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="fetch") as pool:
        try:
            while True:
                room = _MOST_AHEAD - sum(size for _, size in ahead)
                for photo in islice(source, 2 * _AT_ONCE - len(ahead) if room > 0 else 0):
                    content = pool.submit(read_stored, photo.address, size=photo.size)
                    ahead.append((FetchedPhoto(photo.address, content), photo.size))
                    room -= photo.size
                    if room <= 0:
                        break
                if not ahead:
                    all_given = True  # and some of them are yet to be fetched
                    return
                yield cast(BinaryIO, ahead.popleft()[0])
        finally:
            pool.shutdown(cancel_futures=not all_given)


def read_stored(address: str, *, size: int = 0) -> bytes:
    """Returns the bytes of a photo, whose `size` is 0 where nobody knows it; raises DataError where it is none or may
    not be read, UnreachedError where the store did not answer."""
    if not is_url(address):
        return read_file(Path(address))
    check_bytes(size, name=address)
    files, path = _file_system(address)
    for tried in range(1, _TRIES + 1):
        try:
            data: bytes = files.cat_file(path)
            return data
        except (FileNotFoundError, IsADirectoryError):
            raise DataError(f"{address}: no such file; check the address") from None
        except PermissionError as error:
            raise DataError(f"{address}: may not be read ({brief(error)}); check its permissions") from error
        except Exception as error:  # each store has its own
            if 400 <= (status := getattr(error, "status", 0)) < 500 and status not in _FOR_NOW:
                raise DataError(f"{address}: cannot be read ({brief(error)}); check the address") from error
            if tried == _TRIES:
                raise UnreachedError(f"{address}: its store does not answer ({brief(error)})") from error
        time.sleep(_PAUSE * 4 ** (tried - 1))
    raise AssertionError("every try returns or raises")


class StoredFolder:
    """A folder that files are written into, whole or not at all, and read from."""

    def __init__(self, place: str) -> None:
        self.place = place.rstrip("/")
        self._files: Any = None
        self._path = self.place
        if is_url(place):
            self._files, self._path = _file_system(self.place)

    def names(self) -> list[str]:
        """Returns the names of files directly in it, none where it is not there; raises DataError."""
        if self._files is None:
            path = Path(self.place)
            return sorted(file.name for file in path.iterdir()) if path.is_dir() else []
        self._files.invalidate_cache()
        try:
            found = [(path, folder) for path, folder, _ in _entries(self._files, self._path, self.place)]
        except DataError as error:
            if isinstance(error.__context__, FileNotFoundError):
                return []
            raise
        return sorted(PurePosixPath(path).name for path, folder in found if not folder)

    def has(self, name: str) -> bool:
        """Returns whether a file is there; raises DataError where the store does not say."""
        if self._files is None:
            return Path(self.place, name).is_file()
        self._files.invalidate_cache()
        try:
            return bool(self._files.exists(f"{self._path.rstrip('/')}/{name}"))
        except Exception as error:  # each store has its own
            raise DataError(f"{self.place}: cannot be read ({brief(error)}); check address and permissions") from error

    def read(self, name: str) -> bytes:
        """Returns what a file holds; raises DataError."""
        return read_stored(f"{self.place}/{name}")

    def write(self, name: str, data: bytes) -> None:
        """Writes a file, in place of one of this name; raises OutputError."""
        if self._files is None:
            write_atomically(Path(self.place, name), lambda beside: beside.write_bytes(data))
            return
        to = f"{self._path.rstrip('/')}/{name}"
        try:
            protocol = self._files.protocol  # one, or several that are the same
            if _WHOLE.isdisjoint([protocol] if isinstance(protocol, str) else protocol):
                self._files.makedirs(self._path, exist_ok=True)
                self._files.pipe_file(f"{to}.part", data)
                self._files.mv(f"{to}.part", to)
            else:
                self._files.pipe_file(to, data)
        except Exception as error:  # each store has its own
            raise OutputError(
                f"cannot write {self.place}/{name}: {brief(error)}; check address and permissions"
            ) from error


def _file_system(place: str) -> tuple[Any, str]:
    """Returns fsspec's file system of a URL, and the path in it; raises MissingExtraError, DataError."""
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise MissingExtraError(package="fsspec", extra="ray", purpose="reading photos from a store") from error
    options: dict[str, Any] = {}
    if place.startswith(("s3://", "s3a://")):  # to fetch in pieces it asks for the size first, a request more per photo
        options["max_concurrency"] = 1
    try:
        files, path = url_to_fs(place, **options)
    except ImportError as error:
        raise DataError(f"{on_one_line(place)}: its store needs another package: {brief(error)}") from error
    except Exception as error:  # each store has its own
        raise DataError(f"{on_one_line(place)}: is no address that can be used ({brief(error)})") from error
    return files, str(path)
