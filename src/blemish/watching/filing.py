"""Moves or links photos by their verdict, so that a process that is killed can go on where it was."""

import errno
import logging
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal, get_args

from blemish.data.digest import file_digest
from blemish.errors import DataError, OutputError, SettingsError
from blemish.inference.prediction import UNREADABLE
from blemish.results.delivery import delivery_id
from blemish.results.folder import short_stem
from blemish.watching.file_state import FileState
from blemish.watching.journal import JournalEntry
from blemish.wording import on_one_line

Then = Literal["move", "link", "leave"]
"""What becomes of a photo that was judged."""
VERDICT_FOLDERS = ("normal", "check", "anomalous", "unusual", UNREADABLE)

_log = logging.getLogger("blemish")


def check_then(then: str) -> None:
    """Raises SettingsError where photos cannot be treated so."""
    if then not in get_args(Then):
        raise SettingsError(f"then: {then!r} is unknown; give one of {', '.join(get_args(Then))}")


class Filing:
    """The folders of results that photos go to, one a verdict."""

    def __init__(self, folder: Path, into: Path, then: str, *, is_planned: Callable[[str], bool]) -> None:
        """Takes photos from `folder` to folders in `into`; `is_planned` says that a place there is spoken for."""
        self._folder = folder
        self._into = into
        self._then = then
        self._is_planned = is_planned

    @property
    def leaves_photos(self) -> bool:
        """Whether photos stay where they are."""
        return self._then != "move"

    def home_of(self, name: str, verdict: str, id_: str) -> str:
        """Returns where a photo's file goes, from the folder of results; empty where it is left alone.

        It keeps its name, and the sub-folder that it lies in; where another photo has that place, its id is added.
        """
        if self._then == "leave":
            return ""
        home = f"{verdict}/{name}"
        if self._is_planned(home) or os.path.lexists(self._into / home):
            place = Path(home)
            home = place.with_name(f"{short_stem(place)}-{id_}{place.suffix}").as_posix()
        return home

    def has(self, entry: JournalEntry) -> bool:
        """Returns whether a photo is where it goes."""
        try:
            return _was_copied(self._into / entry.home, entry)
        except OSError:
            return False

    def file(self, entry: JournalEntry, *, seen: FileState | None = None) -> FileState | None:
        """Moves or links a photo, or notices that this was done before; returns the state of the file that stays.

        `seen` is its state when it was judged, which spares reading it again. A file that was written anew since is
        another photo, and left alone. Raises OutputError where it cannot be done now: it may be tried again.
        """
        here, there = self._folder / entry.name, self._into / entry.home
        try:
            if not os.path.lexists(here):
                self._folder.stat()  # raises where all of the disk has gone: the photo may be back with it
            if not os.path.lexists(here) or not _is_same(here, entry, seen):
                if not _was_copied(there, entry):
                    how = "written anew" if os.path.lexists(here) else "gone"
                    _log.warning("%s is %s before it came to %s", on_one_line(here), how, on_one_line(there))
                return None
            if _was_copied(there, entry):
                if not (entry.stays or _leads_to(there, here)):
                    here.unlink()  # copied to another disk, and stopped before this
            elif os.path.lexists(there):
                raise FileExistsError(errno.EEXIST, f"another file is called {on_one_line(there.name)} there")
            else:
                there.parent.mkdir(parents=True, exist_ok=True)
                (_link if entry.stays else _move)(here, there)
            return FileState.of(here) if entry.stays else None
        except OSError as error:
            raise OutputError(
                f"{here}: cannot be {'linked' if entry.stays else 'moved'} to {there.parent} "
                f"({error.strerror or error}); tried again later"
            ) from error


def _is_same(here: Path, entry: JournalEntry, seen: FileState | None) -> bool:
    """Returns whether a file is the photo that was judged; raises OSError."""
    state = FileState.of(here)
    if state == seen:
        return True
    return (state.size, state.mtime_ns) == (entry.size, entry.mtime_ns) and _has_content(here, entry)


def _was_copied(there: Path, entry: JournalEntry) -> bool:
    """Returns whether a photo is where it goes; another disk may have rounded its times."""
    return os.path.lexists(there) and there.stat().st_size == entry.size and _has_content(there, entry)


def _has_content(file: Path, entry: JournalEntry) -> bool:
    try:
        return not entry.digest or file_digest(file) == entry.digest
    except DataError as error:
        raise OSError(str(error)) from error


def _leads_to(link: Path, file: Path) -> bool:
    return link.is_symlink() and link.readlink() == file


def _move(here: Path, there: Path) -> None:
    before = FileState.of(here)
    if here.is_symlink() and not here.readlink().is_absolute():
        there.symlink_to(here.parent / here.readlink())  # as it is, it would lead elsewhere from there
        here.unlink()
        return
    try:
        here.rename(there)
    except OSError as error:
        if not _is_other_disk(error):
            raise
        _copy(here, there)
        _put_on_disk(there.parent)  # before it is nowhere else
        if FileState.of(here) == before:
            here.unlink()
        return
    after = FileState.of(there)
    if (after.size, after.mtime_ns) != (before.size, before.mtime_ns) and not here.exists():
        there.rename(here)  # written into between looking and moving: it is another photo


def _link(here: Path, there: Path) -> None:
    """Gives a file a second name, on the same disk as a hard link, else as a symbolic one."""
    try:
        os.link(os.path.realpath(here), there)  # of a link, the system would link the link, which leads elsewhere
    except OSError:
        there.symlink_to(here)


def _copy(here: Path, there: Path) -> None:
    beside = there.with_name(f".writing-{delivery_id(there.name)}")  # the same after a crash, which left one perhaps
    try:
        beside.unlink(missing_ok=True)
        with here.open("rb") as photo, beside.open("xb") as copy:
            shutil.copyfileobj(photo, copy)
            copy.flush()
            os.fsync(copy.fileno())
        shutil.copystat(here, beside)  # last, for a photo may be read-only; with its times, by which it is known
        beside.replace(there)
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


def _put_on_disk(folder: Path) -> None:
    """Lets a power cut find the names in a folder, where the system can be asked for it."""
    with suppress(OSError):  # Windows, and some disks of other machines, do it unasked or not at all
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _is_other_disk(error: OSError) -> bool:
    return error.errno == errno.EXDEV or getattr(error, "winerror", None) == 17
