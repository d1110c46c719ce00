"""What does a server do when a disk is full, its clock is set back, and photos are damaged? (Linux, as root)

    python benchmarks/station_faults.py disk RUN PHOTOS --rounds 10
    python benchmarks/station_faults.py clock RUN PHOTOS
    python benchmarks/station_faults.py damage RUN PHOTOS --photos 400

`disk` fills the disk of the history, then that of the kept photos, while four clients ask, and empties it again;
`clock` sets the server's clock back by an hour, then two days, and right again, between photos; `damage` sends damaged
photos among good ones, and compares each answer with `predict`.
"""

import argparse
import hashlib
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from damage import damaged
from fault_commands import run_asked
from small_disk import Clock, SmallDisk
from sqlalchemy import text
from station_server import Clients, Connection, Server, compared, opened, photos_in, recorded

import blemish
from blemish.errors import DataError
from blemish.history.opening import open_history


def disk(options: argparse.Namespace) -> None:
    photos, own = photos_in(options.photos_in), random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        full_history(Path(folder, "history"), options, photos, own)
        full_photos(Path(folder, "kept"), options, photos, own)


def full_history(place: Path, options: argparse.Namespace, photos: Sequence[bytes], own: random.Random) -> None:
    with (
        SmallDisk(place, megabytes=8) as small,
        opened(options.run, "--runtime", options.runtime, history=str(place / "history.db")) as server,
    ):
        clients, back, ready = Clients(server, photos), [], Counter[str]()
        with clients.asking():
            for _ in range(options.rounds):
                clients.wait_for_a_verdict()
                time.sleep(own.uniform(0, 0.5))
                small.fill()
                refused = clients.answers[503]
                while clients.answers[503] < refused + 8:
                    time.sleep(0.05)
                status, body = server.ask("GET", "/ready")
                ready[f"{status} {json.loads(body)['error']['message']}"] += 1
                small.empty()
                back.append(clients.wait_for_a_verdict())
        print(
            f"history's disk full {options.rounds} times: answers {dict(clients.answers)}; first verdict "
            f"{max(back):.1f} s at most behind there was room"
        )
        print(f"/ready meanwhile: {dict(ready)}; afterwards: {server.ask('GET', '/ready')[0]}")
        print(compared(clients.accepted, recorded(server.history)))


def full_photos(place: Path, options: argparse.Namespace, photos: Sequence[bytes], own: random.Random) -> None:
    kept = place / "photos of the line"
    with (
        SmallDisk(place, megabytes=64) as small,
        opened(options.run, "--runtime", options.runtime, "--keep-photos", str(kept), "--keep", "all") as server,
    ):
        fresh = [photo + bytes([number]) for photo in photos for number in range(20)]  # or each is kept once
        clients, ready = Clients(server, fresh), Counter[str]()
        with clients.asking():
            for _ in range(options.rounds):
                clients.wait_for_a_verdict()
                time.sleep(own.uniform(0, 0.5))
                small.fill()
                before = len(clients.accepted)
                while len(clients.accepted) < before + 12:
                    time.sleep(0.05)
                status, body = server.ask("GET", "/ready")
                ready[f"{status} {[line[:40] for line in json.loads(body)['troubles']]}"] += 1
                small.empty()
        print(f"kept photos' disk full {options.rounds} times: answers {dict(clients.answers)}; /ready {dict(ready)}")
        print(compared(clients.accepted, recorded(server.history)))
        with open_history(server.history) as stored, stored.reading() as connection:
            rows = connection.execute(text("SELECT photo_path, photo_sha256, map_path FROM verdicts")).all()
        whole = sum(is_whole(*row) for row in rows if row.photo_path is not None)
        files = {str(path) for path in kept.rglob("*.*") if path.is_file()}
        known = {path for row in rows for path in (row.photo_path, row.map_path) if path is not None}
        without = sum(row.photo_path is None for row in rows)
        print(
            f"{without} verdicts without photo, {whole} of the other {len(rows) - without} whole; "
            f"{len(files - known)} files of no verdict"
        )


def is_whole(photo: str, sha256: str, anomaly_map: str) -> bool:
    return hashlib.sha256(Path(photo).read_bytes()).hexdigest() == sha256 and Path(anomaly_map).is_file()


