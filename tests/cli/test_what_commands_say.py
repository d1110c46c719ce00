"""What commands print and refuse, called in this process."""

import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from blemish.calibration.promise import calibration_of
from blemish.cli import with_shares
from blemish.cli.calibrate import calibrate, lines_of
from blemish.cli.evaluate import evaluate, lines_of_evaluation
from blemish.cli.report import report
from blemish.data.dataset import Dataset
from blemish.errors import SettingsError
from blemish.model.artifact import read_artifact
from copies import copied
from evaluation.example import EVALUATION

SOURCE = Path(__file__).parents[2] / "src" / "blemish"


def test_the_dash_that_means_standard_input_reaches_the_command() -> None:
    (photos,) = with_shares(["-"])
    assert photos != "-", "the parser would take it for an option"
    assert str(Path(photos)) == "-"


def test_few_good_photos_are_said_loudly_and_first() -> None:
    lines = lines_of(calibration_of([1.0], [1.0], false_alarm_rate=0.01), Path("run"))
    assert lines[0].startswith("TOO FEW: with 1 good photo to calibrate, do not rely on this threshold; 9 promise 10 %")
    assert "1 calibration photo can promise no less" in lines[1]
    enough = lines_of(calibration_of(range(1, 10), range(1, 10), false_alarm_rate=0.01), Path("run"))
    asked = lines_of(calibration_of([1.0, 2.0], [1.0, 2.0], false_alarm_rate=0.4), Path("run"))
    assert not any("TOO FEW" in line for line in (*enough, *asked))


def test_known_copies_are_one_line_and_no_success(
    stpm_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = copied(stpm_run, tmp_path / "run")
    known = tuple(Path(photo) for photo in read_artifact(run).training.files[:7])
    assert calibrate(run, good=known) == 2
    said = capsys.readouterr()
    assert said.out.startswith("0 good photos added\n")
    (line,) = said.err.splitlines()
    assert line.startswith("blemish: left out: 7 copies of photos that this model knows already, byte for byte (")
    assert calibrate(run, false_alarms=0.3) == 0


@pytest.mark.parametrize("name", ["page.pdf", "page", "page.html.txt"])
def test_a_report_is_called_a_page_or_refused(stpm_run: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match=r"a report is a web page \(HTML\): give a name that ends with \.html$"):
        report(stpm_run, output=tmp_path / name)
    assert list(tmp_path.iterdir()) == []
    report(stpm_run, output=tmp_path / "page.HTM")
    assert (tmp_path / "page.HTM").exists()


def test_why_figures_have_no_value_is_said_once_with_their_names() -> None:
    names = ("pixel_auroc", "pixel_ap", "pro", "iap")
    reason = "no masks of 7 defective photos: all of them are needed"
    lines = lines_of_evaluation(
        replace(EVALUATION, metrics=dict.fromkeys(names), undefined=dict.fromkeys(names, reason))
    )
    assert [line for line in lines if reason in line] == [f"no {' or '.join(names)}: {reason}"]


def test_a_page_of_an_earlier_evaluation_is_not_announced_as_written_now(
    stpm_run: Path,
    parts: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    for kind in ("good", "crack"):
        (tmp_path / "test" / kind).mkdir(parents=True)
        for sample in [s for s in parts.test if s.defect_type == kind][:2]:
            shutil.copy(sample.image, tmp_path / "test" / kind)
    out = tmp_path / "out"
    assert evaluate(stpm_run, tmp_path, output=out) == 0
    assert f"report in {out / 'report.html'}" in capsys.readouterr().out
    assert evaluate(stpm_run, tmp_path, output=out / "limits", report=False, max_misses="0", max_false_alarms="0") == 1
    said = capsys.readouterr()
    assert "not accepted: " in said.err
    assert "report in" not in said.out
    monkeypatch.setitem(sys.modules, "jinja2", None)
    assert evaluate(stpm_run, tmp_path, output=out) == 0
    assert "report in" not in capsys.readouterr().out
    assert f"{out / 'report.html'} is of an earlier time" in caplog.text
    (out / "report.html").unlink()
    assert evaluate(stpm_run, tmp_path, output=out) == 0
    assert "earlier evaluation" not in caplog.records[-1].getMessage()


@pytest.mark.parametrize("file", [*sorted((SOURCE / "cli").glob("*.py")), SOURCE / "training" / "settings.py"])
def test_help_has_abbreviations_of_the_lab_in_brackets_alone(file: Path) -> None:
    explained = re.sub(
        r"\([^()]*\)", "", "".join(re.findall(r'"""(.*?)"""', file.read_text(encoding="utf-8"), re.DOTALL))
    )
    assert [word for word in ("bf16", "int8", "fp32", "IAP@90") if word in explained] == []
