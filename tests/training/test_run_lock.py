"""Two trainings into one folder."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from blemish.errors import ArtifactError
from blemish.training.run_lock import LOCK_FILE, locked

HOLD = """
import sys, time
from pathlib import Path
from blemish.training.run_lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def hold(run: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(run)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_training_is_refused_and_told_of_the_first(tmp_path: Path) -> None:
    with hold(tmp_path) as process:
        try:
            with (
                pytest.raises(ArtifactError, match=f"is being trained into by process {process.pid}:"),
                locked(tmp_path),
            ):
                pass
        finally:
            process.kill()


def test_the_lock_of_a_killed_training_is_taken_over_with_a_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with hold(tmp_path) as process:
        process.send_signal(signal.SIGKILL)
    assert (tmp_path / LOCK_FILE).read_text() == f"{process.pid}\n"
    with caplog.at_level("WARNING", logger="blemish"), locked(tmp_path):
        pass
    assert f"the training of process {process.pid} in {tmp_path} ended without a word" in caplog.text


def test_nothing_is_left_of_it_and_the_next_training_says_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        with locked(tmp_path):
            assert (tmp_path / LOCK_FILE).exists()
        assert list(tmp_path.iterdir()) == []
    assert caplog.text == ""
