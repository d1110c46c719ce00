"""Two models on the same photos: counts, intervals, words, and refusals."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import blemish
from blemish.cli.compare import compare
from blemish.data.dataset import Dataset
from blemish.errors import DataError, SettingsError
from blemish.evaluation.paired import compare_evaluations
from blemish.evaluation.record import Evaluation, PhotoJudgement, write_evaluation
from blemish.metrics.ranking import auroc
from blemish.report.verdict import unbroken
from evaluation.example import EVALUATION


def evaluation_of(scores: dict[str, float], *, threshold: float = 0.5, **changes: object) -> Evaluation:
    """Of photos `good/...` and `dent/...` with these scores."""
    photos = [
        PhotoJudgement(
            image=f"/parts/{name}",
            defect_type=name.split("/")[0],
            part=None,
            masks=[],
            mask_values="any",
            anomaly_score=score,
            verdict="anomalous" if score > threshold else "normal",
        )
        for name, score in scores.items()
    ]
    good = sum(photo.defect_type == "good" for photo in photos)
    whole = replace(
        EVALUATION,
        threshold=threshold,
        photos=photos,
        metrics={"image_auroc": auroc([p.defect_type != "good" for p in photos], list(scores.values())), "pro": 0.6},
        good_photos=good,
        defective_photos=len(photos) - good,
    )
    return replace(whole, **changes)  # type: ignore[arg-type]


GOOD = {f"good/{at}": 0.4 + 0.02 * at for at in range(10)}
BAD = {f"dent/{at}": 0.3 + 0.05 * at for at in range(12)}
PLACES = ("a", "b")


def test_mistakes_are_counted_by_whose_they_are() -> None:
    first, second = (
        evaluation_of(GOOD | BAD),
        evaluation_of(GOOD | dict.fromkeys(BAD, 0.9) | {"good/0": 0.9, "dent/0": 0}),
    )
    found = compare_evaluations(first, second, places=PLACES)
    defective, good = found.defective, found.good
    assert (defective.photos, defective.first_wrong, defective.second_wrong) == (12, 5, 1)
    assert defective.only_first_wrong == [f"/parts/dent/{at}" for at in range(1, 5)]
    assert defective.only_second_wrong == []
    assert defective.p_value == pytest.approx(2 * 0.5**4)
    assert (good.first_wrong, good.second_wrong, good.only_second_wrong) == (4, 5, ["/parts/good/0"])
    assert "Of 12 defective photos A misses 5 and B 1: so few photos do not tell them apart" in found.conclusion[0]
    assert "comes in 12.5 % of tests" in found.conclusion[0]
    assert found.conclusion[2].startswith("B stops more photos of both kinds: that may be its threshold alone")


def test_what_is_more_than_chance_is_said_so() -> None:
    low, high = ({name: score + shift for name, score in BAD.items()} for shift in (-0.25, 0.2))
    found = compare_evaluations(evaluation_of(GOOD | high), evaluation_of(GOOD | low), places=PLACES)
    assert "A misses 1 and B 10: A is better there by more than chance" in found.conclusion[0]
    assert found.figures["image_auroc"].beyond_chance
    assert found.conclusion[-1].startswith("Whatever the threshold, A tells defective from good photos better than B")


def test_what_is_sure_is_said_first() -> None:
    first, second = (evaluation_of(BAD | dict.fromkeys(GOOD, score)) for score in (0.1, 0.9))
    said = compare_evaluations(first, second, places=PLACES).conclusion
    assert "Of 10 good photos A stops 0 and B 10: A is better there by more than chance" in said[0]
    assert said[1] == "Of 12 defective photos both miss the same 5."


def test_photos_in_another_order_are_paired_by_their_names_and_pixels_are_not_compared_draw_by_draw() -> None:
    draws: dict[str, list[float | None]] = {"pro": [0.5, 0.6, 0.7, None]}
    first = evaluation_of(GOOD | BAD, draws=draws)
    second = evaluation_of(
        GOOD | {name: score + 0.05 for name, score in BAD.items()}, draws={"pro": [0.4, 0.4, 0.6, 0.1]}
    )
    found = compare_evaluations(first, second, places=PLACES)
    assert found.figures["pro"].interval == pytest.approx(tuple(np.quantile([0.1, 0.2, 0.1], [0.025, 0.975])))
    turned = replace(second, photos=second.photos[::-1])
    other = compare_evaluations(first, turned, places=PLACES)
    assert other.figures["image_auroc"] == found.figures["image_auroc"]
    assert (other.defective, other.figures["pro"].interval) == (found.defective, None)
    assert "another order" in other.notes[0]
    old = compare_evaluations(first, replace(second, draws={}), places=PLACES)
    assert old.figures["pro"].interval is None and "evaluate both anew" in old.notes[0]
    unlike = compare_evaluations(first, replace(second, bootstrap="4 draws by other weights"), places=PLACES)
    assert unlike.figures["pro"].interval is None and "drawn in different ways" in unlike.notes[0]
    sized = compare_evaluations(first, replace(second, map_size=(64, 64)), places=PLACES)
    assert "pro" not in sized.figures and "masks were made in another way" in sized.notes[0]


def test_metrics_of_pixels_are_not_compared_where_maps_of_several_sizes_have_others_in_the_other_model() -> None:
    def of_sizes(*covered: int) -> Evaluation:
        whole = evaluation_of(GOOD | BAD, map_size=None)
        known = dict(zip([f"/parts/{name}" for name in BAD], covered, strict=True))
        return replace(whole, photos=[replace(p, defect_pixels=known.get(p.image)) for p in whole.photos])

    one, other = of_sizes(*range(12)), of_sizes(*range(11), 44)
    assert "pro" in compare_evaluations(one, of_sizes(*range(12)), places=PLACES).figures
    found = compare_evaluations(one, other, places=PLACES)
    assert "pro" not in found.figures and "image_auroc" in found.figures
    assert found.notes[0] == (
        "metrics of pixels are not compared: the defect of dent/11 covers 11 pixels of the map in one of them, 44 in "
        "the other"
    )


def test_other_photos_are_refused_by_name() -> None:
    first = evaluation_of(GOOD | BAD)
    few = replace(first, photos=first.photos[:-2])
    with pytest.raises(DataError, match=r"^a and b cannot be compared: a alone judged 2 photos: dent/10, dent/11$"):
        compare_evaluations(first, few, places=PLACES)
    with pytest.raises(DataError, match=r"b alone judged 2 photos"):
        compare_evaluations(few, first, places=PLACES)
    photo = first.photos[0]
    renamed = replace(first, photos=[replace(photo, defect_type="dent"), *first.photos[1:]])
    with pytest.raises(DataError, match=r"good/0 is good in a, dent in b"):
        compare_evaluations(first, renamed, places=PLACES)
    known, changed = (replace(first, photos=[replace(photo, digest=d), *first.photos[1:]]) for d in ("1", "2"))
    with pytest.raises(DataError, match=r"good/0 was another file for a than for b"):
        compare_evaluations(known, changed, places=PLACES)


def test_what_makes_a_comparison_less_sure_is_told() -> None:
    first = evaluation_of(GOOD | BAD)
    shared = replace(first, photos=[replace(photo, part="1") for photo in first.photos])
    told = compare_evaluations(shared, replace(first, unreadable=[], duplicates=[]), places=PLACES).notes
    assert "several photos show one part" in told[-1]
    assert told[1:-1] == [
        "A could not use 1 photo or mask, such as b.png: is empty",
        "A was trained or calibrated with 1 of these very photos, which flatters it",
    ]


def test_the_command_says_what_differs_and_leaves_record_and_page(
    stpm_run: Path, parts: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = blemish.evaluate(stpm_run, parts, output=tmp_path / "one")
    assert len(kept.draws["pro"]) == len(kept.draws["image_auroc"]) == 1000
    assert {"pro", "pixel_ap", "image_auroc"} <= set(kept.draws) and kept.photos[0].digest is not None
    curve = kept.curves["pro"]
    assert (curve.x[0], curve.y[0], curve.x[-1], curve.y[-1]) == (0, 0, 1, 1)
    alarms, photos = ([replace(photo, verdict=verdict) for photo in kept.photos] for verdict in ("anomalous", "normal"))
    write_evaluation(replace(kept, photos=alarms), tmp_path / "one.json")
    write_evaluation(replace(kept, photos=photos, metrics=kept.metrics | {"pro": None}), tmp_path / "other.json")
    assert compare(tmp_path / "one.json", tmp_path / "other.json", output=tmp_path / "out") == 0
    said = capsys.readouterr().out
    record = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert said.startswith(record["conclusion"][0])
    missed = sum(photo.defect_type != "good" for photo in photos)
    assert record["defective"]["second_wrong"] == missed
    assert "pixel_ap" in record["figures"] and "pro" not in record["figures"]
    assert record["defective"]["only_second_wrong"], "or the test says nothing"
    page = (tmp_path / "out" / "comparison.html").read_text()
    for photo in record["defective"]["only_second_wrong"]:
        assert photo in said or "more" in said
        assert Path(photo).as_uri() in page
    assert unbroken(record["conclusion"][1]).replace("'", "&#39;") in page
    assert said.endswith(f"page in {tmp_path / 'out' / 'comparison.html'}\n")


def test_two_models_judge_the_photos_that_are_given(stpm_run: Path, stpm_exported: Path, parts: Dataset) -> None:
    found = blemish.compare(stpm_run, stpm_exported, parts.root)
    assert (found.defective.only_first_wrong, found.good.only_second_wrong) == ([], [])
    assert {"image_auroc", "pixel_ap", "pro"} <= set(found.figures)
    assert max(abs(figure.difference) for figure in found.figures.values()) < 0.01
    assert not any(figure.beyond_chance for figure in found.figures.values())
    assert found.first.provenance is not None and found.second.provenance is not None
    assert found.first.provenance.runtime != found.second.provenance.runtime


def test_a_model_is_not_compared_with_itself_nor_without_an_evaluation(stpm_run: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="given twice"):
        blemish.compare(stpm_run, stpm_run)
    with pytest.raises(DataError, match="was not evaluated"):
        blemish.compare(tmp_path, stpm_run)
    for setting in ("category", "precision"):
        with pytest.raises(SettingsError, match="are of photos to judge"):
            blemish.compare(tmp_path, stpm_run, **{setting: "int8"})  # type: ignore[arg-type]
