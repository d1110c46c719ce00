"""Cells are measured here, in processes, or far away, with the same results and the same files."""

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
import ray

import blemish
from blemish.cli import with_shares
from blemish.cluster import WorkerShare, open_cluster
from blemish.data.dataset import Dataset
from blemish.errors import InterruptionError, SettingsError
from blemish.process import available_cores, taken_cores
from blemish.studies.cell import Cell, CellResult
from blemish.studies.pools import (
    AskedCell,
    MeasureElsewhere,
    brought_home,
    measured_here,
    measured_in_processes,
    pool_of,
)
from cells import measure_quickly


def cell(seed: int, found: Dataset) -> Cell:
    return Cell(method="stpm", category=None, seed=seed, found=found)


@pytest.fixture
def found(tmp_path: Path) -> Dataset:
    return Dataset(name="samples", root=tmp_path)


def test_a_cell_that_fails_or_is_killed_harms_no_other(
    found: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("blemish.studies.pools.MOST_LOST", 2)
    forked = multiprocessing.get_context("forkserver")  # six processes, each of which would load torch
    monkeypatch.setattr("blemish.studies.pools._PROCESSES", forked)
    pool = partial(measured_in_processes, count=2)
    came_of = dict(pool([cell(seed, found) for seed in (1, 2, 3)], measure_quickly, tmp_path))
    assert isinstance(came_of[0], CellResult)
    assert str(came_of[1]).startswith("its process ended 2 times without a word (exit code -9)")
    assert str(came_of[2]) == "no photos"
    assert {file.name for file in tmp_path.glob("?-*")} == {"1-0", "1-1", "2-0", "2-1", "3-0"}


def test_a_process_that_is_told_to_stop_stops_all(found: Dataset, tmp_path: Path) -> None:
    with pytest.raises(InterruptionError) as stopped:
        list(measured_in_processes([cell(4, found)], measure_quickly, tmp_path, count=2))
    assert stopped.value.signal == 15
    here = measured_here([cell(3, found), cell(0, found), cell(4, found)], measure_quickly, tmp_path)
    assert [type(next(here)[1]) for _ in range(2)] == [RuntimeError, CellResult]
    with pytest.raises(InterruptionError):
        next(here)


def test_a_machine_that_does_not_see_the_output_hands_model_and_result_over(found: Dataset, tmp_path: Path) -> None:
    output, wanted = tmp_path / "out", cell(0, found)
    output.mkdir()
    work = MeasureElsewhere(measure_quickly, tmp_path / "not-here", "mark")
    asked = AskedCell(0, wanted, wanted.key, lambda: found)
    result = brought_home(work(asked), output)
    assert isinstance(result, CellResult)
    assert (output / "runs" / wanted.name / "model.json").read_text() == "{}"
    assert (output / "cells" / f"{wanted.name}.json").read_text().startswith("of ")
    assert not [file for file in output.rglob("*") if file.name.startswith(".")]
    (output / "mark").touch()
    seen = MeasureElsewhere(measure_quickly, output, "mark")(asked)
    assert (seen.run, seen.result) == (None, result)
    assert len(list(output.glob("0-*"))) == 1, "measured there itself"
    with pytest.raises(blemish.BlemishError, match="holds other photos than where the benchmark was begun"):
        work(AskedCell(0, wanted, "another", lambda: found))


def test_the_pool_is_what_is_asked_for() -> None:
    assert pool_of(ray=None, processes=1, share=WorkerShare()) is measured_here
    for wrong, said in (
        ({"processes": 0}, "processes is 0"),
        ({"processes": 2, "ray": "local"}, "two ways"),
        ({"share": WorkerShare(gpus=0.5)}, "give --ray, too"),
    ):
        with pytest.raises(SettingsError, match=said):
            pool_of(**({"ray": None, "processes": 1, "share": WorkerShare()} | wrong))
    with pytest.raises(SettingsError, match="'photos' is no address"), open_cluster("photos"):
        pass


def test_a_cluster_that_cannot_start_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A start that takes too long, as on a busy machine, is an Exception to Ray and no more."""

    def timed_out(**_: object) -> None:
        raise Exception("The current node timed out during startup.")

    monkeypatch.setattr(ray, "init", timed_out)
    with (
        pytest.raises(SettingsError, match=r"no Ray cluster can be started here \(The current node"),
        open_cluster("local"),
    ):
        pass


@pytest.mark.parametrize(
    ("share", "machine", "workers"),
    [
        ({"cpus": 1}, (2, 0), 2),
        ({"cpus": 4}, (2, 0), 0),
        ({"cpus": 0.1}, (1, 0), 10),
        ({"cpus": 0.3}, (1, 0), 3),
        ({"cpus": 1, "gpus": 0.5}, (16, 2), 4),
        ({"cpus": 1, "gpus": 0.4}, (16, 2), 4),
        ({"cpus": 8, "gpus": 0.25}, (16, 2), 2),
        ({"cpus": 1, "gpus": 2}, (16, 3), 1),
        ({"cpus": 1, "gpus": 1}, (16, 0), 0),
    ],
)
def test_a_machine_has_room_for_so_many_workers(
    share: dict[str, float], machine: tuple[int, int], workers: int
) -> None:
    assert WorkerShare(**share).fitting(*machine) == workers


@pytest.mark.parametrize("wrong", [{"cpus": 0}, {"gpus": -1}, {"gpus": 1.5}, {"cpus": float("nan")}])
def test_a_share_that_no_machine_can_give_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(SettingsError, match="worker_"):
        WorkerShare(**wrong)


@pytest.mark.parametrize(
    ("words", "read"),
    [
        (["--ray", "--output", "out"], ["--ray=local", "--output", "out"]),
        (["photos", "--ray"], ["photos", "--ray=local"]),
        (["--ray", "10.0.0.1:6379"], ["--ray", "10.0.0.1:6379"]),
        (["--ray=auto", "x"], ["--ray=auto", "x"]),
    ],
)
def test_ray_without_an_address_is_one_that_is_started_here(words: list[str], read: list[str]) -> None:
    assert with_shares(words) == read


def test_workers_of_a_machine_keep_to_cores_of_their_own(tmp_path: Path) -> None:
    told: list[int] = []

    def ask() -> None:  # the system keeps a thread by itself
        with taken_cores(1, folder=tmp_path), taken_cores(10_000, folder=tmp_path):
            told.append(available_cores())

    with ThreadPoolExecutor(1) as thread:
        thread.submit(ask).result()
    assert told == [1], "one, and where there are too few nothing changes"
