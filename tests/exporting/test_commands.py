"""`blemish export` and `blemish verify` as a user gives them."""

import shutil
from pathlib import Path

from blemish.data.dataset import Dataset
from commands import blemish


def test_export_says_how_far_it_is_from_the_model_and_what_was_kept(run: Path, tmp_path: Path, parts: Dataset) -> None:
    model = Path(shutil.copytree(run, tmp_path / "run"))
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    done = blemish("export", model, "--to", "onnx", "--photos", parts.test[0].image, "--photos", broken)
    assert done.code == 2  # for the broken photo; the export was made
    assert done.out[0].startswith("onnx fp32, compared with the trained model on ")
    assert "; 0 of " in done.out[0]
    assert done.out[1].startswith(f"kept in {model / 'exports' / 'onnx-fp32'} (")
    assert [line.count("broken.png") for line in done.err] == [1]


def test_int8_says_its_own_threshold(run: Path, tmp_path: Path) -> None:
    model = Path(shutil.copytree(run, tmp_path / "run"))
    done = blemish("export", model, "--to", "onnx", "--precision", "int8")
    assert done.code == 0
    assert done.err == []
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
