"""Every method on two processes: equal weights after every step, and one artifact."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from blemish.data.dataset import Dataset
from blemish.detectors.detector import Stage
from blemish.model.artifact import read_artifact
from commands import Started, started
from contract import ranks
from contract.methods import ALL, settings_of
from once import MadeOnce

pytestmark = pytest.mark.usefixtures("small")
TRAININGS = [*ALL, "stpm", ranks.OTHERS]


@pytest.fixture(scope="module")
def out(parts: Dataset, made_once: MadeOnce, small_weights: Path) -> Path:
    """All methods trained on two processes, one after the other, one of them twice, and one on unlike photos."""
    return made_once("ranks", lambda out: train_on_two_processes(out, parts, small_weights))


def train_on_two_processes(out: Path, parts: Dataset, teacher: Path) -> None:
    out.mkdir()
    good, port = parts.train[0].image.parent, free_port()
    processes = [Started(ranks.train_as_rank, rank, port, TRAININGS, good, teacher, out) for rank in (0, 1)]
    for done in [process.wait() for process in processes]:
        assert done.code == 0, done.err[-30:]


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def seen_by_both(out: Path, place: int) -> tuple[dict[str, Any], dict[str, Any]]:
    first, second = (json.loads((out / f"{rank}.json").read_text())[place] for rank in (0, 1))
    return first, second


def stages_of(method: str) -> list[Stage]:
    return list(ALL[method](settings_of(method, steps=ranks.STEPS)).stages())


@pytest.mark.parametrize("method", ALL)
def test_two_processes_keep_equal_weights_and_share_the_global_batch(method: str, out: Path) -> None:
    place = TRAININGS.index(method)
    first, second = seen_by_both(out, place)
    assert first["weights"] == second["weights"]
    steps = sum(stage.steps for stage in stages_of(method))
    assert len(set(first["weights"])) == steps
    assert first["photos"] == second["photos"] == [4] * steps
    assert read_artifact(out / f"run{place}").training.machine.endswith("2 processes")


@pytest.mark.parametrize("method", ALL)
def test_validation_photos_are_judged_by_the_same_statistics_in_both_processes(method: str, out: Path) -> None:
    first, second = seen_by_both(out, TRAININGS.index(method))
    validated = [stage for stage in stages_of(method) if stage.validation_loss is not None]
    assert len(first["statistics"]) == len(validated) * ranks.STEPS // ranks.CHECK_EVERY
    assert first["statistics"] == second["statistics"]


@pytest.mark.parametrize("method", ALL)
def test_a_step_without_a_check_gathers_no_objects(method: str, out: Path) -> None:
    first, _ = seen_by_both(out, TRAININGS.index(method))
    steps, gathers = first["steps"], first["gathers"]
    unchecked = [
        after - before
        for (stage, step), (following, _), before, after in zip(steps, steps[1:], gathers, gathers[1:], strict=False)
        if stage == following and step % ranks.CHECK_EVERY
    ]
    assert unchecked
    assert set(unchecked) == {0}


def test_processes_that_do_not_see_the_same_photos_do_not_train(out: Path) -> None:
    """One would learn what calibrates the other."""
    place = TRAININGS.index(ranks.OTHERS)
    for said in seen_by_both(out, place):
        assert "the processes do not train the same (photos: " in said["said"]
        assert "12 photos" in said["said"]
        assert "11 photos" in said["said"]
    assert not (out / f"run{place}" / "model.json").exists()


def test_the_same_processes_may_train_again(out: Path) -> None:
    first, again = (seen_by_both(out, place)[0] for place in (TRAININGS.index("stpm"), len(ALL)))
    assert first["weights"] == again["weights"]


def test_what_one_process_cannot_find_is_said_and_the_other_blames_nobody(parts: Dataset, tmp_path: Path) -> None:
    train = ("train", "stpm", parts.train[0].image.parent, tmp_path / "run")
    options, port = ("--teacher-weights", tmp_path / "nowhere.pth", "--device", "cpu"), free_port()
    told = [f"import os; os.environ |= {ranks.environment(rank, port)}" for rank in (0, 1)]
    first, second = [process.wait() for process in [started(*train, *options, first=place) for place in told]]
    assert (first.code, second.code) == (2, 2)
    assert [line for line in first.about("nowhere.pth") if line.startswith("blemish: ")]
    assert second.err[-1].startswith("blemish: another of the processes ended, and has said why")
