"""A photo that is none of the part is called unusual by every runtime, command and record, and hides no defect."""

import json
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import blemish
from blemish.cli.predict import predict as predict_command
from blemish.data.dataset import Dataset, Sample
from blemish.data.images import read_image, save_png
from blemish.evaluation.evaluate import evaluate_predictor
from blemish.inference.predictor import Predictor
from blemish.model.artifact import MODEL_FILE, read_artifact
from blemish.results.overlays import picture
from copies import copied


@pytest.fixture(scope="module")
def predictor(stpm_exported: Path) -> Predictor:
    return blemish.open(stpm_exported, runtime="onnx")


@pytest.fixture
def foreign(parts: Dataset, tmp_path: Path) -> dict[str, Path]:
    good = read_image(parts.train[0].image)
    photos = {"black": np.zeros_like(good), "small": good[::8, ::8].copy(), "wide": good[: len(good) // 2].copy()}
    for name, photo in photos.items():
        save_png(tmp_path / "foreign" / f"{name}.png", photo.astype(np.uint8))
    return {name: tmp_path / "foreign" / f"{name}.png" for name in photos}


def test_foreign_photos_are_told_and_every_runtime_says_the_same(stpm_exported: Path, foreign: dict[str, Path]) -> None:
    for name, path in foreign.items():
        said = set()
        for runtime, precision in (("onnx", "fp32"), ("openvino", "int8")):
            found = blemish.open(stpm_exported, runtime=runtime, precision=precision).predict(path)
            assert found.verdict in ("unusual", "anomalous"), name
            said.add((found.unusual_reason, found.unusualness))
        assert len(said) == 1 and None not in {reason for reason, _ in said}


def test_good_photos_are_usual_as_far_as_is_promised(predictor: Predictor, parts: Dataset) -> None:
    good = [sample.image for sample in parts.test if not sample.anomalous]
    unusual = sum(predictor.predict(path).unusual_reason is not None for path in good)
    assert unusual <= predictor.calibration.unusual_rate * len(good)


def test_a_score_above_the_threshold_is_anomalous_and_the_reason_is_told_all_the_same(
    predictor: Predictor, foreign: dict[str, Path]
) -> None:
    found = predictor.predict(foreign["black"])
    high, low = (
        replace(found, thresholds=replace(found.thresholds, image=value)) for value in (-1.0, found.anomaly_score)
    )
    assert (high.verdict, low.verdict) == ("anomalous", "unusual")
    assert high.alarm and low.alarm and not low.anomalous
    assert high.unusual_reason == low.unusual_reason is not None
    line = low.to_json()
    assert (line["verdict"], line["unusual_reason"]) == ("unusual", low.unusual_reason)
    assert line["unusualness"] > line["unusual_threshold"]
    plain = replace(low, thresholds=replace(low.thresholds, unusual=None))
    assert (plain.verdict, plain.unusual_reason) == ("normal", None)
    photo = read_image(foreign["black"])
    assert (picture(low, photo)[0, 0] == (255, 0, 255)).all() and (picture(plain, photo)[0, 0] != (255, 0, 255)).any()


def test_the_command_says_why_and_does_not_exit_with_0(
    stpm_exported: Path, foreign: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert predict_command(stpm_exported, foreign["small"]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.split()[0] in ("unusual", "anomalous")
    assert line.endswith("(unusual: much smaller: 8x8 where it learned 64x64 (width x height))")


def test_an_unusual_good_photo_is_a_false_alarm_and_an_unusual_defect_is_no_miss(
    predictor: Predictor, foreign: dict[str, Path]
) -> None:
    never = replace(predictor.calibration, image=replace(predictor.calibration.image, value=1e9))
    judge = Predictor(
        predictor.runtime, predictor.framing, score=predictor.score, calibration=never, usual=predictor.usual
    )
    samples = [
        Sample(image=foreign["black"], defect_type="good"),
        Sample(image=foreign["small"], defect_type="crack"),
        Sample(image=foreign["wide"], defect_type="crack"),
    ]
    found = evaluate_predictor(judge, samples)
    assert (found.false_alarms, found.unusual_good) == (1, 1)
    assert (found.misses, found.unusual_defective) == (0, 2)
    assert all(photo.unusual_reason for photo in found.photos)
    assert found.defect_types["crack"].judged_anomalous == 2


def test_calibrating_anew_moves_the_limit_where_all_new_photos_are_unusual(
    stpm_run: Path, parts: Dataset, tmp_path: Path
) -> None:
    run = copied(stpm_run, tmp_path / "run")
    for number, sample in enumerate(parts.train[:9]):
        darker = (read_image(sample.image) * 0.02).astype(np.uint8)
        save_png(tmp_path / "dark" / f"{number}.png", darker)
    before = blemish.open(run).predict(tmp_path / "dark" / "0.png")
    assert before.unusual_reason is not None
    blemish.calibrate(run, good=tmp_path / "dark", accept=True)
    calibration = read_artifact(run).calibration
    assert calibration.unusual is not None and before.thresholds.unusual is not None
    assert calibration.unusual > before.thresholds.unusual
    assert blemish.open(run).predict(tmp_path / "dark" / "0.png").unusual_reason is None
    assert len(calibration.watched["brightness"]) == 9  # how it is now


def test_photos_of_a_new_light_are_told_once_at_the_end_of_judging(
    stpm_exported: Path, parts: Dataset, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number, sample in enumerate(parts.train[:12]):
        brighter = np.clip(read_image(sample.image) * 1.6, 0, 255).astype(np.uint8)
        save_png(tmp_path / "new" / f"{number}.png", brighter)
    with caplog.at_level(logging.WARNING, "blemish"):
        list(blemish.predict(stpm_exported, tmp_path / "new", runtime="onnx"))
    (told,) = [record.message for record in caplog.records if "become others" in record.message]
    assert "brighter" in told and "--good NEW_PHOTOS`" in told
    caplog.clear()
    list(blemish.predict(stpm_exported, [s.image for s in parts.train[:12]], runtime="onnx"))
    assert not [record for record in caplog.records if "become others" in record.message]


def test_what_was_learned_lies_in_the_model_and_is_small(stpm_run: Path) -> None:
    learned = json.loads((stpm_run / MODEL_FILE).read_text(encoding="utf-8"))["usual"]
    assert len(json.dumps(learned)) < 200_000
    assert learned["sizes"] == [[64, 64]]
