"""What does a watch do when a disk is full, its folder vanishes, photos are damaged, the clock is set back? (as root)

    python benchmarks/watch_disks.py disk RUN PHOTOS --rounds 10
    python benchmarks/watch_disks.py share RUN PHOTOS --rounds 20
    python benchmarks/watch_disks.py damage RUN PHOTOS
    python benchmarks/watch_disks.py clock RUN PHOTOS

`disk` fills the disk of results and history and empties it again; `share` takes the folder's disk away, or the folder
itself, and brings it back, while photos come into it on the other machine; `damage` brings damaged photos among good
ones; `clock` sets clock and times of files back by an hour, then two days. Then all places are compared with what came.
Linux.
"""

import argparse
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from damage import damaged
from fault_commands import run_asked
from small_disk import Clock, SmallDisk, mount, unmount
from station_server import photos_in
from watch_faults import VERDICTS

import blemish
from blemish.errors import DataError


class Line:
    """A folder that photos are brought into, and the watch that judges them."""

    def __init__(self, options: argparse.Namespace, *, incoming: Path, results: Path, log: Path) -> None:
        self.brought: list[bytes] = []
        self.photos = photos_in(options.photos_in)
        self.own = random.Random(options.seed)
        self._options, self._incoming, self._results, self._log = options, incoming, results, log
        self.history = results.parent / "history.db"

    def bring(self, into: Path, *, photo: bytes | None = None, name: str = "") -> None:
        """Brings a photo that was not there before: it has its number behind its last byte."""
        number = len(self.brought)
        content = photo or self.own.choice(self.photos) + f"photo {number}".encode()
        self.brought.append(content)
        beside = into / f"p{number}.part"
        beside.write_bytes(content)
        beside.rename(into / (name or f"p{number}.png"))

    @contextmanager
    def watched(self, *, environment: Mapping[str, str] | None = None) -> Iterator[None]:
        """The watch runs, in here, and behind it until all that was brought is judged, and filed."""
        command = [sys.executable, "-m", "blemish", "watch", str(self._incoming), str(self._options.run)]
        places = ["--into", str(self._results), "--history", str(self.history), "--quiet", "0.2"]
        with self._log.open("wb") as log:
            child = subprocess.Popen(
                [*command, *places, "--runtime", self._options.runtime], stdout=log, stderr=log, env=environment
            )
        try:
            while not (self._results / "watch.sqlite").exists():
                assert child.poll() is None, self.said()
                time.sleep(0.1)
            yield
            deadline = time.monotonic() + 180
            while time.monotonic() < deadline and child.poll() is None and not self._is_done():
                time.sleep(0.5)
        finally:
            child.send_signal(signal.SIGTERM)
            print(f"the watch ended with {child.wait()}")

    def said(self) -> str:
        return self._log.read_text()

    def _is_done(self) -> bool:
        with suppress(OSError, sqlite3.Error), closing(sqlite3.connect(self.history)) as base:
            (written,) = base.execute("SELECT count(*) FROM verdicts").fetchone()
            return len(self._told()) == len(self.brought) == int(written)
        return False

    def _told(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in (self._results / "predictions.jsonl").read_text().splitlines()]

    def compare(self) -> None:
        """Prints what each place lacks, and has twice, and what the watch has said."""
        told = self._told()
        ids = Counter(str(record["id"]) for record in told)
        with closing(sqlite3.connect(self.history)) as base:
            keys = Counter(key for (key,) in base.execute("SELECT key FROM verdicts"))
        came, filed = Counter(self.brought), Counter[bytes]()
        for verdict in VERDICTS:
            filed.update(path.read_bytes() for path in (self._results / verdict).rglob("*.*") if path.is_file())
        rows = (self._results / "predictions.csv").read_text().count(f",{os.uname().nodename},")
        unreadable = sum(record["verdict"] == "unreadable" for record in told)
        print(
            f"{len(self.brought)} photos came: {len(told)} lines, {rows} rows, {ids.total() - len(ids)} twice;"
            f" history {len(ids - keys)} missing, {(keys - ids).total()} more; folders {(came - filed).total()}"
            f" missing, {(filed - came).total()} more; {unreadable} unreadable"
        )
        said = Counter(line[:150] for line in self.said().splitlines() if line.startswith("blemish: "))
        print("\n".join(f"  {count} x {line}" for line, count in said.most_common(8)))


