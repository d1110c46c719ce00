"""The test vector of an export: each step, taken without Blemish, gives what the files say."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from PIL import Image

import blemish
from blemish.data.dataset import Dataset
from blemish.data.images import read_image, save_png
from blemish.errors import BlemishError, ExportError
from blemish.exporting.proof import ProofOutcome
from blemish.exporting.worked_example import choose_example_photo
from blemish.inference import open_predictor
from blemish.inference.openvino_untold import openvino
from blemish.model.artifact import file_sha256, read_artifact
from blemish.model.exports import read_export
from copies import copied


def run_graph(export: Path, images: np.ndarray) -> np.ndarray:
    """As an integrator would."""
    if (export / "model.onnx").exists():
        session = onnxruntime.InferenceSession(export / "model.onnx", providers=["CPUExecutionProvider"])
        return np.asarray(session.run(["anomaly_map"], {"images": images})[0])
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    model = openvino.Core().compile_model(export / "model.xml", "CPU", settings)
    return np.asarray(model({"images": images})["anomaly_map"])


def check_every_step(export: Path) -> None:
    vector = export / "test_vector"
    expected = json.loads((vector / "expected.json").read_text())
    photo = Image.open(vector / "photo.png")
    assert [photo.height, photo.width] == expected["photo_size"]
    height, width = expected.get("map_size", expected["image_size"])
    top, left = expected.get("map_origin", (0, 0))
    rows, columns = expected.get("canvas_size", expected["image_size"])
    resized = np.array(photo.resize((width, height), Image.Resampling.BILINEAR))
    borders = [(top, rows - top - height), (left, columns - left - width), (0, 0)]
    canvas = np.pad(resized, borders, mode="symmetric")
    np.testing.assert_array_equal(canvas, np.array(Image.open(next(vector.glob("[fc]*a*[1s].png")))))
    images = canvas.astype(np.float32).transpose(2, 0, 1)[None] / np.float32(255)
    if "windows" in expected:
        joined = joined_by_hand(export, images, expected)
    else:
        (joined,) = run_graph(export, images)[:, 0]
    anomaly_map = joined[top : top + height, left : left + width]
    kept = np.array(Image.open(vector / "anomaly_map.tiff"))
    np.testing.assert_allclose(anomaly_map, kept, rtol=0, atol=1e-5 * kept.max())
    assert expected["map_mean"] == pytest.approx(anomaly_map.mean(), rel=1e-4)
    assert expected["map_max"] == pytest.approx(anomaly_map.max(), rel=1e-4)
    assert expected["score_kind"] == "maximum"
    assert expected["anomaly_score"] == pytest.approx(anomaly_map.max(), rel=1e-4)
    assert expected["verdict"] == ("anomalous" if expected["anomaly_score"] > expected["threshold"] else "normal")


def joined_by_hand(export: Path, canvas: np.ndarray, expected: dict[str, Any]) -> np.ndarray:
    """The maps of all tiles of a canvas (1, 3, h, w), added up as the steps say."""
    (height, width), joined = expected["image_size"], np.zeros(canvas.shape[2:])
    tiles = np.concatenate([canvas[:, :, y : y + height, x : x + width] for y, x in expected["windows"]])
    last = [max(window[axis] for window in expected["windows"]) for axis in (0, 1)]
    for found, place in zip(run_graph(export, tiles)[:, 0], expected["windows"], strict=True):
        weights = []
        for axis, side in enumerate((height, width)):
            margin, fading = expected["margin"][axis], expected["fading"][axis]
            share = (np.arange(1, fading + 1) - 0.5) / fading
            outer = np.concatenate([np.zeros(margin), share * share * (3 - 2 * share)])
            of_axis = np.ones(side)
            if place[axis] > 0:
                of_axis[: len(outer)] = outer
            if place[axis] < last[axis]:
                of_axis[side - len(outer) :] = outer[::-1]
            weights.append(of_axis)
        joined[place[0] : place[0] + height, place[1] : place[1] + width] += np.outer(*weights) * found
    return joined


@pytest.mark.usefixtures("small_proof")
def test_tiles_are_judged_alike_by_who_follows_the_steps(stpm_run: Path, tmp_path: Path) -> None:
    model = copied(stpm_run, tmp_path / "run")
    values = json.loads((model / "model.json").read_text())
    values["framing"] |= {"tile": 60, "overlap": 32}
    (model / "model.json").write_text(json.dumps(values))
    blemish.export(model, to="onnx")
    check_every_step(model / "exports" / "onnx-fp32")
    assert verified(model).framing_difference == 0
    session = onnxruntime.InferenceSession(model / "exports/onnx-fp32/model.onnx", providers=["CPUExecutionProvider"])
    described = json.loads(session.get_modelmeta().custom_metadata_map["blemish"])
    assert (described["framing"]["tile"], described["framing"]["overlap"]) == (60, 32)
    steps = " ".join(json.loads((model / "exports/onnx-fp32/test_vector/expected.json").read_text())["steps"])
    assert "cut a tile of 64 x 64 at each of `windows`" in steps


@pytest.mark.parametrize("kind", ["onnx-fp32", "openvino-fp32", "openvino-int8"])
def test_every_step_without_blemish_gives_what_the_files_say(exported: Path, kind: str) -> None:
    check_every_step(exported / "exports" / kind)


def test_the_answers_are_the_exports_own_and_so_are_the_thresholds(exported: Path) -> None:
    for precision in ("fp32", "int8"):
        vector = exported / "exports" / f"openvino-{precision}" / "test_vector"
        expected = json.loads((vector / "expected.json").read_text())
        found = open_predictor(exported, runtime="openvino", precision=precision).predict(vector / "photo.png")
        assert expected["anomaly_score"] == pytest.approx(found.anomaly_score, rel=1e-5)
        assert (expected["threshold"], expected["verdict"]) == (found.threshold, found.verdict)


def test_the_steps_name_each_file_and_what_is_done(exported: Path) -> None:
    vector = exported / "exports" / "onnx-fp32" / "test_vector"
    steps = " ".join(json.loads((vector / "expected.json").read_text())["steps"])
    for word in ("RGB", "BILINEAR", "64 x 64", "divide by 255", "NCHW", "highest value", "check_threshold"):
        assert word in steps
    for name in ("photo.png", "photo.jpg", "frame_1.png", "anomaly_map.tiff"):
        assert name in steps
        assert (vector / name).exists()


def test_nothing_is_kept_twice(exported: Path) -> None:
    folder = exported / "exports" / "onnx-fp32"
    # The photos are of the network's size here, so that nothing is resized.
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "frame_1.png"]
    assert len({file_sha256(path) for path in files}) == len(files)
    assert sorted(path.name for path in (folder / "proof").iterdir()) == [
        "2.png",
        "answers.safetensors",
    ]


def test_a_jpeg_among_the_photos_is_kept_as_it_is(tmp_path: Path, parts: Dataset) -> None:
    Image.open(parts.test[0].image).save(tmp_path / "photo.jpg", quality=70)
    photo, place = choose_example_photo([parts.test[1].image, tmp_path / "photo.jpg", parts.test[2].image])
    assert place == 1
    assert photo.jpeg == (tmp_path / "photo.jpg").read_bytes()
    np.testing.assert_array_equal(photo.pixels, read_image(tmp_path / "photo.jpg"))


def test_a_photo_of_16_bits_needs_no_jpeg(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 65536, (40, 50), np.uint16)
    save_png(tmp_path / "deep.png", pixels)
    photo, _ = choose_example_photo([tmp_path / "deep.png"])
    assert photo.jpeg is None
    np.testing.assert_array_equal(photo.pixels[:, :, 0], pixels)


def change_levels(path: Path, *, by: int) -> None:
    """As another decoder would: all pixels brighter by so many levels."""
    pixels = np.array(Image.open(path)).astype(int) + by
    changed = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    changed.save(path, quality=95, subsampling=0)  # which PNG does not heed


def verified(model: Path) -> ProofOutcome:
    (outcome,) = blemish.verify(model, runtime="onnx").values()
    if isinstance(outcome, BlemishError):
        raise outcome
    return outcome


def mend_checksum(model: Path, name: str) -> None:
    path = model / "exports" / "onnx-fp32" / "export.json"
    values = json.loads(path.read_text())
    values["proof"][name] = file_sha256(path.parent / name)
    path.write_text(json.dumps(values))


def test_verify_tells_a_machine_that_decodes_jpeg_otherwise(copy: Path) -> None:
    """The JPEG file is another one, as a decoder with other levels would read the same one."""
    vector = copy / "exports" / "onnx-fp32" / "test_vector"
    assert verified(copy).jpeg_difference == 0
    change_levels(vector / "photo.jpg", by=40)
    mend_checksum(copy, "test_vector/photo.jpg")
    with pytest.raises(
        ExportError, match=r"onnx fp32: JPEG files are decoded otherwise on this machine \(by \d+ of 255"
    ):
        verified(copy)


def test_verify_allows_a_level_of_rounding_and_says_so(copy: Path) -> None:
    vector = copy / "exports" / "onnx-fp32" / "test_vector"
    change_levels(vector / "frame_1.png", by=1)
    mend_checksum(copy, "test_vector/frame_1.png")
    outcome = verified(copy)
    assert outcome.framing_difference == 1
    assert "the resizing here differs by 1.0 of 255 levels at most" in str(outcome)


def test_verify_tells_a_machine_that_resizes_otherwise(copy: Path) -> None:
    vector = copy / "exports" / "onnx-fp32" / "test_vector"
    change_levels(vector / "frame_1.png", by=9)
    mend_checksum(copy, "test_vector/frame_1.png")
    with pytest.raises(ExportError, match="photos are resized otherwise on this machine"):
        verified(copy)


def test_verify_names_another_resizing_rather_than_the_scores_that_come_of_it(exported: Path) -> None:
    proven = verified(exported)
    otherwise = replace(proven, framing_difference=99.0, parity=replace(proven.parity, score_difference=0.5))
    with pytest.raises(ExportError, match="photos are resized otherwise on this machine"):
        otherwise.check("fp32", of="onnx fp32")


@pytest.mark.usefixtures("small_proof")
def test_photos_given_as_jpeg_are_proven_with_one_of_them(stpm_run: Path, tmp_path: Path, parts: Dataset) -> None:
    model = copied(stpm_run, tmp_path / "run")
    Image.open(parts.test[0].image).resize((210, 150)).save(tmp_path / "given.jpg", quality=70)
    blemish.export(model, to="onnx", photos=[tmp_path / "given.jpg"])
    export = read_export(read_artifact(model), "onnx", "fp32")
    assert (export.folder / "test_vector" / "photo.jpg").read_bytes() == (tmp_path / "given.jpg").read_bytes()
    assert verified(model).jpeg_difference == 0
    check_every_step(export.folder)
