"""The page as a whole: complete, self-contained, safe, the same twice."""

import os
import re
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from bare import Bare
from blemish.data.dataset import Dataset
from blemish.errors import MissingExtraError
from blemish.evaluation.record import read_evaluation
from blemish.model.artifact import read_artifact
from blemish.report import write_report
from commands import blemish
from report.models import evaluate_on
from report.reading import Page

SECTIONS = ("threshold", "types", "photos", "training", "ml")


@pytest.fixture(scope="module")
def page(evaluated: Path, tmp_path_factory: pytest.TempPathFactory) -> Page:
    return Page(write_report(evaluated, output=tmp_path_factory.mktemp("page") / "report.html"))


def test_the_page_holds_every_section_and_says_what_a_quality_engineer_asks(page: Page) -> None:
    assert tuple(section["id"] for section in page.all("section")) == SECTIONS
    for said in ("The model misses", "of 42 defective photos", "of 24 good photos", "at most 6.67 %", "Misses:"):
        assert said in page.text
    for said in ("resnet18", "72 good ones to train on", "64 x 64 pixels", "6 steps", "fp32", "torch", "IAP@90"):
        assert said in page.text
    for said in ("ROC curve", "Precision-recall", "validation loss", "Worst misses", "Best finds", "rounded at 0.5"):
        assert said in page.text


@pytest.mark.parametrize(
    "word", ["student", "teacher", "held out", "held-out", "loss", "bf16", "IAP", "AUROC", "epoch"]
)
def test_words_of_the_laboratory_stay_in_the_section_for_ml_engineers(word: str, page: Page) -> None:
    _, first, foot = page.text.rpartition("Model: STPM")
    for_all, heading, for_ml = page.text.removesuffix(first + foot).rpartition("For ML engineers")
    assert heading and "Training" in for_ml
    for text in (for_all, foot):
        assert not re.search(rf"\b{word}", text, re.IGNORECASE)


def test_the_foot_says_which_model_judged_and_when(evaluated: Path, page: Page) -> None:
    evaluation = read_evaluation(evaluated / "evaluation" / "evaluation.json")
    artifact = read_artifact(evaluated)
    assert evaluation.provenance is not None
    _, _, foot = page.text.rpartition("Model: STPM")
    assert foot.startswith(f", weights {artifact.weights_sha256}, calibrated on 14 good photos.")
    moment = evaluation.judged_at[:19].replace("T", " ")
    how = f"by blemish {evaluation.provenance.blemish_version}, runtime torch, precision fp32."
    assert f"Test photos judged {moment} UTC {how}" in foot


def test_every_picture_and_figure_is_told_in_words_and_every_table_has_its_caption(page: Page) -> None:
    assert len([image for image in page.all("img") if image["alt"]]) == len(page.all("img")) - 1  # the colour scale
    lists = len(page.all("details"))
    assert lists == 1 + ("All false alarms" in page.text)
    drawings = [svg["aria-label"] for svg in page.all("svg")]
    assert len(drawings) == 4 and all(drawings)
    assert len(page.all("caption")) == len(page.all("table")) == 4 + lists
    assert all(cell.get("scope") in ("row", "col") for cell in page.all("th"))


def test_the_page_needs_nothing_but_itself(page: Page) -> None:
    words = re.sub("base64,[A-Za-z0-9+/=]+", "", page.source)  # pictures hold any four letters sooner or later
    assert "http" not in words.replace("http-equiv", "")
    assert {tag for tag, _ in page.tags} & {"script", "link", "iframe", "object", "embed", "base", "form"} == set()
    assert all(image["src"].startswith("data:image/jpeg;base64,") for image in page.all("img"))
    named = Counter(attributes["id"] for _, attributes in page.tags if "id" in attributes)
    addresses = {place for _, attributes in page.tags if (place := attributes.get("href")) is not None}
    assert all(place.startswith(("#", "file:///")) for place in addresses)  # to photos only where they lie
    referred = {place[1:] for place in addresses if place.startswith("#")}
    referred |= set(re.findall(r"url\(([^)]*)\)", page.source.replace("url(#", "url(")))
    assert referred <= set(named), "a reference leads out of the page"
    assert max(named.values()) == 1
    assert "@import" not in page.source


def test_figures_take_their_colours_from_the_style_sheet(page: Page) -> None:
    drawn = "".join(re.findall(r"<svg.*?</svg>", page.source, re.DOTALL))
    used = set(re.findall(r"var\((--[a-z]+)\)", drawn))
    assert {"--ink", "--good", "--defect", "--calibration", "--limit", "--photos", "--pixels"} <= used
    assert re.search(r"#[0-9a-f]{6}\b", re.sub(r'(id|href)="[^"]*"|url\(#\w*\)', "", drawn)) is None
    light, dark = page.source.split("prefers-color-scheme: dark")
    assert all(f"{variable}:" in light and f"{variable}:" in dark for variable in used)


def test_the_same_inputs_give_the_same_page(evaluated: Path, page: Page, tmp_path: Path) -> None:
    assert write_report(evaluated, output=tmp_path / "again.html").read_text(encoding="utf-8") == page.source


def test_the_page_lies_beside_the_evaluation_wherever_that_is(run: Path, tmp_path: Path) -> None:
    assert write_report(run) == run / "evaluation" / "report.html"
    elsewhere = tmp_path / "elsewhere" / "evaluation.json"
    elsewhere.parent.mkdir()
    (run / "evaluation" / "evaluation.json").rename(elsewhere)
    assert write_report(run, evaluation=elsewhere) == elsewhere.with_name("report.html")


def test_hostile_names_are_shown_and_do_nothing(run: Path, few: Callable[..., Dataset]) -> None:
    crack, hole = "<script>alert('x')<", '" onload="alert(1)'
    evaluate_on(run, few("$x^$ & co", good="good", crack=crack, hole=hole))
    page = Page(write_report(run))
    assert "script" not in {tag for tag, _ in page.tags}
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert crack in page.text and hole in page.text and "$x^$ & co" in page.text
    assert any(crack in svg["aria-label"] for svg in page.all("svg"))


def test_names_of_any_script_and_bytes_that_are_no_text_are_shown(run: Path, few: Callable[..., Dataset]) -> None:
    broken = os.fsdecode(b"no\xfftext")
    try:
        found = few("名前", good="good", crack="亀裂 $x$", hole=broken)
    except OSError:
        pytest.skip("this file system takes no names that are not text")
    evaluate_on(run, found)
    page = Page(write_report(run))
    assert "亀裂 $x$" in page.text
    assert "no\\udcfftext" in page.text


def test_a_missing_extra_is_named_with_the_line_that_installs_it(
    evaluated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("matplotlib", "jinja2"):
        with monkeypatch.context() as without:
            without.setitem(sys.modules, package, None)  # how Python says that it is not installed
            with pytest.raises(MissingExtraError, match=rf"needs {package}.*pip install 'blemish\[report\]'"):
                write_report(evaluated, output=tmp_path / "never.html")
    assert not (tmp_path / "never.html").exists()


def test_the_command_says_where_the_page_is(run: Path, tmp_path: Path) -> None:
    done = blemish("report", run, "--output", tmp_path / "page.html")
    assert done == (0, [f"report in {tmp_path / 'page.html'}"], [])
    assert "</html>" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_help_loads_nothing_that_draws(bare: Bare) -> None:
    drawing = "{'matplotlib', 'jinja2', 'blemish.report'}"
    assert bare.run(f"import blemish.cli, sys; sys.exit(bool({drawing} & sys.modules.keys()))") == (0, [], [])
