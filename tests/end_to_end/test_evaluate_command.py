"""`blemish evaluate` and `blemish summarize`, as commands."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import blemish
from blemish.cli.evaluate import evaluate, line_of_misses, lines_of_evaluation
from blemish.data.dataset import Dataset
from blemish.errors import SettingsError
from blemish.evaluation.next_steps import NextStep
from blemish.evaluation.record import PartCounts, read_evaluation, write_evaluation
from blemish.model.provenance import Provenance
from commands import blemish as command
from copies import copied
from evaluation.example import EVALUATION


@pytest.fixture(scope="module")
def run(stpm_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(stpm_run, tmp_path_factory.mktemp("runs") / "a run")


@pytest.fixture
def test_set(parts: Dataset, tmp_path: Path) -> Path:
    """A copy that may be harmed."""
    for name in ("test", "ground_truth"):
        shutil.copytree(parts.root / name, tmp_path / "parts" / name)
    return tmp_path / "parts"


def test_every_figure_is_printed_with_its_interval_and_kept_in_the_run(run: Path, parts: Dataset) -> None:
    done = command("evaluate", run, parts.root, "--no-report")
    assert done.code == 0, done.err
    assert done.err == []
    found = read_evaluation(run / "evaluation" / "evaluation.json")
    digest = hashlib.sha256((run / "weights.safetensors").read_bytes()).hexdigest()
    assert found.provenance == Provenance(
        method="stpm", weights_sha256=digest, runtime="torch", precision="fp32", blemish_version=blemish.__version__
    )
    for name, value in found.metrics.items():
        low, high = found.intervals[name] or (None, None)
        span = f"{low:.4f} to {high:.4f}" if low is not None else "-"
        assert f"{name:<15}{value:.4f}  {span}" in done.out
    assert found.intervals["pixel_ap"] is not None
    assert f"{found.misses} of {found.defective_photos} defective photos (" in "\n".join(done.out)
    for name in found.defect_types:
        assert name in "\n".join(done.out)
    assert not (run / "evaluation" / "report.html").exists()


def test_what_a_quality_engineer_asks_is_printed_before_the_figures_for_ml_engineers() -> None:
    told = "\n".join(lines_of_evaluation(EVALUATION))
    for_all, heading, for_ml = told.partition("for ML engineers")
    assert heading
    assert "false alarms  0 of 1 good photos" in for_all and "misses        1 of 1" in for_all and "größe 2" in for_all
    assert "image_auroc" in for_ml and "Image AUROC" in for_ml
    for word in ("auroc", "iap", "loss", "student", "held", "bf16"):
        assert word not in for_all.lower()


def test_a_promise_is_printed_in_its_unit_beside_a_count_of_that_unit() -> None:
    parts = PartCounts(parts=4, alarmed=2, alarm_interval=None, marked=2)
    of_parts = replace(EVALUATION, promised_rate=0.05, good_photos=8, false_alarms=2, good_parts=parts)
    told = lines_of_evaluation(of_parts)
    assert "                2 of 4 good parts with any photo above" in told
    assert (
        "                promised: at most 5 % of good parts are expected to have a photo above the threshold, or an "
        "unusual one" in told
    )
    assert not any("do not test that" in line for line in told)
    told = lines_of_evaluation(replace(of_parts, good_parts=None))
    assert any("do not test that: it is of parts" in line for line in told)
    estimate = "an estimate, not a promise: 1 % of good parts are thought to have a photo above the threshold"
    assert any(estimate in line for line in lines_of_evaluation(EVALUATION))


def test_an_unreadable_photo_and_a_wrong_mask_are_a_line_each_and_exit_code_2(
    run: Path, test_set: Path, tmp_path: Path
) -> None:
    photos = sorted((test_set / "test").rglob("*.png"))
    photos[0].write_bytes(photos[0].read_bytes()[:200])
    mask = sorted((test_set / "ground_truth").rglob("*.png"))[-1]
    mask.write_text("no picture")
    done = command("evaluate", run, test_set, "--output", tmp_path / "out", "--no-report")
    assert done.code == 2
    first, second = done.err
    assert first.startswith(f"blemish: left out: {photos[0]}: ")
    assert second.startswith(f"blemish: {mask}: ")
    assert second.endswith("its photo counts in metrics of images only")
    assert "no masks of 1 defective photo: " in "\n".join(done.out)
    assert len(read_evaluation(tmp_path / "out" / "evaluation.json").photos) == len(photos) - 1


def test_a_training_photo_among_the_test_photos_is_warned_of(
    run: Path, parts: Dataset, test_set: Path, tmp_path: Path
) -> None:
    copy = test_set / "test" / "good" / "copy.png"
    shutil.copy(parts.train[0].image, copy)
    done = command("evaluate", run, test_set, "--output", tmp_path / "out", "--no-report")
    assert done.code == 0
    assert done.err[0].startswith(
        "blemish: 1 test photos are copies of photos the model was trained or calibrated with"
    )
    assert str(copy) in done.err[0]
    assert len(done.err) == 1
    assert read_evaluation(tmp_path / "out" / "evaluation.json").duplicates == [str(copy)]
    assert blemish.evaluate(run, test_set).duplicates == [str(copy)]


def test_a_model_that_was_calibrated_on_parts_is_measured_on_parts(run: Path, parts: Dataset, tmp_path: Path) -> None:
    copy = copied(run, tmp_path / "of parts")
    model = json.loads((copy / "model.json").read_text())
    model["training"]["settings"]["part"] = "(.+)."  # 000 to 023 show the parts 00, 01 and 02
    model["calibration"]["unit"] = "parts"
    (copy / "model.json").write_text(json.dumps(model))
    found = blemish.evaluate(copy, parts)
    assert found.unit == "parts"
    assert found.good_parts is not None and found.good_parts.parts == 3 < found.good_photos == 24
    done = command("evaluate", copy, parts.root, "--no-report")
    assert "of 3 good parts with any photo above" in "\n".join(done.out)
    assert "of good parts are expected to have a photo above the threshold" in "\n".join(done.out)


def test_an_output_folder_that_is_a_file_is_refused_before_photos_are_judged(
    run: Path, parts: Dataset, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("somebody's")
    done = command("evaluate", run, parts.root, "--output", tmp_path / "file")
    assert done.code == 2
    assert done.err[0].startswith(f"blemish: cannot write {tmp_path / 'file'}: ")
    assert len(done.err) == 1
    assert done.out == []


def test_seeds_are_summarized_from_run_folders_and_files(tmp_path: Path) -> None:
    run, file = tmp_path / "run", tmp_path / "second.json"
    write_evaluation(replace(EVALUATION, metrics={"image_auroc": 0.9}), run / "evaluation" / "evaluation.json")
    write_evaluation(replace(EVALUATION, metrics={"image_auroc": 0.8}), file)
    done = command("summarize", run, file)
    assert done.code == 0, done.err
    (line,) = [line for line in done.out if line.startswith("image_auroc")]
    assert line.split() == ["image_auroc", "0.8500", "0.0707", "0.8000", "0.9000"]


def test_what_cannot_be_summarized_is_one_line(tmp_path: Path) -> None:
    file, other, damaged = (tmp_path / f"{name}.json" for name in ("evaluation", "other", "damaged"))
    write_evaluation(EVALUATION, file)
    write_evaluation(replace(EVALUATION, photos=EVALUATION.photos[:1]), other)
    damaged.write_text(file.read_text()[:100])
    said = {
        "cannot be compared": (file, other),
        "damaged.json cannot be read": (file, damaged),
        "given twice": (file, tmp_path),
        "two or more": (file,),
        "no such file": (file, tmp_path / "nowhere"),
    }
    for words, arguments in said.items():
        done = command("summarize", *arguments)
        assert done.code == 2
        assert words in done.err[0]
        assert len(done.err) == 1


def test_what_is_missed_leads_and_ends_the_output_with_what_to_do() -> None:
    few = replace(EVALUATION, misses=1, defective_photos=40)
    step = NextStep(evidence="Photos are shrunk.", action="Train with more pixels.", command="blemish train X")
    loud = lines_of_evaluation(replace(EVALUATION, misses=30, defective_photos=40), [step])
    assert loud[0] == loud[6] == f"+{'-' * (len(loud[0]) - 2)}+"
    assert "MISSED: 30 of 40 defective photos (75 %)" in loud[1]
    assert "Photos are shrunk." in loud[3] and "Next: Train with more pixels." in loud[4]
    assert "blemish train X" in loud[5]
    assert not any("MISSED" in line for line in lines_of_evaluation(few))
    assert line_of_misses(few) == "missed 1 of 40 defective photos (2.5 %); false alarms on 0 of 1 good photo (0 %)"


def test_limits_decide_the_exit_code_and_are_kept_in_the_file(
    run: Path, parts: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, out = tmp_path / "few", tmp_path / "out"
    for kind in ("good", "crack"):
        for photo in [sample.image for sample in parts.test if sample.defect_type == kind][:2]:
            (root / "test" / kind).mkdir(parents=True, exist_ok=True)
            shutil.copy(photo, root / "test" / kind)
    copy = copied(run, tmp_path / "blind")
    model = json.loads((copy / "model.json").read_text())
    model["calibration"]["image"]["value"] = 1e9  # every defect is missed
    model["calibration"]["unusual"] = 1e9  # and none is stopped for being unusual alone
    (copy / "model.json").write_text(json.dumps(model))
    ends = {}
    for misses, alarms in ((None, None), ("1", None), ("100%", "0")):
        code = evaluate(copy, root, output=out, report=False, max_misses=misses, max_false_alarms=alarms)
        printed = capsys.readouterr()
        assert "MISSED: 2 of 2 defective photos (100 %)" in printed.out.splitlines()[1]
        told = "missed 2 of 2 defective photos (100 %); false alarms on 0 of 2 good photos (0 %)"
        assert told in printed.out.splitlines()[-2:]
        ends[misses] = code, printed.err, read_evaluation(out / "evaluation.json").accepted
    failed = "blemish: not accepted: 2 of 2 defective photos are missed, 1 may be\n"
    assert list(ends.values()) == [(0, "", True), (1, failed, False), (0, "", True)]
    (root / "test" / "good" / "torn.png").write_bytes(b"\x89PNG")
    assert evaluate(copy, root, output=out, report=False, max_misses="2") == 2
    assert evaluate(copy, root, output=out, report=False, max_misses="1") == 1  # it is worse than 2
    with pytest.raises(SettingsError, match="max_misses is 'few'"):
        evaluate(copy, root, output=tmp_path / "never", report=False, max_misses="few")
    assert not (tmp_path / "never").exists()
