"""The run on a GPU, as small as it gets and on the processor: so that it works on the day when there is a GPU."""

import io
import json
import os
import runpy
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from commands import start_server

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "on_a_gpu.py"
STEPS = ["environment", "contract", "processes", "speed-stpm", "judging-stpm", "onnx", "learn-stpm"]
"""Those of the other methods run the same code."""


Ended = tuple[int, dict[str, Any], str]


def run(output: Path, *arguments: str | Path) -> Ended:
    """Its exit code, its figures, and what it printed. The script runs here, so that its steps, which are processes of
    their own, are forked from the one that has loaded torch already."""
    start_server()
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), pytest.raises(SystemExit) as ended:
        patch.setattr(sys, "argv", command(output, *arguments)[1:])
        patch.setattr(sys, "path", [str(SCRIPT.parent), *sys.path])
        for name in ("PYTHONPATH", "CUBLAS_WORKSPACE_CONFIG"):  # which it sets: they become again what they were
            patch.setenv(name, os.environ.get(name, ""))
        runpy.run_path(str(SCRIPT), run_name="__main__")
    assert isinstance(ended.value.code, int)
    return ended.value.code, json.loads(output.read_text()), said.getvalue()


def command(output: Path, *arguments: str | Path) -> list[str]:
    return [sys.executable, str(SCRIPT), "--tiny", "--output", str(output), *map(str, arguments)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    return run(tmp_path_factory.mktemp("whole") / "figures.json", "--steps", *STEPS)


def test_every_step_passes_and_leaves_its_figures(whole: Ended) -> None:
    code, record, said = whole
    assert {name: (o["status"], o["reason"]) for name, o in record["steps"].items()} == dict.fromkeys(
        STEPS, ("passed", None)
    )
    assert (code, record["passed"], record["format_version"]) == (0, True, 1)
    figures = {name: outcome["figures"] for name, outcome in record["steps"].items()}
    assert set(figures["environment"]) >= {"device", "packages", "tf32", "measured"}
    assert {test["outcome"] for test in figures["contract"]["tests"].values()} == {"passed"}
    assert [len(figures["processes"][f"processes_{world}"]) for world in (1, 2)] == [1, 2]
    speed = figures["speed-stpm"]
    assert set(speed["photos_per_s"]) == {"student"}
    assert set(speed["stage_student"]["milliseconds"]) >= {"photos to the device", "teacher", "forward", "optimiser"}
    assert speed["stage_student"]["in_no_fixed_order"] == []
    assert set(figures["judging-stpm"]["photos_per_s"]) == {"fp32_batch1", "bf16_batch1"}
    assert figures["onnx"]["checks"]["maps agree with torch on the CPU"]["passed"]
    assert figures["learn-stpm"]["metrics"]["image_auroc"] is not None
    assert "every check passed" in said


def test_a_step_that_fails_is_recorded_and_takes_no_other_with_it(tmp_path: Path) -> None:
    damaged = tmp_path / "resnet18.safetensors"
    damaged.write_bytes(b"no weights")
    code, record, said = run(
        tmp_path / "figures.json", "--weights", damaged, "--steps", "learn-stpm", "environment", "--minutes", "2"
    )
    assert {name: outcome["status"] for name, outcome in record["steps"].items()} == {
        "learn-stpm": "failed",
        "environment": "passed",
    }
    assert "damaged" in record["steps"]["learn-stpm"]["reason"]
    assert record["steps"]["learn-stpm"]["figures"]["steps"] == 4  # what it noted before
    assert (code, record["passed"]) == (1, False)
    assert "NOT every check passed" in said


def test_a_step_that_takes_too_long_is_stopped_and_those_without_time_are_skipped(tmp_path: Path) -> None:
    """As somebody starts it, from nothing."""
    output = tmp_path / "figures.json"
    arguments = command(output, "--steps", "speed-destseg", "onnx", "--minutes", "0.06")
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=300)
    assert output.exists(), done.stderr
    record = json.loads(output.read_text())
    assert [outcome["status"] for outcome in record["steps"].values()] == ["timed_out", "skipped"]
    assert (done.returncode, record["passed"]) == (1, False)
