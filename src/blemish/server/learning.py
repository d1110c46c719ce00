"""A model that is being learned, in a process of its own, so that the line is judged on meanwhile.

As a module it is that process: it takes what to learn as JSON, and prints how far it is, a line of JSON at a time.
"""

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from blemish.errors import BlemishError
from blemish.files import remove
from blemish.model.artifact import MODEL_FILE
from blemish.server.successor import Succession
from blemish.wording import on_one_line

_log = logging.getLogger("blemish")

_LOWER = 10  # of priority than what judges
_SECONDS_TO_STOP = 30
_MOST_TOLD = 20  # lines


@dataclass(frozen=True, kw_only=True)
class LearningProgress:
    """How far a training is."""

    activity: str
    done: int
    total: int


class Learning:
    """One training runs here, or has ended."""

    def __init__(
        self,
        model: str,
        *,
        photos: Path,
        run: Path,
        regions: Sequence[str],
        settings: dict[str, Any],
        export: tuple[str, str] | None = None,
        on_done: Callable[[str, Path], Succession | None],
    ) -> None:
        """Starts the process, which exports what it has learned to a runtime and precision, where it is to.

        `on_done(model, run)` puts that to work, and may raise BlemishError; what it returns says what came of it.
        """
        self.model, self.folder, self._run = model, photos.name, run
        self.state: Literal["running", "done", "failed", "stopped"] = "running"
        self._stopping = False
        self.progress: LearningProgress | None = None
        self.told: list[str] = []
        """What the training says, and at the end what went wrong."""
        self.succession: Succession | None = None
        """What came of it, where it was to follow another model."""
        self._on_done = on_done
        asked = {
            "photos": str(photos),
            "run": str(run),
            "regions": list(regions),
            "settings": settings,
            "export": export,
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", __spec__.name, json.dumps(asked)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
        )
        self._readers = [  # the one that the other waits for first
            threading.Thread(target=self._listen, name=f"learn {model}, words", daemon=True),
            threading.Thread(target=self._follow, name=f"learn {model}", daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def stop(self) -> None:
        """Ends the training, and forgets what it has learned."""
        if self.state != "running":
            return
        self._stopping = True
        self._process.terminate()
        try:
            self._process.wait(_SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self.wait()

    def wait(self) -> None:
        """Returns when the training has ended."""
        for reader in self._readers:
            reader.join()

    def _listen(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as words:
            for line in words:
                self._tell(line.rstrip())

    def _follow(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self._take(line)
        code = self._process.wait()
        self._readers[0].join()
        try:
            if self._stopping or code != 0:
                if self._stopping or not self._is_learned:
                    remove(self._run)
                else:
                    self._tell(f"what was learned is kept in {on_one_line(self._run)}, and not served")
                self.state = "stopped" if self._stopping else "failed"
                return
            self.succession = self._on_done(self.model, self._run)
        except Exception as error:  # whatever it is, nobody is to wait for this training any longer
            how = None if isinstance(error, BlemishError) else error
            _log.error("model %s was not put to work: %s", self.model, error, exc_info=how)
            self._tell(on_one_line(error))
            self.state = "failed"
            return
        self.state = "done"
        _log.info("model %s was learned of %s", self.model, self.folder)

    @property
    def _is_learned(self) -> bool:
        """Whether the training itself has ended: it was its export that could not be made."""
        return (self._run / MODEL_FILE).exists()

    def _take(self, line: str) -> None:
        """Takes note of how far the training is; what else is printed there, by whatever library, is words."""
        try:
            self.progress = LearningProgress(**json.loads(line))
        except (ValueError, TypeError):
            self._tell(line.rstrip())

    def _tell(self, line: str) -> None:
        self.told = [*self.told, line][-_MOST_TOLD:]


def _learn(asked: dict[str, Any]) -> None:
    """Trains and exports as a `Learning` asks, and prints how far it is."""
    from blemish.data import AUTO, find_dataset
    from blemish.data.drawn_regions import AskedInterest
    from blemish.detectors import DEFAULT_METHOD
    from blemish.exporting.make import check_packages, make_export
    from blemish.model.artifact import read_artifact
    from blemish.progress import Progress
    from blemish.training.request import train_as_asked
    from blemish.training.run_file import PhotosOrigin

    def tell(progress: Progress) -> None:
        told = {"activity": progress.activity, "done": progress.done, "total": progress.total}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()

    root, run = Path(asked["photos"]), Path(asked["run"])
    if asked["export"] is not None:
        check_packages(asked["export"][0])  # now: it would be a pity after the training
    train_as_asked(
        DEFAULT_METHOD,
        find_dataset(AUTO, root),
        run,
        asked["settings"],
        teacher_weights=(),
        leave_out=(),
        origin=PhotosOrigin(root=root, dataset=AUTO, category=None),
        resume=False,
        overwrite=False,
        on_progress=tell,
        interest=AskedInterest(roi=tuple(asked["regions"])),
    )
    if asked["export"] is not None:
        to, precision = asked["export"]
        make_export(read_artifact(run), to, precision=precision, on_progress=tell)


def run_learning() -> int:
    """Learns what the first argument says, in JSON; exits with 1 and a line where that cannot be."""
    if hasattr(os, "nice"):  # which Windows lacks
        os.nice(_LOWER)
    logging.basicConfig(format="%(message)s", level=logging.WARNING, stream=sys.stderr)
    try:
        _learn(json.loads(sys.argv[1]))
    except BlemishError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(run_learning())