class Follower:
    """A page that follows the line, whose connection breaks now and then, and goes on by Last-Event-ID."""

    def __init__(self, server: Server) -> None:
        self.ids: list[int] = []
        self._server, self._ended = server, False
        self._thread = threading.Thread(target=self._follow)
        self._thread.start()

    def end(self) -> None:
        self._ended = True
        self._thread.join()

    def _follow(self) -> None:
        while not self._ended:
            with Connection(self._server.port) as connection, suppress(OSError):
                connection.timeout = 10
                connection.request("GET", "/api/live", headers={"Last-Event-ID": str((self.ids or [0])[-1])})
                answer, begun = connection.getresponse(), len(self.ids)
                while len(self.ids) < begun + 17 and not self._ended:  # then it breaks
                    line = answer.readline()
                    if line.startswith(b"id: "):
                        self.ids.append(int(line[4:]))


def clock(options: argparse.Namespace) -> None:
    photos = photos_in(options.photos_in)
    with tempfile.TemporaryDirectory() as folder:
        seen = Clock(Path(folder))
        with opened(options.run, "--runtime", options.runtime, environment=seen.environment) as server:
            follower, sent = Follower(server), list[str]()
            for offset in ("+0", "-1h", "-2d", "+0"):
                seen.set(offset)
                with Connection(server.port) as connection:
                    for number in range(40):
                        sent.append(f"{len(sent)}")
                        connection.judge_at_last(photos[number % len(photos)], sent[-1])
                listed = listed_ids(server)
                print(
                    f"clock {offset}: the last verdict is at place {listed.index(len(sent)) + 1} of the list, "
                    f"{len(listed)} are listed, {len(set(listed))} different"
                )
                if offset == "-2d":
                    drift = json.loads(server.ask("GET", "/api/models/part/drift")[1])
                    print(f"drift looks at {[each['photos'] for each in drift['stations']]} photos")
                prune = [sys.executable, "-m", "blemish", "prune-history", "--days", "1", "--history", server.history]
                done = subprocess.run(prune, env=seen.environment, check=True, capture_output=True, text=True)
                print(f"  prune-history --days 1: {done.stdout.strip()}")
            deadline = time.monotonic() + 60
            while len(follower.ids) < len(sent) and time.monotonic() < deadline:
                time.sleep(0.2)
            follower.end()
            hours = json.loads(server.ask("GET", "/api/figures/hours")[1])["hours"]
            print(
                f"live: {len(follower.ids)} sent, {follower.ids == sorted(set(follower.ids))} in order and once; "
                f"counts per hour {sum(hour['photos'] for hour in hours)}"
            )
            print(compared(sent, recorded(server.history)))


def listed_ids(server: Server) -> list[int]:
    """The ids of all verdicts as the page lists them, from the first on."""
    found: list[int] = []
    after = ""
    while True:
        page = json.loads(server.ask("GET", f"/api/verdicts?most=7{after}")[1])
        found += [verdict["id"] for verdict in page["verdicts"]]
        if page["after"] is None:
            return found
        after = f"&after={page['after'].replace('+', '%2B')}"


def damage(options: argparse.Namespace) -> None:
    photos, own = photos_in(options.photos_in), random.Random(options.seed)
    sent = [own.choice(photos) for _ in range(options.photos)]
    sent[1::2] = [damaged(photo, photos, own) for photo in sent[1::2]]
    predictor = blemish.open(options.run, runtime=options.runtime)
    with opened(options.run, "--runtime", options.runtime) as server:

        def judge(place: int) -> tuple[int, float | None]:
            with Connection(server.port) as connection:
                status, body = connection.judge_at_last(sent[place], f"{place}")
            return status, json.loads(body).get("anomaly_score")

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(judge, range(len(sent))))
        other = 0
        for photo, (status, score) in zip(sent, answers, strict=True):
            expected: tuple[int, float | None]
            try:
                expected = 200, predictor.predict(photo).anomaly_score
            except DataError:
                expected = 422, None
            other += (status, score) != expected
        print(
            f"{len(sent)} photos, every other one damaged: answers {dict(Counter(status for status, _ in answers))}; "
            f"{other} other than `predict`"
        )
        print(compared([f"{place}" for place in range(len(sent))], recorded(server.history)))


if __name__ == "__main__":
    run_asked(__doc__, disk, clock, damage, photos=400)
