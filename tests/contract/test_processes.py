"""Every method on two processes: equal weights after every step, and one artifact."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from blemish.data.dataset import Dataset
from blemish.inference import read_artifact
from contract import ranks
from contract.test_detectors import ALL, drawn

Seen = dict[str, list[tuple[str, int]]]


@pytest.fixture(scope="module")
def both(parts: Dataset, tmp_path_factory: pytest.TempPathFactory, seeded_resnet18: Path) -> tuple[Path, list[Seen]]:
    out = tmp_path_factory.mktemp("processes")
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    arguments = [parts.train[0].image.parent, seeded_resnet18, out]
    path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [*torchrun, ranks.__file__, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return out, [json.loads((out / f"{rank}.json").read_text()) for rank in (0, 1)]


@pytest.mark.parametrize("method", ALL)
def test_two_processes_keep_equal_weights_and_share_the_global_batch(
    method: str, both: tuple[Path, list[Seen]]
) -> None:
    out, (first, second) = both
    weights = [digest for digest, _ in first[method]]
    assert weights == [digest for digest, _ in second[method]]
    steps = sum(stage.steps for stage in drawn(method).stages())
    assert len(set(weights)) == steps
    assert [photos for _, photos in first[method]] == [2] * steps
    assert read_artifact(out / method).training["machine"].endswith("2 processes")
