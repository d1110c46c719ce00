"""The examples run as they stand, on a small scale."""

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_train_and_judge_prints_a_verdict_and_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    example = runpy.run_path(str(EXAMPLES / "train_and_judge.py"))
    example["main"](tmp_path, image_size=64, steps=2)
    said = capsys.readouterr().out
    assert said.split()[0] in ("normal", "anomalous", "unusual")
    assert "image AUROC" in said
    assert "(64, 64)" in said


def test_every_example_is_run_here() -> None:
    assert [path.name for path in EXAMPLES.glob("*.py")] == ["train_and_judge.py"]
