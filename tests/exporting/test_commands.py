"""`blemish export` and `blemish verify` as a user gives them."""

import json
import shutil
from pathlib import Path

import pytest

from blemish.data.dataset import Dataset
from commands import blemish, one_line
from copies import copied
from once import MadeOnce
from report.reading import Page


def test_export_says_how_far_it_is_from_the_model_and_what_was_kept(run: Path, tmp_path: Path, parts: Dataset) -> None:
    model = copied(run, tmp_path / "run")
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    done = blemish("export", model, "--to", "onnx", "--photos", parts.test[0].image, "--photos", broken)
    assert done.code == 2  # for the broken photo; the export was made
    assert done.out[0].startswith("onnx fp32, compared with the trained model on ")
    assert "; 0 of " in done.out[0]
    assert done.out[1].startswith(f"kept in {model / 'exports' / 'onnx-fp32'} (")
    assert [line.count("broken.png") for line in done.err] == [1]


def test_int8_says_its_own_threshold(run: Path, tmp_path: Path) -> None:
    model = copied(run, tmp_path / "run")
    done = blemish("export", model, "--to", "onnx", "--precision", "int8")
    assert done.code == 0
    assert [line for line in done.err if " left" not in line] == []  # how far it is, which slow machines say
    assert ", of its own; the trained model's is " in done.out[1]


def test_verify_finds_nothing_in_exports_as_they_were_made(copy: Path) -> None:
    assert blemish("verify", copy).code == 0


def test_verify_goes_on_after_an_export_that_disagrees_and_one_that_is_damaged(rounded_in_secret: Path) -> None:
    copy = rounded_in_secret
    done = blemish("verify", copy)
    assert done.code == 1
    assert [line.split(" agrees")[0] for line in done.out] == ["onnx fp32", "openvino int8"]
    assert done.err[0].startswith("blemish: openvino fp32 disagrees")
    (copy / "exports" / "onnx-fp32" / "model.onnx").unlink()
    done = blemish("verify", copy)
    assert done.code == 2
    assert [line.split(" agrees")[0] for line in done.out] == ["openvino int8"]
    assert blemish("verify", copy, "--runtime", "openvino", "--precision", "int8").code == 0


def test_a_model_without_exports_says_how_to_make_one(run: Path) -> None:
    done = blemish("verify", run)
    assert done.code == 2
    assert len(done.err) == 1
    assert f"`blemish export {run} --to onnx`" in done.err[0]


def test_predict_and_evaluate_take_a_precision_that_was_exported(copy: Path, parts: Dataset) -> None:
    done = blemish("predict", copy, parts.test[0].image, "--runtime", "openvino", "--precision", "int8")
    assert done.code in (0, 1)
    assert len(done.out) == 1
    refused = blemish("predict", copy, parts.test[0].image, "--precision", "bf16")
    assert (refused.code, refused.out, len(refused.err)) == (2, [], 1)


def test_verify_tries_the_others_where_one_cannot_be_read(copy: Path) -> None:
    (copy / "exports" / "onnx-fp32" / "export.json").write_text("{}")
    done = blemish("verify", copy)
    assert done.code == 2
    assert [line.split(" agrees")[0] for line in done.out] == ["openvino fp32", "openvino int8"]
    assert len(done.about("onnx-fp32")) == 1
    assert blemish("verify", copy, "--runtime", "openvino").code == 0


def test_calibrating_again_after_it_was_killed_between_export_and_model_counts_no_photo_twice(
    copy: Path, parts: Dataset, tmp_path: Path
) -> None:
    more = tmp_path / "more"
    more.mkdir()
    for sample in (s for s in parts.test if s.defect_type == "good"):
        shutil.copy(sample.image, more)
    before = (copy / "model.json").read_bytes()
    assert blemish("calibrate", copy, "--good", more).code == 0
    (copy / "model.json").write_bytes(before)  # as if killed before this was written
    one_line(blemish("calibrate", copy, "--good", more), "openvino-int8", "blemish export")
    assert blemish("calibrate", copy, "--false-alarms", "0.3").code == 0  # counts no photos
    assert blemish("calibrate", copy, "--good", more, "--replace", "--accept").code == 0


@pytest.fixture
def evaluated(exported: Path, parts: Dataset, made_once: MadeOnce, tmp_path: Path) -> Path:
    """A copy of the model as its int8 export was evaluated."""

    def evaluate(folder: Path) -> None:
        model = copied(exported, folder)
        assert blemish("evaluate", model, parts.root, "--runtime", "openvino", "--precision", "int8").code == 0

    return copied(made_once("evaluated-in-int8", evaluate), tmp_path / "evaluated")


def test_the_report_on_an_int8_evaluation_holds_its_own_thresholds_against_it(evaluated: Path) -> None:
    export = json.loads((evaluated / "exports" / "openvino-int8" / "export.json").read_text())
    own = export["calibration"]["image"]["value"]
    for again in (False, True):  # by evaluate, then by report
        page = Page(evaluated / "evaluation" / "report.html")
        assert "calibrated or trained anew" not in page.text
        assert "judged again" not in page.text
        assert f"threshold {own:.4g}" in page.text
        assert again or blemish("report", evaluated).code == 0
    shutil.rmtree(evaluated / "exports" / "openvino-int8")
    one_line(blemish("report", evaluated), "no int8 export for openvino")


@pytest.mark.parametrize("estimate", [(), ("--estimate",)])
def test_exports_are_still_proven_when_the_thresholds_were_set_anew(copy: Path, estimate: tuple[str, ...]) -> None:
    """So low that most of the kept photos would get another verdict by it."""
    assert blemish("calibrate", copy, "--false-alarms", "0.9", *estimate).code == 0
    done = blemish("verify", copy)
    assert (done.code, done.err) == (0, [])


def test_thresholds_of_its_own_take_every_photo_that_calibrated_the_model(
    run: Path, parts: Dataset, tmp_path: Path
) -> None:
    model = copied(run, tmp_path / "run")
    values = json.loads((model / "model.json").read_text())
    moved = Path(values["training"]["photos"][-1]["file"])
    values["training"]["photos"][-1]["file"] = str(tmp_path / "elsewhere.png")
    (model / "model.json").write_text(json.dumps(values))
    refused = blemish("export", model, "--to", "openvino", "--precision", "int8")
    one_line(refused, "some (1) are gone or changed", "elsewhere.png", "--photos")
    assert moved.parent == parts.train[0].image.parent
    assert blemish("export", model, "--to", "openvino", "--precision", "int8", "--photos", moved).code == 0


def test_level_maps_beside_an_int8_evaluation_are_refused_with_the_way_out(evaluated: Path) -> None:
    one_line(blemish("report", evaluated, "--level-maps"), "level maps are fp32's", "evaluate in fp32")
