"""A real cluster of several processes on this machine: workers are killed, and nothing is lost or done twice."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.dataset
import pytest
import ray

import blemish
import cells
from blemish import api
from blemish.cluster import WorkerShare, open_cluster, outcomes_of
from blemish.data.dataset import Dataset
from blemish.errors import DataError
from blemish.process import available_cores
from blemish.results.judging_on_ray import judge_on_ray
from blemish.studies.grid import BenchmarkPlan, run_grid
from blemish.studies.pools import measured_on_ray
from stores import put, s3_server

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning:botocore")


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with s3_server() as url:
        yield url


@pytest.fixture(scope="module")
def cluster(bucket: str) -> Iterator[None]:
    """Started when the store is there, whose address its workers inherit; verbs take it as it is open."""
    del bucket
    with open_cluster("local"):
        yield


def workers() -> list[int]:
    """The numbers of the worker processes below this one."""
    parents: dict[int, int] = {}
    found: list[int] = []
    for place in Path("/proc").iterdir():
        try:
            number = int(place.name)
            parents[number] = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            if b"ray::Worker" in (place / "cmdline").read_bytes():
                found.append(number)
        except (ValueError, OSError):
            continue
    return [number for number in found if os.getpid() in ancestors(number, parents)]


def ancestors(number: int, parents: dict[int, int]) -> set[int]:
    above: set[int] = set()
    while (number := parents.get(number, 0)) > 1:
        above.add(number)
    return above


def rows_in(output: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pyarrow.dataset.dataset(output).to_table().to_pylist()
    return rows


@pytest.mark.usefixtures("cluster")
def test_photos_in_a_store_have_one_record_each_though_their_workers_are_killed(
    bucket: str, parts: Dataset, stpm_exported: Path, tmp_path: Path
) -> None:
    photos = [sample.image for sample in parts.test[:30]]
    for number, photo in enumerate(photos):
        put(f"{bucket}/day/camera{number % 2}/{number}.png", photo)
    put(f"{bucket}/day/camera0/broken.png", b"no photo")
    put(f"{bucket}/day/notes.txt", b"no photo")
    judge = partial(
        judge_on_ray,
        stpm_exported,
        f"{bucket}/day",
        output=tmp_path / "out",
        address="local",
        share=WorkerShare(),
        opening={"runtime": "auto", "precision": "fp32", "device": "auto", "min_area": 1},
        photos_per_part=4,
    )
    results, killed = list[object](), list[int]()
    for result in judge():
        if not results:
            killed = workers()
            for number in killed:
                os.kill(number, signal.SIGKILL)
        results.append(result)
    assert killed
    (broken,) = [result for result in results if isinstance(result, DataError)]
    assert str(broken).startswith(f"{bucket}/day/camera0/broken.png: is not a PNG")
    rows = rows_in(tmp_path / "out")
    assert len(results) == len(rows) == len({row["image"] for row in rows}) == 31
    one = blemish.open(stpm_exported).predict(photos[3])
    (row,) = [row for row in rows if row["image"] == f"{bucket}/day/camera1/3.png"]
    told = one.to_json()
    assert row["anomaly_score"] == pytest.approx(one.anomaly_score, rel=1e-5)
    assert {name: row[name] for name in ("digest", "verdict", "threshold", "weights_sha256", "height")} == {
        name: told[name] for name in ("digest", "verdict", "threshold", "weights_sha256", "height")
    }
    put(f"{bucket}/day/camera0/new.png", photos[0])
    again = list(judge())
    assert len(again) == 32
    assert {str(result) for result in results} <= {str(result) for result in again}
    later = rows_in(tmp_path / "out")
    assert {row["image"]: row["judged_at"] for row in rows}.items() <= {
        row["image"]: row["judged_at"] for row in later
    }.items(), "what stood was not judged again"
    assert len(later) == 32


@pytest.mark.usefixtures("cluster")
def test_what_a_worker_was_at_that_hangs_or_is_killed_is_done_by_another(
    parts: Dataset, seeded_resnet18: Path, tmp_path: Path
) -> None:
    slow = tmp_path / "slow"
    slow.mkdir()
    ray.cloudpickle.register_pickle_by_value(cells)  # type: ignore[no-untyped-call]  # workers see no tests
    make = partial(partial, cells.hang_once, slow)
    done = list(outcomes_of(make, range(6), share=WorkerShare(), copies=True))
    assert sorted((item, outcome.value) for item, outcome in done) == [(number, number) for number in range(6)]
    a_killed_training_is_done_by_another(parts, seeded_resnet18, tmp_path / "out")


@pytest.mark.usefixtures("cluster")
def test_an_item_is_not_blamed_for_workers_that_were_lost_while_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blemish.cluster.team.MOST_LOST", 2)
    ray.cloudpickle.register_pickle_by_value(cells)  # type: ignore[no-untyped-call]  # workers see no tests
    items, who, killed = Growing(2), list[int](), set[int]()
    make, share = partial(partial, cells.who_does), WorkerShare(cpus=available_cores() / 2)
    for _, outcome in outcomes_of(make, items, share=share):
        assert outcome.value is not None, outcome.trouble
        who.append(outcome.value)
        if killed or len(who) % 2:
            continue
        if len(set(who)) < 2:  # one began before the other was there
            items.more += 2
            continue
        killed = set(who)  # both are idle now
        for number in killed:
            os.kill(number, signal.SIGKILL)
        items.more += 1
    assert killed and who[-1] not in killed


class Growing:
    """Items, to which more are added also after the last one was taken."""

    def __init__(self, more: int) -> None:
        self.more = more

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        if not self.more:
            raise StopIteration
        self.more -= 1
        return self.more


def a_killed_training_is_done_by_another(parts: Dataset, seeded_resnet18: Path, output: Path) -> None:
    settings = {"image_size": 64, "steps": 2, "teacher_weights": (seeded_resnet18,)}
    plan = BenchmarkPlan(
        root=parts.root, dataset="mvtec_ad", categories=(None,), methods=("stpm",), seeds=1, limit=4, settings=settings
    )
    killed: list[int] = []

    def kill_the_first() -> None:
        until = time.monotonic() + 120
        while not killed and time.monotonic() < until:
            for lock in (output / "runs").glob("*/training.lock"):
                number = lock.read_text().strip()
                if number:
                    os.kill(int(number), signal.SIGKILL)
                    killed.append(int(number))
            time.sleep(0.01)

    killer = threading.Thread(target=kill_the_first)
    killer.start()
    pool = partial(measured_on_ray, address="local", share=WorkerShare())
    found = run_grid(plan, output, train=api.train, evaluate=api.evaluate, pool=pool)
    killer.join()
    assert len(killed) == 1
    (result,) = found.results
    assert not found.failed
    assert not [file for file in output.iterdir() if file.name.startswith(".")]
    (run,) = (output / "runs").iterdir()
    assert (run / "model.json").exists()
    assert run_grid(plan, output, train=api.train, evaluate=api.evaluate).results == (result,)
    assert isinstance(result.metrics["image_auroc"], float)
