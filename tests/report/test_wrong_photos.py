"""What was judged wrongly comes first on the page, all of it by name, and photos are enlarged by a click."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from blemish.evaluation.acceptance import held_to
from blemish.evaluation.record import Evaluation, PhotoJudgement, read_evaluation, write_evaluation
from blemish.model.thresholds import is_alarm
from blemish.report import write_report
from blemish.report.figures import Limit, Row, score_histogram
from blemish.report.photo_list import MOST_LISTED, wrong_photos
from blemish.report.svg import GOOD_PARTS
from report.reading import Page


@pytest.fixture(scope="module")
def evaluation(evaluated: Path) -> Evaluation:
    return read_evaluation(evaluated / "evaluation" / "evaluation.json")


@pytest.fixture(scope="module")
def page(evaluated: Path, tmp_path_factory: pytest.TempPathFactory) -> Page:
    return Page(write_report(evaluated, output=tmp_path_factory.mktemp("page") / "report.html"))


def photo(kind: str, score: float, verdict: str, image: str = "/parts/test/x.png") -> PhotoJudgement:
    return PhotoJudgement(
        image=image,
        defect_type=kind,
        part=None,
        masks=[],
        mask_values="bright",
        anomaly_score=score,
        verdict=verdict,  # type: ignore[arg-type]
    )


def test_misses_stand_in_a_box_with_the_next_step_before_all_else(page: Page, evaluation: Evaluation) -> None:
    assert evaluation.misses > 0.1 * evaluation.defective_photos, "the test needs misses"
    box = page.source.index('<div class="alarm"')
    assert page.source.index('class="headline"') < box < page.source.index("<p>Misses:") < page.source.index("<nav")
    share = f"{100 * evaluation.misses / evaluation.defective_photos:.1f}".removesuffix(".0")
    assert f"Missed: {evaluation.misses} of 42 defective photos ({share} %)" in page.text
    assert re.search(r"<strong>[^<]+</strong>", page.source[box:])
    assert page.source.index("<h3>crack:") < page.source.index("<h3>Good photos")


def test_few_misses_have_no_box_and_limits_that_were_not_kept_are_told(run: Path, evaluation: Evaluation) -> None:
    few = held_to(replace(evaluation, misses=4), max_misses=3, max_false_alarms=None)
    write_evaluation(few, run / "evaluation" / "evaluation.json")
    page = Page(write_report(run))
    assert 'class="alarm"' not in page.source
    assert "Not accepted: 4 of 42 defective photos are missed, 3 may be." in page.text


def test_every_miss_and_every_false_alarm_is_listed_with_a_link_to_its_file(page: Page, evaluation: Evaluation) -> None:
    links = [a["href"] for a in page.all("a") if a["href"].startswith("file:")]
    wrong = [p for p in evaluation.photos if (p.defect_type == "good") == is_alarm(p.verdict)]
    assert sorted(links) == sorted(Path(p.image).as_uri() for p in wrong)
    assert f"All misses: {evaluation.misses}" in page.text
    assert ("All false alarms" in page.text) == bool(evaluation.false_alarms)


def test_lists_are_of_what_is_wrong_alone_the_worst_first_and_bounded(evaluation: Evaluation) -> None:
    odd = "/parts/test/a b#\udcff%.png"
    photos = [
        *(photo("hole", score, "normal") for score in range(MOST_LISTED + 5, 0, -1)),
        *(photo("hole", 0.5, "check", odd), photo("hole", 9, "anomalous"), photo("good", 3, "normal")),
        *(photo("good", 7, "anomalous"), photo("good", 8, "anomalous"), photo("good", 6, "check")),
    ]
    misses, alarms = wrong_photos(replace(evaluation, photos=photos, root="/parts"))
    assert (misses.title, alarms.title) == (f"All misses: {MOST_LISTED + 6}", "All false alarms: 2")
    assert (len(misses.photos), misses.left_out) == (MOST_LISTED, 6)
    assert [p.judgement.anomaly_score for p in misses.photos[:3]] == [0.5, 1, 2]
    assert [p.judgement.anomaly_score for p in alarms.photos] == [8, 7]
    assert misses.photos[0].link == "file:///parts/test/a%20b%23%FF%25.png"
    assert misses.photos[0].name == "test/a b#\\udcff%.png"
    assert [kind.title for kind in wrong_photos(replace(evaluation, photos=photos[-2:]))] == ["All false alarms: 1"]


def test_a_click_enlarges_a_pair_of_photos_and_another_leads_back(page: Page) -> None:
    named = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    cards = [name for name in named if name.startswith("photo-")]
    assert cards == [f"photo-{n}" for n in range(1, len(cards) + 1)] and len(cards) > 4
    pictures = [a["href"] for a in page.all("a") if a.get("class") == "pictures"]
    assert pictures == [f"#{card}" for card in cards]
    assert [a["href"] for a in page.all("a") if a.get("class") == "close"] == [
        f"#at-{n + 1}" for n in range(len(cards))
    ]
    assert all(max(int(i["width"]), int(i["height"])) == 640 for i in page.all("img") if "width" in i)
    assert ".card:target" in page.source


@pytest.mark.parametrize("check", [True, False])
def test_no_threshold_crosses_a_caption(check: bool) -> None:
    caption = "test, good: 1000 photos, 1000 above the threshold"
    rows = [Row(label=f"{caption} {n}", scores=[1, 2, 3, 9], colour=GOOD_PARTS) for n in range(5)]
    limits = [Limit(label="threshold", value=2.0), Limit(label="check", value=1.5, dashed=True)][: 1 + check]
    drawn = score_histogram(rows, limits, alt="")
    captions = [float(y) for y in re.findall(rf'y="([\d.]+)"[^>]*>{caption}', drawn)]
    lines = re.findall(r'<path d="([^"]*)"[^>]*stroke: var\(--limit\)', drawn)
    spans = [[float(pair.split()[-1]) for pair in re.split("[MLQ]", line) if pair.strip()] for line in lines]
    assert len(captions) == 5 and len(spans) == (1 + check) * 6  # one through each row, one up to its label
    for span in spans:
        for baseline in captions:
            assert max(span) < baseline - 9 or min(span) > baseline + 2  # text of 12 stands between
