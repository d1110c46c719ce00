"""Photos that have come into a folder and are whole: in the order they came, each held until nobody writes into it."""

import logging
from collections.abc import Callable, Iterable, Set
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic

from blemish.data.listing import in_natural_order, look_through
from blemish.data.skipped import OWN_FILES, PHOTO_SUFFIXES
from blemish.watching.file_state import FileState, state_of
from blemish.wording import on_one_line

PATIENCE = 10.0
"""How many times `quiet`, and how many seconds at least, a photo that cannot be decoded may stay as it is before it is
called unreadable: who writes it may only have paused."""

_log = logging.getLogger("blemish")


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A photo that has come, as it was when it was last looked at."""

    path: Path
    name: str
    """Its path in the folder watched, with slashes."""
    state: FileState
    since: float
    """When it was first seen so, by the monotonic clock."""
    failed: bool = False
    """Whether it could not be decoded, as it is."""


class Arrivals:
    """The photos of a folder that nobody has judged; they are told apart from those judged by what `knows` says."""

    def __init__(
        self,
        folder: Path,
        knows: Callable[[str, FileState], bool],
        *,
        quiet: float,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Takes for whole what has not changed for `quiet` seconds."""
        self.folder = folder
        self._knows = knows
        self._quiet = quiet
        self._clock = clock
        self._waiting: dict[str, Arrival] = {}
        self._told: set[str] = set()
        self._asked: set[str] = set()

    def __len__(self) -> int:
        return len(self._waiting)

    def look(self) -> None:
        """Looks the whole folder through, with its sub-folders; raises DataError where it cannot be listed."""
        found = look_through(self.folder)
        for suffix in sorted(found.skipped.files.keys() - self._told):
            self._told.add(suffix)
            _log.warning("left out, now and later: %s files; pictures must be %s", suffix, " ".join(PHOTO_SUFFIXES))
        notes = [f"what Blemish wrote itself, in {on_one_line(own)}" for own in found.skipped.own]
        for line in (*notes, *map(str, found.troubles)):
            if line not in self._told:
                self._told.add(line)
                _log.warning("left out: %s", line)
        self._add(found.photos)

    def look_at(self, paths: Set[Path]) -> bool:
        """Looks at paths that have changed; returns whether all must be looked through, as when a folder has come."""
        photos = [path for path in paths if path.suffix.lower() in PHOTO_SUFFIXES]
        if any(path.is_dir() for path in paths):  # also one that is called as photos are
            return True
        own: dict[Path, bool] = {}
        self._add(path for path in in_natural_order(photos) if self._may_hold(path.parent, own) and path.name[0] != ".")
        return False

    def ask_for(self, name: str) -> None:
        """Takes for granted, from now on, that the photo of this name is whole as soon as it is there."""
        path = self.folder / name
        if not (path.suffix.lower() in PHOTO_SUFFIXES and ".." not in path.parts and path.name[0] != "."):
            return
        with suppress(OSError):  # a name that no disk takes
            if self._may_hold(path.parent, {}):
                self._asked.add(name)
                self._add([path])

    def ask_no_more(self, name: str) -> None:
        """Takes back what `ask_for` said."""
        self._asked.discard(name)

    def take(self, most: int) -> list[Arrival]:
        """Returns the next photos that are whole, and forgets them; those that changed or went are not."""
        now = self._clock()
        taken: list[Arrival] = []
        for name, arrival in list(self._waiting.items()):
            if len(taken) == most:
                break
            if self._due(arrival) > now:
                continue
            if (state := state_of(arrival.path)) is None:
                del self._waiting[name]
                continue
            if state != arrival.state:
                self._waiting[name] = replace(arrival, state=state, since=now, failed=False)
                if self._due(self._waiting[name]) > now:
                    continue
            taken.append(self._waiting.pop(name))
        return taken

    def put_back(self, arrival: Arrival) -> None:
        """Takes a photo back that could not be decoded: it is tried again when it has changed, or for the last time
        when it has stayed so for long; and one that has changed while it was judged."""
        state = state_of(arrival.path)
        if state == arrival.state:
            self._waiting[arrival.name] = replace(arrival, failed=True)
        elif state is not None:
            self._waiting[arrival.name] = replace(arrival, state=state, since=self._clock(), failed=False)

    def take_back(self, arrivals: Iterable[Arrival]) -> None:
        """Takes photos back that could not be judged now, for no fault of theirs: they are the next again."""
        self._waiting = {arrival.name: arrival for arrival in arrivals} | self._waiting

    def due_in(self) -> float | None:
        """Returns after how many seconds the next photo may be whole; None where none waits."""
        if not self._waiting:
            return None
        return max(0.0, min(map(self._due, self._waiting.values())) - self._clock())

    def _due(self, arrival: Arrival) -> float:
        if arrival.failed:
            return arrival.since + PATIENCE * max(1.0, self._quiet)
        return arrival.since + (0.0 if arrival.name in self._asked else self._quiet)

    def _add(self, photos: Iterable[Path]) -> None:
        now = self._clock()
        new: list[Arrival] = []
        for path in photos:
            if (state := state_of(path)) is None:
                continue
            name = path.relative_to(self.folder).as_posix()
            waiting = self._waiting.get(name)
            if waiting is not None:
                if waiting.state != state:
                    self._waiting[name] = replace(waiting, state=state, since=now, failed=False)
            elif not self._knows(name, state):
                new.append(Arrival(path=path, name=name, state=state, since=now))
        self._waiting |= {arrival.name: arrival for arrival in sorted(new, key=lambda a: a.state.mtime_ns)}

    def _may_hold(self, folder: Path, own: dict[Path, bool]) -> bool:
        """Returns whether photos in a folder are ours to judge: it is not hidden, nor one that Blemish wrote in."""
        if folder not in own:
            if folder == self.folder:
                own[folder] = True
            elif not folder.is_relative_to(self.folder) or folder.name.startswith("."):
                own[folder] = False
            else:
                holder = folder.parent  # what lies in sub-folders of one that Blemish wrote is nobody's photo
                written = any((holder / file).exists() for file in OWN_FILES)
                own[folder] = not written and self._may_hold(holder, own)
        return own[folder]
