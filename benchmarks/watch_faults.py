"""Kills a watch at random moments, again and again, and counts what is lost or judged twice.

python benchmarks/watch_faults.py (Linux) [--rounds 30] [--photos 40] [--seed 0] [--then move] [--keep FOLDER]

Each round photos come in as cameras bring them: at once, in pieces with pauses, renamed when they are whole, into
sub-folders. Meanwhile the webhook answers with errors or is away, the line to the MQTT broker is cut, and the child is
killed (SIGKILL) after a random time, mostly in the midst of judging. A last child, which is not killed, ends when
nothing comes any more. Then all places are compared with what came.
"""

import argparse
import asyncio
import json
import math
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from forked import Forked

import blemish
from blemish.data.made_up import make_up
from blemish.data.mvtec_ad import MVTEC_AD

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from watching.receiving import Messages, Posts, free_port

VERDICTS = ("normal", "check", "anomalous", "unusual", "unreadable")


class Camera:
    """Brings photos into a folder, each content once, in several ways, from threads."""

    def __init__(self, folder: Path, photos: list[Path], rng: random.Random) -> None:
        self.folder = folder
        self.brought: list[bytes] = []
        """The contents, each of which must be judged once."""
        self._photos = photos
        self._rng = rng
        self._threads: list[threading.Thread] = []

    def bring(self, count: int) -> None:
        """Brings photos that nobody has seen before: each has its number behind its last byte."""
        for _ in range(count):
            number = len(self.brought)
            photo = self._rng.choice(self._photos).read_bytes() + f"photo {number}".encode()
            self.brought.append(photo)
            ways: list[Callable[[int, bytes], None]] = [self._at_once, self._slowly, self._renamed, self._below]
            work = threading.Thread(target=self._rng.choice(ways), args=(number, photo))
            work.start()
            self._threads.append(work)
            time.sleep(self._rng.uniform(0, 0.02))

    def wait(self) -> None:
        for thread in self._threads:
            thread.join()

    def _at_once(self, number: int, photo: bytes) -> None:
        (self.folder / f"p{number}.png").write_bytes(photo)

    def _slowly(self, number: int, photo: bytes) -> None:
        path = self.folder / f"slow{number}.png"
        for at in range(0, len(photo), len(photo) // 3 + 1):
            with path.open("ab") as file:
                file.write(photo[at : at + len(photo) // 3 + 1])
            time.sleep(0.15)

    def _renamed(self, number: int, photo: bytes) -> None:
        beside = self.folder / f"r{number}.part"
        beside.write_bytes(photo)
        beside.rename(self.folder / f"r{number}.png")

    def _below(self, number: int, photo: bytes) -> None:
        path = self.folder / f"cam{number % 3}" / f"deep{number}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(photo)


class Relay:
    """A line to a port of this machine, which can be cut: what is on its way is lost then."""

    def __init__(self, to: int) -> None:
        self.port = free_port()
        self._to = to

    @contextmanager
    def open(self) -> Iterator[None]:
        """The line is there, in here."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        writers: list[asyncio.StreamWriter] = []

        async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(OSError):
                while data := await reader.read(4096):
                    writer.write(data)
                    await writer.drain()
            writer.close()

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            back, forth = await asyncio.open_connection("127.0.0.1", self._to)
            writers.extend((writer, forth))
            await asyncio.gather(carry(reader, forth), carry(back, writer))

        async def cut() -> None:
            server.close()
            for writer in writers:
                writer.transport.abort()
            await asyncio.sleep(0.05)

        begin = asyncio.start_server(accept, "127.0.0.1", self.port)
        server = asyncio.run_coroutine_threadsafe(begin, loop).result(10)
        try:
            yield
        finally:
            asyncio.run_coroutine_threadsafe(cut(), loop).result(10)
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()


@contextmanager
def trouble(posts: Posts, relay: Relay, rng: random.Random) -> Iterator[None]:
    """The webhook, and the line to the broker, come and go, in here."""
    ending = threading.Event()

    def come_and_go(place: Posts | Relay) -> None:
        while not ending.is_set():
            with place.open():
                if isinstance(place, Posts):
                    place.answers = [rng.choice([200, 500, 503, 200]) for _ in range(20)]
                ending.wait(rng.uniform(2, 5))
            ending.wait(rng.uniform(0, 1))

    threads = [threading.Thread(target=come_and_go, args=(place,)) for place in (posts, relay)]
    for thread in threads:
        thread.start()
    yield
    ending.set()
    for thread in threads:
        thread.join()


def kill_rounds(
    camera: Camera, command: list[str], log: Path, *, rounds: int, minutes: float, photos: int, rng: random.Random
) -> Counter[str]:
    """Returns how often the child was killed before its first verdict, amid photos, and with none left."""
    when, until = Counter[str](), time.monotonic() + 60 * minutes
    for _ in range(rounds):
        if time.monotonic() > until:
            break
        before = log.stat().st_size if log.is_file() else 0
        child = Forked(command, log)
        camera.bring(photos)
        deadline = time.monotonic() + 120
        early = rng.random() < 0.2
        while not early and time.monotonic() < deadline and not _verdicts(log, before):
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 1.5))
        child.send_signal(signal.SIGKILL)
        child.wait()
        left = any(path.is_file() for path in camera.folder.rglob("*.png"))
        when["before a verdict" if not _verdicts(log, before) else "amid photos" if left else "with none left"] += 1
    return when


def _verdicts(log: Path, before: int) -> int:
    text = log.read_bytes()[before:] if log.is_file() else b""
    return sum(line.startswith((b"normal", b"check", b"anomalous", b"unusual")) for line in text.splitlines())


def faults(camera: Camera, into: Path, base: Path, posts: Posts, messages: Messages, *, then: str) -> Mapping[str, str]:
    """Returns for each place how many photos it lacks, and has twice."""
    contents = Counter(range(len(camera.brought)))
    told = [json.loads(line) for line in (into / "predictions.jsonl").read_text().splitlines()]
    ids = Counter(record["id"] for record in told)
    with sqlite3.connect(base) as history:
        keys = Counter(key for (key,) in history.execute("SELECT key FROM verdicts"))
    filed: Counter[int] = Counter()
    number_of = {content: number for number, content in enumerate(camera.brought)}
    strange = 0
    for path in (path for verdict in VERDICTS for path in (into / verdict).rglob("*.*") if path.is_file()):
        number = number_of.get(path.read_bytes())
        strange += number is None
        if number is not None:
            filed[number] += 1
    posted, sent = (Counter(record["id"] for record in place.taken) for place in (posts, messages))
    exactly = {"predictions.jsonl": ids, "history": keys}
    found = {
        name: f"{len(ids - counts)} lost, {sum((counts - Counter(set(counts))).values())} twice"
        for name, counts in exactly.items()
    }
    found["predictions.jsonl"] += f"; {len(told)} lines of {len(camera.brought)} photos"
    if then != "leave":
        found["folders"] = f"{len(contents - filed)} lost, {sum((filed - contents).values())} twice, {strange} strange"
    found["left in the folder watched"] = str(sum(path.is_file() for path in camera.folder.rglob("*.png")))
    found["webhook"] = f"{len(set(ids) - set(posted))} lost, {sum((posted - ids).values())} sent again"
    found["MQTT"] = f"{len(set(ids) - set(sent))} lost, {sum((sent - ids).values())} sent again"
    found["unreadable"] = str(sum(record["verdict"] == "unreadable" for record in told))
    return found


def make_model(folder: Path) -> tuple[Path, list[Path]]:
    """Returns a small model, exported to ONNX Runtime, and photos."""
    make_up(folder / "parts", seed=0, size=64)
    parts = MVTEC_AD.find(folder / "parts", None)
    run = folder / "model"
    blemish.train("stpm", parts, run, teacher="efficientnet_lite0", image_size=64, steps=2, held_out=0.3)
    blemish.export(run, to="onnx")
    return run, [sample.image for sample in parts.test]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--minutes", type=float, default=math.inf, help="so long kills go on at most")
    parser.add_argument("--photos", type=int, default=40, help="that come in each round")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--then", default="move")
    parser.add_argument("--keep", type=Path, help="where folders and the log are left")
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    with ExitStack() as stack:
        folder = arguments.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        shutil.rmtree(folder / "line", ignore_errors=True)
        for name in ("in", "out"):
            (folder / "line" / name).mkdir(parents=True)
        if (folder / "model").is_dir():
            model, photos = folder / "model", sorted((folder / "parts/test").rglob("*.png"))
        else:
            model, photos = make_model(folder)
        line, base, log = folder / "line", folder / "line/history.db", folder / "line/log.txt"
        posts, messages = Posts(), stack.enter_context(Messages().open())
        relay = Relay(messages.port)
        command = [
            *("watch", str(line / "in"), str(model), "--into", str(line / "out"), "--quiet", "0.3"),
            *("--then", arguments.then, "--save", "all-overlays", "--history", str(base)),
            *("--webhook", posts.address, "--mqtt", f"mqtt://127.0.0.1:{relay.port}", "--station", "line 3"),
        ]
        camera = Camera(line / "in", photos, rng)
        with trouble(posts, relay, rng):
            given = {name: getattr(arguments, name) for name in ("rounds", "minutes", "photos")}
            when = kill_rounds(camera, command, log, **given, rng=rng)
            camera.wait()
        with posts.open(), relay.open():
            posts.answers = []
            code = Forked([*command, "--idle", "15"], log).wait()
        print(f"{when.total()} kills ({', '.join(f'{count} {name}' for name, count in when.items())})")
        print(f"last start ended with {code}")
        for name, found in faults(camera, line / "out", base, posts, messages, then=arguments.then).items():
            print(f"{name:<28}{found}")


if __name__ == "__main__":
    main()
