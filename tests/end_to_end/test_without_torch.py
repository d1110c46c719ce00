"""The base installation has no torch: whatever needs it says so in one line, with what to install."""

import subprocess
import sys
from pathlib import Path

import pytest

HIDE_TORCH = """
import sys, importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "torch" else found(name, *rest)
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Hidden())
"""
COMMAND = HIDE_TORCH + "from blemish.__main__ import main; main()"
INSTALL = "torch, which is not installed: pip install 'blemish[train]'"


def run(code: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True)


@pytest.mark.parametrize(
    "command",
    [
        "train stpm PHOTOS NEW",
        "train --from RUN/run.json NEW",
        "train --help",
        "demo NEW",
        "check PHOTOS --method stpm",
        "predict RUN PHOTOS",
        "predict RUN PHOTOS --runtime torch",
        "evaluate RUN PHOTOS",
        "calibrate RUN --good PHOTOS",
        "export RUN --to onnx",
    ],
)
def test_a_command_that_needs_torch_says_what_to_install(
    command: str, photos: Path, copy: Path, tmp_path: Path
) -> None:
    places = {"PHOTOS": str(photos), "RUN": str(copy), "NEW": str(tmp_path / "new")}
    words = command.split()
    for name, place in places.items():
        words = [word.replace(name, place) for word in words]
    if words[0] == "evaluate":
        words[2] = str(with_a_test_set(tmp_path / "set", photos))
    if words[0] == "calibrate":
        words[3] = str(unknown_photo_like(next(photos.iterdir()), tmp_path / "unknown.png"))
    done = run(COMMAND, *words)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert INSTALL in done.stderr
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("command", ["check PHOTOS", "calibrate RUN --false-alarms 0.2", "report RUN"])
def test_a_command_that_needs_no_torch_does_its_work(command: str, photos: Path, copy: Path) -> None:
    done = run(COMMAND, *command.replace("PHOTOS", str(photos)).replace("RUN", str(copy)).split())
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "verb",
    [
        "train('stpm', PHOTOS, 'new')",
        "train_again(RUN + '/run.json', 'new')",
        "demo('new')",
        "check(PHOTOS, method='stpm')",
        "open(RUN)",
        "export(RUN, to='onnx')",
    ],
)
def test_a_verb_that_needs_torch_raises_missing_extra_error(verb: str, photos: Path, copy: Path) -> None:
    call = verb.replace("PHOTOS", repr(str(photos))).replace("RUN", repr(str(copy)))
    done = run(f"{HIDE_TORCH}import blemish\ntry:\n    blemish.{call}\nexcept blemish.BlemishError as e:\n    print(e)")
    assert INSTALL in done.stdout, done.stderr


def with_a_test_set(folder: Path, photos: Path) -> Path:
    test = folder / "test"
    test.mkdir(parents=True)
    (test / "good").symlink_to(photos)
    (test / "hole").symlink_to(photos)
    return folder


def unknown_photo_like(photo: Path, place: Path) -> Path:
    place.write_bytes(photo.read_bytes() + b"\0")
    return place