def disk(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder, SmallDisk(Path(folder, "small"), megabytes=48) as small:
        incoming = Path(folder, "in")
        incoming.mkdir()
        line = Line(options, incoming=incoming, results=small.folder / "out", log=Path(folder, "log"))
        with line.watched():
            for number in range(options.rounds):
                line.bring(incoming)
                time.sleep(line.own.uniform(0, 1))
                small.fill()
                for _ in range(3):
                    line.bring(incoming)
                time.sleep(line.own.uniform(2, 4) if number else 12)
                small.empty()
                time.sleep(line.own.uniform(0, 1))
        line.compare()


def share(options: argparse.Namespace) -> None:
    for below in ("photos", ""):
        with tempfile.TemporaryDirectory() as folder:
            far, near = Path(folder, "far"), Path(folder, "near")
            (far / below).mkdir(parents=True)
            near.mkdir()
            mount("--bind", str(far), str(near))
            line = Line(options, incoming=near / below, results=Path(folder, "out"), log=Path(folder, "log"))
            try:
                with line.watched():
                    for _ in range(options.rounds):
                        take_away(line, far, near, below)
            finally:
                unmount(near)
            print("its folder lies on the share:" if below else "its folder is the share, empty while that is away:")
            line.compare()


def take_away(line: Line, far: Path, near: Path, below: str) -> None:
    """Takes a share away at a random moment amid photos, and brings it back."""
    for _ in range(3):
        line.bring(far / below)
    time.sleep(line.own.uniform(0, 1))
    renamed = below and line.own.random() < 0.5
    if renamed:
        (far / below).rename(far / "away")
    else:
        unmount(near)
        line.bring(far / below)
    time.sleep(line.own.choice([0.1, 1.0, 3.0]))
    if renamed:
        (far / "away").rename(far / below)
    else:
        mount("--bind", str(far), str(near))
    line.bring(far / below)
    time.sleep(line.own.uniform(0, 1))


def damage(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        incoming = Path(folder, "in")
        incoming.mkdir()
        line = Line(options, incoming=incoming, results=Path(folder, "out"), log=Path(folder, "log"))
        with line.watched():
            for number in range(options.photos):
                photo = line.own.choice(line.photos)
                line.bring(incoming, photo=damaged(photo, line.photos, line.own) if number % 2 else None)
        line.compare()
        predictor = blemish.open(options.run, runtime=options.runtime)
        print(f"{sum(is_unreadable(predictor, photo) for photo in line.brought)} of them `predict` cannot read")


def is_unreadable(predictor: "blemish.Predictor", photo: bytes) -> bool:
    try:
        predictor.predict(photo)
    except DataError:
        return True
    return False


def clock(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        incoming, seen = Path(folder, "in"), Clock(Path(folder))
        incoming.mkdir()
        line = Line(options, incoming=incoming, results=Path(folder, "out"), log=Path(folder, "log"))
        with line.watched(environment=seen.environment):
            for offset, seconds in (("+0", 0), ("-1h", -3600), ("-2d", -172800), ("+0", 0)):
                seen.set(offset)
                for number in range(15):
                    line.bring(incoming, name=f"again{number}.png")  # a camera that counts from 0 each time
                    os.utime(incoming / f"again{number}.png", (time.time() + seconds, time.time() + seconds))
                while any(incoming.glob("*.png")):
                    time.sleep(0.1)
        line.compare()


if __name__ == "__main__":
    run_asked(__doc__, disk, share, damage, clock, photos=120)
