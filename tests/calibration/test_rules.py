"""Rules are set and taken back like thresholds, and reach every verdict."""

from dataclasses import replace
from pathlib import Path

import pytest

import blemish
from blemish.cli import app
from blemish.data.dataset import Dataset
from blemish.errors import SettingsError
from blemish.inference.prediction import Prediction
from blemish.model.artifact import read_artifact
from blemish.model.rules import Rule, Rules
from copies import copied


def test_rules_are_kept_in_model_json_said_and_undone(
    stpm_run: Path, tmp_path: Path, parts: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    run = copied(stpm_run, tmp_path / "run")
    tested = parts.test[::5]
    photos = [sample.image for sample in tested]
    blemish.calibrate(run, false_alarms=0.7)
    before = [p for p in blemish.open(run).predict_many(photos) if isinstance(p, Prediction)]
    with pytest.raises(SystemExit, match="0"):
        app(["calibrate", str(run), "--rule", "length > 900 mm", "--rule", "count > 99", "--mm-per-pixel", "0.5"])
    said = capsys.readouterr().out
    assert "stopped where length > 900 mm or count > 99 (a pixel is 0.5 mm)" in said
    assert "defects that no rule means pass" in said
    rules = read_artifact(run).rules
    assert rules is not None
    assert (rules.said, rules.mm_per_pixel, rules.photo_size) == (["length > 900 mm", "count > 99"], 0.5, (64, 64))
    after = [p for p in blemish.open(run).predict_many(photos) if isinstance(p, Prediction)]
    assert any(p.verdict == "anomalous" for p in before)
    for passed, stopped in zip(after, before, strict=True):
        if stopped.verdict != "anomalous":
            assert passed.verdict == stopped.verdict
        else:
            assert passed.verdict == ("normal" if stopped.unusual_reason is None else "unusual")
    assert all((p.rule_reason is not None) == (b.verdict == "anomalous") for p, b in zip(after, before, strict=True))
    evaluation = blemish.evaluate(run, tested)
    assert evaluation.rules == rules.said
    assert sum(photo.rule_reason is not None for photo in evaluation.photos) == sum(p.anomalous for p in before)
    blemish.calibrate(run, false_alarms=0.2)
    assert read_artifact(run).rules == rules
    blemish.calibrate(run, undo=True)
    assert read_artifact(run).rules == rules
    blemish.calibrate(run, undo=True)
    assert read_artifact(run).rules is None
    with pytest.raises(SystemExit, match="0"):
        app(["calibrate", str(run), "--rule", "none"])
    assert "rules: none, every photo above the threshold is stopped" in capsys.readouterr().out


def test_a_rule_of_no_region_is_refused_and_changes_nothing(stpm_run: Path) -> None:
    before = (stpm_run / "model.json").read_bytes()
    with pytest.raises(SettingsError, match="the model has none"):
        blemish.calibrate(stpm_run, rule="hole: length > 3")
    with pytest.raises(SettingsError, match="nothing else"):
        blemish.calibrate(stpm_run, rule="length > 3", undo=True)
    for huge in (f"count > {400 * '9'}", "count > 99999999999999999999", f"area > {400 * '9'}"):
        with pytest.raises(SettingsError, match="no photo has a"):
            blemish.calibrate(stpm_run, rule=huge)
    with pytest.raises(SettingsError, match="a pixel is"):
        blemish.calibrate(stpm_run, rule="length > 3 mm", mm_per_pixel=1e300)
    assert (stpm_run / "model.json").read_bytes() == before


def test_a_rule_of_a_region_that_was_edited_away_lets_no_photo_pass(stpm_run: Path) -> None:
    gone = Rules(rules=(Rule(said="gone: count > 2", region="gone", more_than=2),), photo_size=(64, 64))
    with pytest.raises(ValueError, match="gone: count > 2 is of a region of interest that there is not"):
        replace(read_artifact(stpm_run), rules=gone).check_values()
