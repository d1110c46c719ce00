"""The base installation has no torch: whatever needs it says so in one line, with what to install."""

from pathlib import Path

import pytest

from bare import HIDE_TORCH, Bare
from commands import one_line

COMMAND = HIDE_TORCH + "from blemish.__main__ import main; main()"
INSTALL = "torch, which is not installed: pip install 'blemish[train]'"


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
    command: str, photos: Path, copy: Path, tmp_path: Path, bare: Bare
) -> None:
    places = {"PHOTOS": str(photos), "RUN": str(copy), "NEW": str(tmp_path / "new")}
    words = command.split()
    for name, place in places.items():
        words = [word.replace(name, place) for word in words]
    if words[0] == "evaluate":
        words[2] = str(with_a_test_set(tmp_path / "set", photos))
    if words[0] == "calibrate":
        words[3] = str(unknown_photo_like(next(photos.iterdir()), tmp_path / "unknown.png"))
    done = bare.run(COMMAND, *words)
    one_line(done, INSTALL)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("command", ["check PHOTOS", "calibrate RUN --false-alarms 0.2", "report RUN"])
def test_a_command_that_needs_no_torch_does_its_work(command: str, photos: Path, copy: Path, bare: Bare) -> None:
    done = bare.run(COMMAND, *command.replace("PHOTOS", str(photos)).replace("RUN", str(copy)).split())
    assert done.code == 0, done.err


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
def test_a_verb_that_needs_torch_raises_missing_extra_error(verb: str, photos: Path, copy: Path, bare: Bare) -> None:
    call = verb.replace("PHOTOS", repr(str(photos))).replace("RUN", repr(str(copy)))
    program = f"{HIDE_TORCH}import blemish\ntry:\n    blemish.{call}\nexcept blemish.BlemishError as e:\n    print(e)"
    done = bare.run(program)
    assert INSTALL in "\n".join(done.out), done.err


def with_a_test_set(folder: Path, photos: Path) -> Path:
    test = folder / "test"
    test.mkdir(parents=True)
    (test / "good").symlink_to(photos)
    (test / "hole").symlink_to(photos)
    return folder


def unknown_photo_like(photo: Path, place: Path) -> Path:
    place.write_bytes(photo.read_bytes() + b"\0")
    return place
