"""Every method on two processes: equal weights after every step, and one artifact."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from blemish.data.dataset import Dataset
from blemish.model.artifact import read_artifact
from contract import ranks
from contract.test_detectors import ALL, drawn

Seen = list[tuple[str, int]]
"""After every step, the weights' digest and how many photos this process had."""


def on_two_processes(methods: list[str], good: Path, teacher: Path, out: Path) -> list[tuple[Seen, Seen]]:
    """Trains one after the other and returns what both processes saw of each."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [*torchrun, ranks.__file__, ",".join(methods), str(good), str(teacher), str(out)],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path},
        timeout=300,  # processes that wait for one another do so for ever
    )
    assert done.returncode == 0, done.stderr[-3000:]
    first, second = (json.loads((out / f"{rank}.json").read_text()) for rank in (0, 1))
    return list(zip(first, second, strict=True))


@pytest.mark.parametrize("method", ALL)
def test_two_processes_keep_equal_weights_and_share_the_global_batch(
    method: str, parts: Dataset, tmp_path: Path, seeded_resnet18: Path
) -> None:
    ((first, second),) = on_two_processes([method], parts.train[0].image.parent, seeded_resnet18, tmp_path)
    weights = [digest for digest, _ in first]
    assert weights == [digest for digest, _ in second]
    steps = sum(stage.steps for stage in drawn(method).stages())
    assert len(set(weights)) == steps
    assert [photos for _, photos in first] == [4] * steps
    assert read_artifact(tmp_path / "run0").training["machine"].endswith("2 processes")


def test_processes_that_do_not_see_the_same_photos_do_not_train(
    parts: Dataset, tmp_path: Path, seeded_resnet18: Path
) -> None:
    """One would learn what calibrates the other."""
    good = parts.train[0].image.parent
    ((first, second),) = on_two_processes([ranks.OTHERS], good, seeded_resnet18, tmp_path)
    for said in map(str, (first, second)):
        assert "the processes do not train the same (photos: " in said
        assert "12 photos" in said
        assert "11 photos" in said
    assert not (tmp_path / "run" / "model.json").exists()


def test_what_one_process_cannot_find_is_said_and_the_other_blames_nobody(parts: Dataset, tmp_path: Path) -> None:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = ["-m", "blemish", "train", "stpm", str(parts.train[0].image.parent), str(tmp_path / "run")]
    done = subprocess.run(
        [*torchrun, *command, "--teacher-weights", str(tmp_path / "nowhere.pth"), "--device", "cpu"],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=300,
    )
    assert done.returncode != 0
    assert [line for line in done.stderr.splitlines() if line.startswith("blemish: ") and "nowhere.pth" in line]
    assert "a mistake in blemish" not in done.stderr


def test_the_same_processes_may_train_again(parts: Dataset, tmp_path: Path, seeded_resnet18: Path) -> None:
    good = parts.train[0].image.parent
    (first, _), (again, _) = on_two_processes(["stpm", "stpm"], good, seeded_resnet18, tmp_path)
    assert first == again
