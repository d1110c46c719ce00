"""The user's way, as commands."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from blemish.data.dataset import Dataset
from blemish.data.made_up import TEXTURES
from blemish.detectors import DEFAULT_METHOD
from commands import blemish, one_line, started


@pytest.fixture(scope="module")
def run(parts: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "model"
    options = ("--teacher", "efficientnet_lite0", "--image-size", "64", "--batch-size", "8", "--steps", "40")
    done = blemish("train", "stpm", parts.root / "train" / "good", folder, *options)
    assert done.code == 0, done.err
    assert any("threshold" in line for line in done.out)
    said = ["good parts: 90 photos", "  width x height: 64x64", "  kinds: PNG colour"]
    assert done.err[:3] == said
    assert done.err[3].startswith("most unusual first: ")  # and no bars, for it is no terminal
    (kinds,) = [line for line in done.err[4:] if not line.startswith("training: ")]  # which slow machines say
    assert kinds.startswith("good photos are of two kinds at least, 60 photos such as ")
    return folder


def test_help_lists_the_commands() -> None:
    command = [sys.executable, "-m", "blemish", "--help"]  # as a user starts it
    done = subprocess.run(command, capture_output=True, text=True, cwd="/")
    assert done.returncode == 0
    for name in ("train", "predict", "evaluate", "demo"):
        assert name in done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux")
def test_a_full_disk_under_what_is_printed_is_said_in_one_line() -> None:
    for words in (["--version"], ["summarize", "--help"]):
        one_line(started(*words, out=Path("/dev/full")).wait(), "what is printed cannot be written (No space left")


def test_every_setting_is_an_option_with_its_help() -> None:
    said = "\n".join(blemish("train", "stpm", "--help").out)
    for option in ("--image-size", "--teacher", "--teacher-weights", "--steps", "--seed", "--batch-size", "--resume"):
        assert option in said
    assert "Step size of SGD" in said


def test_predict_gives_a_line_and_verdict_per_photo_and_exit_code_1(run: Path, parts: Dataset, tmp_path: Path) -> None:
    defective = next(sample.image for sample in parts.test if sample.anomalous)
    photos = (defective, parts.root / "test" / "good")
    done = blemish("predict", run, *photos, "--output", tmp_path / "out", "--save", "all-overlays,maps")
    lines = done.out
    assert len(lines) == 1 + sum(not sample.anomalous for sample in parts.test)
    verdicts = [line.split()[0] for line in lines]
    assert set(verdicts) <= {"normal", "anomalous", "unusual"}
    assert done.code == (set(verdicts) != {"normal"})
    written = [json.loads(line) for line in (tmp_path / "out" / "predictions.jsonl").read_text().splitlines()]
    assert [line["verdict"] for line in written] == verdicts
    assert written[0]["image"] == str(defective)
    with Image.open(tmp_path / "out" / written[0]["map"]) as anomaly_map:
        assert (anomaly_map.mode, anomaly_map.size) == ("F", (64, 64))
        assert max(anomaly_map.get_flattened_data()) == written[0]["anomaly_score"]
    with Image.open(tmp_path / "out" / written[0]["overlay"]) as overlay:
        assert overlay.mode == "RGB"
        assert overlay.width >= 64 and overlay.height > 64  # its caption below
    assert len(list((tmp_path / "out" / "overlays").iterdir())) == len(lines)  # equal names harm nothing


def test_an_unreadable_photo_gives_its_line_and_harms_no_other(run: Path, parts: Dataset, tmp_path: Path) -> None:
    broken = tmp_path / "brøken one.png"
    broken.write_text("no picture")
    done = blemish("predict", run, broken, parts.test[0].image, "--output", tmp_path / "out")
    stopped = not done.out[0].startswith("normal")
    assert done.code == (1 if stopped else 2)
    assert len(done.out) == 1
    assert len(done.err) == 1 + stopped
    assert "brøken one.png" in done.err[0]
    first = json.loads((tmp_path / "out" / "predictions.jsonl").read_text().splitlines()[0])
    assert first["verdict"] == "unreadable"


def test_a_place_that_is_not_there_gives_its_line_and_the_others_are_judged(run: Path, parts: Dataset) -> None:
    done = blemish("predict", run, "/nowhere/photo.png", parts.test[0].image)
    stopped = not done.out[0].startswith("normal")
    assert done.code == (1 if stopped else 2)
    assert len(done.out) == 1
    assert "/nowhere/photo.png" in done.err[0]
    assert len(done.err) == 1 + stopped


def test_evaluate_measures_and_writes_what_it_says(run: Path, parts: Dataset, tmp_path: Path) -> None:
    done = blemish("evaluate", run, parts.root, "--output", tmp_path)
    assert done.code == 0, done.err
    evaluation = json.loads((tmp_path / "evaluation.json").read_text())
    for name in ("image_auroc", "pixel_auroc", "pixel_ap", "pro"):
        assert f"{evaluation['metrics'][name]:.4f}" in "\n".join(done.out)
    assert evaluation["metrics"]["pixel_auroc"] > 0.7  # synthetic defects stand out after a few steps already
    assert "rounded at 0.5" in evaluation["mask_rule"]
    assert evaluation["good_photos"] + evaluation["defective_photos"] == len(parts.test)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("predict", "/nowhere", "x.png"), "model.json"),
        (("train", "stpm", "/nowhere", "/tmp/never"), "/nowhere"),
        (("train", "stpm", ".", "/tmp/never", "--dataset", "mvtec"), "mvtec"),
        (("evaluate", "/nowhere", "/nowhere"), "model.json"),
    ],
)
def test_an_error_is_one_line_and_exit_code_2(arguments: tuple[str, ...], said: str) -> None:
    one_line(blemish(*arguments), said)


def test_the_demo_leaves_a_folder_alone_that_no_demo_made(tmp_path: Path) -> None:
    photo = tmp_path / "brick" / "photo.png"
    photo.parent.mkdir()
    photo.write_bytes(b"somebody's")
    done = blemish("demo", tmp_path)
    assert done.code == 2
    assert "holds other files" in done.err[0]
    one_line(blemish("demo", photo), "is a file: give a new folder")
    assert photo.exists()


def test_the_demo_trains_judges_and_reports_on_every_kind_of_part(tmp_path: Path) -> None:
    counts = {"train": 12, "validation": 20, "good": 4, "defective": 6}
    smaller = f"import blemish.studies.demo as d; d.DEMO_SIZE = 64; d.COUNTS = {counts}"  # seconds instead of minutes
    done = blemish("demo", tmp_path / "demo", "--steps", "2", first=smaller)
    assert done.code == 0, done.err
    assert [line.split()[:3] for line in done.out[1:4]] == [[kind, "32", "10"] for kind in TEXTURES]
    for kind, line in zip(TEXTURES, done.out[1:4], strict=True):
        evaluation = json.loads((tmp_path / "demo" / kind / "evaluation.json").read_text())
        assert (evaluation["good_photos"], evaluation["defective_photos"]) == (4, 6)
        assert f"{evaluation['metrics']['image_auroc']:.3f}" in line
        assert (tmp_path / "demo" / kind / "report.html").exists()
        assert len((tmp_path / "demo" / kind / "predictions" / "predictions.jsonl").read_text().splitlines()) == 10
    run = json.loads((tmp_path / "demo" / "brick" / "model" / "run.json").read_text())
    assert run["method"] == DEFAULT_METHOD
    training = json.loads((tmp_path / "demo" / "brick" / "model" / "model.json").read_text())["training"]
    assert (training["trained_on"], training["calibrating"]) == (12, 20), "thresholds come from parts of their own"
    (command,) = [line.split() for line in done.out if line.strip().startswith("blemish train")]
    assert command[2:4] == [run["photos"]["root"], "NEW_RUN"]
    for option, value in zip(command[4::2], command[5::2], strict=True):
        told = (run["settings"] | run["training"])[option[2:].replace("-", "_")]
        assert value == str(told[0] if isinstance(told, list) else told), option
    for wrong in (("--steps", "0"), ("--seed", "-1")):
        assert blemish("demo", tmp_path / "demo", *wrong).code == 2
        assert (tmp_path / "demo" / "brick" / "report.html").exists()


def test_a_mistyped_option_is_answered_with_the_right_one() -> None:
    done = blemish("train", "stpm", "a", "b", "--sede", "1")
    assert done.code == 2
    assert "--seed" in "\n".join(done.err)


def test_a_terminal_sees_a_bar_with_rate_and_time_left(photos: Path, tmp_path: Path) -> None:
    leader, follower = pty.openpty()
    options = ["--teacher", "efficientnet_lite0", "--image-size", "64", "--batch-size", "4", "--steps", "9"]
    arguments = ("train", "stpm", str(photos), str(tmp_path / "run"), *options)
    terminal = "import os; os.environ |= {'TERM': 'xterm', 'COLUMNS': '120'}"
    process = started(*arguments, err=Path(os.ttyname(follower)), first=terminal)
    seen = b""
    while (waiting := select.select([leader], [], [], 0.05)[0]) or process.is_alive():
        seen += os.read(leader, 4096) if waiting else b""
    os.close(leader)
    os.close(follower)
    assert process.wait().code == 0
    assert b"training" in seen and b"student" not in seen
    assert b"9/9" in seen
    assert b"/s" in seen
    assert b"0:00:" in seen


@pytest.mark.parametrize("device", ["cuda", "mps", "gpu"])
def test_a_device_that_is_not_there_is_one_line(run: Path, parts: Dataset, device: str) -> None:
    if device == "cuda" and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    done = blemish("predict", run, parts.test[0].image, "--runtime", "torch", "--device", device)
    assert done.code == 2
    assert len(done.err) == 1
    assert "device" in done.err[0]


def test_a_mistake_of_ours_has_an_exit_code_of_its_own() -> None:
    done = blemish("demo", "x", first="import blemish.studies.demo as d; d._clear = lambda _: 1 / 0")
    assert done.code == 70
    assert any("ZeroDivisionError" in line for line in done.err)
    assert done.err[-1].startswith("blemish: this is a mistake in blemish")


def test_sigterm_loses_no_line_that_was_said_and_none_that_was_written(
    run: Path, parts: Dataset, tmp_path: Path
) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    large = Image.open(parts.test[0].image).resize((700, 700))  # so that writing takes longer than judging
    large.save(photos / "0.png")
    for number in range(1, 300):
        (photos / f"{number}.png").hardlink_to(photos / "0.png")
    os.mkfifo(tmp_path / "said")
    process = started("predict", run, photos, "--output", out, "--save", "all-overlays", out=tmp_path / "said")
    with (tmp_path / "said").open() as said_now:
        lines = [said_now.readline() for _ in range(9)]  # are not kept back for the others
        process.signal(signal.SIGTERM)
        lines += said_now.readlines()
    done = process.wait()
    assert done.code == 143
    (error,) = done.err
    assert re.fullmatch(r"blemish: stopped after \d+ of 300 photos", error)
    said = [line.strip().split("  (unusual")[0].split("  ")[-1] for line in lines]
    written = [json.loads(line)["image"] for line in (out / "predictions.jsonl").read_text().splitlines()]
    assert written == said
    assert len(written) < 300
    assert len(list((out / "overlays").iterdir())) == len(written)


def test_too_little_memory_is_one_line() -> None:
    one_line(
        blemish("demo", "x", first="import blemish.studies.demo as d; d._clear = lambda _: bytes(1 << 60)"),
        "blemish: out of memory",
    )
