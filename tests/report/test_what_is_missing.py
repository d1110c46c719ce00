"""Photos, masks, evaluations that are gone, damaged or out of date: the page says so, or one line does."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blemish.data.dataset import Dataset
from blemish.data.images import save_png
from blemish.data.mvtec_ad import MVTEC_AD
from blemish.errors import ArtifactError, DataError
from blemish.model.artifact import read_artifact, write_artifact
from blemish.report import write_report
from copies import copied
from report.models import evaluate_on, recalibrate_to
from report.reading import Page


def test_without_an_evaluation_the_page_says_so_and_what_to_do(trained: Path, tmp_path: Path) -> None:
    run = copied(trained, tmp_path / "run")
    assert write_report(run) == run / "report.html"
    page = Page(run / "report.html")
    assert "Not evaluated yet: how many defects this model misses is not known." in page.text
    assert f"blemish evaluate {run} TEST" in page.text
    assert [section["id"] for section in page.all("section")] == ["threshold", "training", "ml"]
    assert len(page.all("svg")) == 2


def test_an_evaluation_that_is_named_must_be_there(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        write_report(trained, evaluation=tmp_path / "evaluation.json")


def test_an_evaluation_of_another_training_is_refused(run: Path, few: Callable[..., Dataset]) -> None:
    evaluate_on(run, few("few", good="good", crack="crack"))
    write_artifact(replace(read_artifact(run), weights_sha256="0" * 64))
    with pytest.raises(DataError, match=r"is of another model than .* holds now: evaluate anew"):
        write_report(run)


def test_a_photo_that_is_gone_is_said_to_be_gone(run: Path, few: Callable[..., Dataset]) -> None:
    photos = few("few", good="good", crack="crack")
    evaluate_on(run, photos)
    gone, kept, _ = (sample.image for sample in photos.test if not sample.anomalous)
    gone.unlink()
    page = Page(write_report(run))
    assert page.text.count("This photo cannot be shown.") == 1
    assert f"{gone}: no such file" in page.text
    assert len(page.all("img")) == 1 + 2 * 5
    told = "".join(image["alt"] for image in page.all("img"))
    assert f"test/good/{kept.name}" in told and f"test/good/{gone.name}" not in told


def test_a_mask_that_is_gone_leaves_its_photo(run: Path, few: Callable[..., Dataset]) -> None:
    photos = few("few", good="good", crack="crack")
    evaluate_on(run, photos)
    shutil.rmtree(photos.root / "ground_truth")
    page = Page(write_report(run))
    assert page.text.count("without its true contour") == 3
    assert not any("the true defect outlined" in image["alt"] for image in page.all("img"))
    assert "This photo cannot be shown." not in page.text


def test_a_photo_that_changed_since_is_told(run: Path, few: Callable[..., Dataset]) -> None:
    photos = few("few", good="good", crack="crack")
    evaluate_on(run, photos)
    assert "judged again" not in Page(write_report(run)).text
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    save_png(photos.test[0].image, noise)
    assert Page(write_report(run)).text.count("judged again, it scores") == 1


def test_a_model_that_was_recalibrated_since_is_told(run: Path, few: Callable[..., Dataset]) -> None:
    evaluate_on(run, few("few", good="good", crack="crack"))
    told = "calibrated or trained anew after this evaluation"
    assert told not in Page(write_report(run)).text
    recalibrate_to(run, 0.3)
    assert told in Page(write_report(run)).text


def test_photos_the_model_knows_and_files_it_cannot_read_are_listed(run: Path, few: Callable[..., Dataset]) -> None:
    root = few("few", good="good", crack="crack").root
    (root / "test" / "good" / "torn.png").write_bytes(b"\x89PNG")
    evaluate_on(run, MVTEC_AD.find(root, None))
    values = json.loads((run / "evaluation" / "evaluation.json").read_text())
    values["duplicates"] = [values["photos"][0]["image"]]
    (run / "evaluation" / "evaluation.json").write_text(json.dumps(values))
    page = Page(write_report(run))
    assert "Test photos that the model knows from training or calibration, byte for byte: 1." in page.text
    assert "Test photos or masks that could not be used: 1." in page.text
    assert "torn.png" in page.text


@pytest.mark.parametrize("kinds", [("good", "crack"), ("good",), ("crack",)])
def test_a_test_set_of_one_class_has_its_page(run: Path, few: Callable[..., Dataset], kinds: tuple[str, ...]) -> None:
    both = few("both", good="good", crack="crack")
    evaluate_on(run, replace(both, test=tuple(sample for sample in both.test if sample.defect_type in kinds)))
    page = Page(write_report(run))
    assert ("What it misses is not known" in page.text) == ("crack" not in kinds)
    assert ("Its false alarms were not counted" in page.text) == ("good" not in kinds)
    assert ("not defined here" in page.text) == (len(kinds) == 1)
    assert ({"class": "key point"} in page.all("span")) == (len(kinds) == 2)
    assert ("ROC curve" in page.text) == ("crack" in kinds)  # a photo with a defect has pixels of both classes


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda _: "",
        lambda _: "[]",
        lambda _: "null",
        lambda text: text.replace('"good_photos": 24', '"good_photos": 25'),
        lambda text: _edited(text, lambda v: v["photos"].pop()),
        lambda text: _edited(text, lambda v: v["defect_types"].pop("crack")),
        lambda text: _edited(text, lambda v: v["defect_types"]["crack"].update(photos=0)),
        lambda text: _edited(text, lambda v: v["curves"]["image_roc"]["x"].pop()),
        lambda text: _edited(text, lambda v: v.pop("intervals")),
        lambda text: _edited(text, lambda v: v.update(format_version=99)),
    ],
)
def test_a_damaged_evaluation_is_one_line_that_names_the_file(run: Path, damage: Callable[[str], str]) -> None:
    path = run / "evaluation" / "evaluation.json"
    path.write_text(damage(path.read_text()))
    with pytest.raises(DataError) as caught:
        write_report(run)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (run / "evaluation" / "report.html").exists()


def _edited(text: str, edit: Callable[[Any], object]) -> str:
    values = json.loads(text)
    edit(values)
    return json.dumps(values)


def test_what_is_no_model_has_no_page(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"no model\.json"):
        write_report(tmp_path)
