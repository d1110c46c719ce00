"""The code in the how-to pages runs as it stands, and what it adds works."""

import inspect
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import blemish
from blemish import api
from blemish.data import DATASETS, find_dataset
from blemish.data.dataset import Dataset
from blemish.detectors import DETECTORS
from blemish.metrics import METRICS, Judgements
from blemish.networks import BACKBONES
from blemish.results.folder import COLUMNS
from copies import copied

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted(page for page in DOCS.rglob("*.md") if "```python" in page.read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def registries() -> Iterator[None]:
    """As they were, for other tests run over them."""
    before: list[tuple[dict[str, Any], dict[str, Any]]] = [
        (registry, dict(registry)) for registry in (BACKBONES, DATASETS, DETECTORS, METRICS)
    ]
    yield
    for registry, entries in before:
        registry.clear()
        registry.update(entries)


def run(page: Path, into: dict[str, Any]) -> None:
    for block in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        exec(compile(block, page.name, "exec"), into)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_code_of_a_page_runs(page: Path) -> None:
    run(page, {"__name__": "page"})


def test_the_method_of_the_page_trains_and_judges(parts: Dataset, tmp_path: Path) -> None:
    run(DOCS / "how-to" / "add-a-method.md", {"__name__": "page"})
    blemish.train("coarse", parts, tmp_path / "run", teacher="efficientnet_lite0", image_size=64, steps=2)
    assert blemish.open(tmp_path / "run").predict(parts.test[0].image).anomaly_score > 0


def test_the_dataset_of_the_page_finds_photos(tmp_path: Path) -> None:
    run(DOCS / "how-to" / "add-a-dataset.md", {"__name__": "page"})
    for name in ("lid/fresh/1.png", "lid/fresh/2.png", "lid/used/1.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = find_dataset("auto", tmp_path, "lid")
    assert found.name == "fresh_used"
    assert (len(found.train), [sample.anomalous for sample in found.test]) == (2, [True])


def test_the_copies_of_the_page_make_a_threshold_for_all_their_lights(stpm_run: Path, tmp_path: Path) -> None:
    page: dict[str, Any] = {"__name__": "page"}
    run(DOCS / "how-to" / "changing-light-and-pose.md", page)
    model, copies = tmp_path / "run", tmp_path / "copies"
    copied(stpm_run, model)
    page["copies_in_other_light"](str(model), str(copies))
    before = blemish.open(model).calibration
    done = blemish.calibrate(model, good=copies, part="(.+)_(?:darker|same|brighter)", replace=True)
    after, parts = done.artifact.calibration, len(before.scores)
    assert (after.unit, len(after.scores), done.added) == ("parts", parts, 3 * parts)
    predictor = blemish.open(model)
    scores = [predictor.predict(path).anomaly_score for path in sorted(copies.iterdir())]
    assert len(scores) == 3 * parts
    assert max(scores) <= after.image.value
    assert after.scores[0] > before.scores[0], "the highest of three"


def test_the_metric_of_the_page_counts_what_it_says() -> None:
    run(DOCS / "how-to" / "add-a-metric.md", {"__name__": "page"})
    anomalous = np.array([False] * 200 + [True] * 10)
    scores = np.concatenate([np.arange(200.0), [0, 50, 100, 196.5, 197.5, 198.5, 199, 300, 300, 300]])
    found = METRICS["image_recall_at_1_percent"].value(Judgements(anomalous=anomalous, scores=scores))
    assert found == pytest.approx(0.6)  # two good photos of 200 may pass: 198 and 199, so 197.5 is found


def test_every_page_is_linked_from_the_contents_and_every_link_leads_somewhere() -> None:
    contents = (DOCS / "README.md").read_text(encoding="utf-8")
    for page in DOCS.rglob("*.md"):
        assert page == DOCS / "README.md" or str(page.relative_to(DOCS)) in contents, page
    for page in [*DOCS.rglob("*.md"), DOCS.parent / "README.md"]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("verb", api.__all__)
def test_every_verb_of_python_is_told_with_all_its_settings(verb: str) -> None:
    text = (DOCS / "reference" / "python.md").read_text(encoding="utf-8")
    name = "write_report" if verb == "report" else verb  # blemish.report is a package
    assert f"[`{name}`](#blemish{name})" in text
    section = re.search(rf"^## blemish\.{name}\n\n((?:    .*\n)+)", text, re.MULTILINE)
    assert section is not None
    told = re.search(r"\((.*)\) ->", " ".join(section[1].split()))
    assert told is not None
    names = [part.split("=")[0].strip() for part in re.sub(r"\(\)", "", told[1]).split(",")]
    signature = inspect.signature(getattr(api, verb))
    assert [n.lstrip("*") for n in names if n != "*"] == list(signature.parameters)
    for part in told[1].split(", "):
        if "=" in part and "..." not in part:
            setting, default = part.split("=")
            assert repr(signature.parameters[setting].default) == default.replace('"', "'")


def test_every_metric_is_explained() -> None:
    text = (DOCS / "explanation" / "metrics.md").read_text(encoding="utf-8").lower()
    assert [metric.title for metric in METRICS.values() if f"| {metric.title.lower()} |" not in text] == []


def test_every_code_of_an_error_over_http_is_told() -> None:
    files = (Path(blemish.__file__).parent / "server").glob("*.py")
    source = "".join(path.read_text(encoding="utf-8") for path in files)
    codes = set(re.findall(r"\b[45]\d\d[,:]\s+\"([a-z_]+)\"", source))
    assert len(codes) > 40
    text = (DOCS / "reference" / "http.md").read_text(encoding="utf-8")
    assert {code for code in codes if f"`{code}`" not in text} == set()


def test_every_field_of_a_prediction_is_told() -> None:
    text = (DOCS / "reference" / "files.md").read_text(encoding="utf-8")
    section = text[text.index("## `predictions.jsonl`") : text.index("## `evaluation.json`")]
    assert {column for column in COLUMNS if f"`{column}`" not in section} == set()


def test_every_extra_is_told_with_what_it_brings() -> None:
    project = tomllib.loads((DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    told = re.findall(
        r"^\| `(\w+)` \|", (DOCS / "reference" / "installation.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert set(told) == set(extras) - {"dev"}


def test_every_file_that_the_glossary_names_is_there() -> None:
    text = (DOCS / "reference" / "glossary.md").read_text(encoding="utf-8")
    named = re.findall(r"\| `([\w/]+(?:\.py|/))` \|$", text, re.MULTILINE)
    assert len(named) > 20
    assert [file for file in named if not (Path(blemish.__file__).parent / file).exists()] == []
