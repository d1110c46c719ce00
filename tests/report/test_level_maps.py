"""Level maps on the report's page, where they are asked for."""

from pathlib import Path

import pytest

from blemish.errors import SettingsError
from blemish.report import write_report
from blemish.report.gallery import LARGEST_LEVEL
from commands import blemish, one_line
from report.reading import Page


@pytest.fixture(scope="module")
def page(evaluated: Path, tmp_path_factory: pytest.TempPathFactory) -> Page:
    return Page(write_report(evaluated, output=tmp_path_factory.mktemp("page") / "report.html", level_maps=True))


def test_every_photo_has_a_map_of_each_level_told_in_words(page: Page) -> None:
    shown = [figure for figure in page.all("div") if figure.get("class") == "levels"]
    alts = [image["alt"] for image in page.all("img")]
    for level in (1, 2, 3):
        told = [alt for alt in alts if alt.startswith(f"student, level {level}: mostly ")]
        assert len(told) == len(shown) == len([alt for alt in alts if alt.endswith(", small")]) > 0
    assert alts.count("") == 2  # the colour scales
    for_all, _, for_ml = page.text.rpartition("For ML engineers")
    assert "the angle between each student and its teacher" in for_ml and "student" not in for_all


def test_the_page_stays_whole_and_bounded(page: Page) -> None:
    assert all(image["src"].startswith("data:image/jpeg;base64,") for image in page.all("img"))
    levels = [image for image in page.all("img") if image["alt"].startswith("student, level")]
    assert all(len(image["src"]) <= LARGEST_LEVEL * 4 / 3 + 40 for image in levels)


def test_nobody_who_does_not_ask_is_shown_levels(run: Path) -> None:
    page = Page(write_report(run))
    assert {"class": "levels"} not in page.all("div")
    assert "the angle between" not in page.text


def test_a_model_without_evaluation_has_no_photos_to_show_levels_of(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="has no evaluation: evaluate it first"):
        write_report(trained, output=tmp_path / "page.html", level_maps=True)
    assert not (tmp_path / "page.html").exists()


def test_the_command_shows_levels_and_takes_runtime_precision_and_device(run: Path, tmp_path: Path) -> None:
    output = tmp_path / "page.html"
    how = ("--runtime", "torch", "--precision", "fp32", "--device", "cpu")
    done = blemish("report", run, "--output", output, "--level-maps", *how)
    assert (done.code, done.err) == (0, [])
    assert {"class": "levels"} in Page(output).all("div")
    one_line(blemish("report", run, "--runtime", "abacus"), "abacus", "torch")
    one_line(blemish("report", run, "--precision", "fp3"), "fp3", "int8")
    one_line(blemish("report", run, "--device", "toaster"), "toaster", "cpu")
