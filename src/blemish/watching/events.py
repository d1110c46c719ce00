"""What wakes a watch: events of the system where the disk gives them, else the clock."""

import os
import sys
import threading
from importlib.util import find_spec
from pathlib import Path

from blemish.errors import MissingExtraError
from blemish.wording import brief

_GATHERED = 20  # ms: events that come closer together are told at once
_MOST = 10_000  # paths; of more, all is looked through
_NETWORK_DISKS = (
    *("nfs", "cifs", "smb", "9p", "afs", "ceph", "glusterfs", "fuse."),
    *("vboxsf", "drvfs", "virtiofs", "fakeowner"),  # of a machine that this one is simulated on
)
"""Beginnings of file systems' names whose changes by other machines make no event here."""


class Events:
    """The paths that changed since they were last asked for; `poll` says that nobody listens, and the clock counts."""

    def __init__(self, folder: Path, *, poll: bool) -> None:
        """Raises MissingExtraError where the package that listens is not installed."""
        self.listens = not poll
        """Whether events are waited for, as far as they can be had."""
        self.failure = ""
        """Why they cannot be had, though they should."""
        self._folder = folder
        self._changed: set[Path] = set()
        self._all = False
        self._lock, self._some, self._ending = threading.Lock(), threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        if not poll:
            _need_watchfiles()
            self.listen()

    def listen(self) -> None:
        """Begins to listen, or begins anew, as where the folder has gone and another has come in its place."""
        self._ending.set()
        self._ending, self.failure = threading.Event(), ""
        self._thread = threading.Thread(target=self._gather, args=(self._ending,), name="events", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Ends a wait, for another reason than photos."""
        self._some.set()

    def wait(self, seconds: float) -> None:
        """Returns when something has changed, or after so many seconds."""
        self._some.wait(seconds)

    def take(self) -> set[Path] | None:
        """Returns the paths that changed since the last time; None where all must be looked through."""
        with self._lock:
            changed, everything = self._changed, self._all
            self._changed, self._all = set(), False
            self._some.clear()
        return None if everything else changed

    def close(self) -> None:
        """Listens no more."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join(2)

    def _gather(self, ending: threading.Event) -> None:
        import watchfiles

        try:
            for changes in watchfiles.watch(
                self._folder,
                watch_filter=None,
                debounce=2 * _GATHERED,
                step=_GATHERED,
                stop_event=ending,
                rust_timeout=1000,
                raise_interrupt=False,
                ignore_permission_denied=True,
            ):
                with self._lock:
                    self._changed |= {Path(path) for kind, path in changes if kind != watchfiles.Change.deleted}
                    self._all |= len(self._changed) > _MOST
                    if self._all:
                        self._changed = set()
                    self._some.set()
        except Exception as error:  # the folder has gone, or the system has no watch left
            if not ending.is_set():  # else it is another thread's folder by now
                self.failure = brief(error)
                self.wake()


def is_on_network(folder: Path, *, mounts: Path = Path("/proc/self/mountinfo")) -> bool:
    """Returns whether a folder lies on a disk of another machine, as far as the system says, which lists `mounts`."""
    if sys.platform == "win32":
        return str(folder.resolve()).startswith("\\\\")
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
        real = os.path.realpath(folder)
    except OSError:
        return False
    best = ("", "")
    for line in lines:
        left, _, right = line.partition(" - ")
        place = left.split(" ")[4].replace("\\040", " ")
        inside = real == place or real.startswith(place.rstrip("/") + "/")
        if inside and len(place) >= len(best[0]):
            best = (place, right.split(" ")[0])
    return best[1].startswith(_NETWORK_DISKS)


def _need_watchfiles() -> None:
    if find_spec("watchfiles") is None:
        raise MissingExtraError(package="watchfiles", extra="watch", purpose="waiting for photos")
