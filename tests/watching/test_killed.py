"""A watch that is killed at any moment loses no photo and judges none twice."""

import json
import random
import signal
import sqlite3
import time
from collections import Counter

from commands import started
from watching.line import Line
from watching.receiving import Posts

ROUNDS = 3


def test_a_watch_that_is_killed_goes_on_where_it_was(line: Line) -> None:
    rng = random.Random(5)
    posts = Posts()
    words = ("--into", line.into, "--quiet", "0.02", "--runtime", "onnx", "--webhook", posts.address)
    options = (*words, "--history", line.into.with_name("history.db"), "--save", "all-overlays")
    number = 0
    with posts.open():
        for _ in range(ROUNDS):
            for _ in range(12):
                line.put(f"p{number}.png", number)
                number += 1
            out = line.into.with_name(f"{number}.txt")
            child = started("watch", line.folder, line.run, *options, out=out)
            while not (out.is_file() and out.read_text()):
                time.sleep(0.01)
            time.sleep(rng.uniform(0, 0.3))  # in which it judges all of them
            child.signal(signal.SIGKILL)
            assert child.wait().code == -signal.SIGKILL
        child = started("watch", line.folder, line.run, *options, "--idle", "1")
        done = child.wait()
    assert done.code == 0, done
    expected = {f"p{n}.png" for n in range(number)}
    assert Counter(line.names()) == Counter(expected)
    assert line.filed() == {record["name"]: record["verdict"] for record in line.lines()}
    assert not [path for path in line.folder.rglob("*") if path.is_file()]
    with sqlite3.connect(line.into.with_name("history.db")) as base:
        rows = base.execute("SELECT photo_name, key FROM verdicts ORDER BY id").fetchall()
    base.close()
    assert [name for name, _ in rows] == line.names()
    ids = {record["name"]: record["id"] for record in line.lines()}
    assert dict(rows) == ids
    posted = {record["name"]: record["id"] for record in posts.taken}
    assert posted == ids  # perhaps several times, always under the same id
    assert len({json.dumps(record, sort_keys=True) for record in posts.taken}) == number


def test_a_watch_that_is_asked_to_stop_ends_after_the_photo_at_work(line: Line) -> None:
    for number in range(40):
        line.put(f"p{number}.png", number)
    out = line.into.with_name("out.txt")
    child = started(
        *("watch", line.folder, line.run, "--into", line.into, "--quiet", "0", "--runtime", "onnx", "--save", "none"),
        out=out,
    )
    while not (out.is_file() and out.read_text()):
        time.sleep(0.01)
    child.signal(signal.SIGTERM)
    done = child.wait()
    assert done.code == 0
    assert 0 < len(done.out) <= 40
    assert len(line.names()) == len(done.out)
    assert len(line.filed()) == len(done.out)
