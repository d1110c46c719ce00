"""The photos of the report: the right ones, small enough, with the true contour where the defect is."""

from base64 import b64decode
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import blemish
from blemish.data.dataset import Sample
from blemish.data.framing import Framing
from blemish.data.images import save_png
from blemish.data.mvtec_ad import MVTEC_AD
from blemish.evaluation.evaluate import evaluate_predictor
from blemish.evaluation.record import Evaluation, PhotoJudgement, read_evaluation, write_evaluation
from blemish.inference.predictor import Predictor
from blemish.model.score import Score
from blemish.report import write_report
from blemish.report.gallery import LARGEST_FILE, MOST_TYPES, Group, choose, with_pictures
from report.reading import Page


@pytest.fixture(scope="module")
def evaluation(evaluated: Path) -> Evaluation:
    return read_evaluation(evaluated / "evaluation" / "evaluation.json")


@pytest.fixture(scope="module")
def predictor(evaluated: Path) -> Predictor:
    return blemish.open(evaluated)


def judged(kinds: dict[str, int], evaluation: Evaluation) -> Evaluation:
    """So many photos of each kind, with scores 0, 1, 2, ...; from 3 on they are alarms."""
    photos = [
        PhotoJudgement(
            image=f"{evaluation.root}/test/{kind}/{i}.png",
            defect_type=kind,
            part=None,
            masks=[],
            mask_values="bright",
            anomaly_score=i,
            verdict="anomalous" if i >= 3 else "normal",
        )
        for kind, count in kinds.items()
        for i in range(count)
    ]
    return replace(evaluation, photos=photos)


def names(groups: list[Group]) -> list[tuple[list[str], list[str]]]:
    return [([s.name for s in group.lowest], [s.name for s in group.highest]) for group in groups]


def test_good_photos_with_the_highest_scores_and_defects_with_the_lowest_are_shown(evaluation: Evaluation) -> None:
    groups = choose(judged({"good": 9, "crack": 8, "hole": 4}, evaluation))
    assert names(groups) == [
        ([], [f"test/good/{i}.png" for i in (8, 7, 6, 5)]),
        ([f"test/hole/{i}.png" for i in (0, 1, 2, 3)], []),  # of which most is missed
        ([f"test/crack/{i}.png" for i in (0, 1, 2, 3)], ["test/crack/7.png", "test/crack/6.png"]),
    ]
    assert [(group.missed, group.photos) for group in groups[1:]] == [(3, 4), (3, 8)]


def test_the_page_stays_bounded_however_many_types_there_are(evaluation: Evaluation) -> None:
    for types in (1, 7, 8, 12, 13, 20, 21, 500):
        groups = choose(judged({"good": 50} | {f"type {i}": 50 for i in range(types)}, evaluation))
        shown = sum(len(group.lowest) + len(group.highest) for group in groups)
        assert len(groups) == 1 + min(types, MOST_TYPES)
        assert shown * 2 * LARGEST_FILE * 4 / 3 < 9_000_000


def test_what_is_left_out_of_many_types_is_told(run: Path, evaluation: Evaluation) -> None:
    many = judged({f"type {i}": 4 for i in range(25)}, evaluation)
    kinds = {f"type {i}": replace(evaluation.defect_types["crack"], photos=4, judged_anomalous=1) for i in range(25)}
    many = replace(many, defect_types=kinds, good_photos=0, defective_photos=100, misses=75)
    write_evaluation(many, run / "evaluation" / "evaluation.json")
    page = Page(write_report(run))
    assert "Not shown: 5 further types of defect" in page.text
    assert "15 other types: 60 photos" in page.text  # in the histogram
    assert page.text.count("This photo cannot be shown.") == 40  # there are no such files


@pytest.mark.parametrize(("good", "worst", "highest"), [(2, 0, 1), (5, 1, 1), (9, 1, 0)])
def test_only_good_photos_that_alarmed_are_called_false_alarms(
    run: Path, evaluation: Evaluation, good: int, worst: int, highest: int
) -> None:
    alarms = max(0, good - 3)  # photos score 0, 1, 2, ..., and are alarms from 3 on
    kinds = {"good": replace(evaluation.defect_types["good"], photos=good, judged_anomalous=alarms)}
    alone = replace(judged({"good": good}, evaluation), defect_types=kinds, defective_photos=0, misses=0)
    alone = replace(alone, good_photos=good, false_alarms=alarms)
    write_evaluation(alone, run / "evaluation" / "evaluation.json")
    page = Page(write_report(run))
    assert page.text.count("Worst false alarms") == worst
    assert page.text.count("Good photos with the highest scores") == highest
    assert page.text.count("none is a false alarm") == (alarms == 0)


def test_pictures_are_returned_and_the_groups_that_were_given_stay_as_they_were(
    predictor: Predictor, evaluation: Evaluation
) -> None:
    groups = choose(evaluation)
    drawn = with_pictures(groups, predictor)
    assert groups == choose(evaluation)
    assert all(figure.photo is None for group in groups for figure in group.figures)
    assert all(figure.photo is not None for group in drawn for figure in group.figures)
    assert names(drawn) == names(groups)


def picture(uri: str | None) -> NDArray[np.int64]:
    assert uri is not None
    return np.array(Image.open(BytesIO(b64decode(uri.partition(",")[2]))).convert("RGB"), np.int64)


def true_line(pixels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Where the true contour is orange."""
    return np.asarray((pixels[..., 0] > 200) & (pixels[..., 1] > 100) & (pixels[..., 2] < 100))


def test_the_true_contour_lies_around_the_defect_of_the_mask(predictor: Predictor, tmp_path: Path) -> None:
    save_png(tmp_path / "test" / "dot" / "a.png", np.full((200, 100, 3), 128, np.uint8))
    mask = np.zeros((200, 100), np.bool_)
    mask[40:60, 20:30] = True
    save_png(tmp_path / "ground_truth" / "dot" / "a.png", mask)
    save_png(tmp_path / "test" / "good" / "b.png", np.full((200, 100, 3), 120, np.uint8))
    groups = choose(evaluate_predictor(predictor, MVTEC_AD.find(tmp_path, None)))
    groups = with_pictures(groups, predictor)
    shown = (groups[1].lowest + groups[1].highest)[0]
    pixels = picture(shown.photo)
    assert pixels.shape == (640, 320, 3) == (*shown.size, 3)
    orange = true_line(pixels)
    rows, columns = np.nonzero(orange)
    top, bottom, left, right = 40 * 3.2, 60 * 3.2, 20 * 3.2, 30 * 3.2
    assert top - 8 <= rows.min() < top and bottom <= rows.max() <= bottom + 7
    assert left - 8 <= columns.min() < left and right <= columns.max() <= right + 7
    assert not orange[round(top) + 2 : round(bottom) - 2, round(left) + 2 : round(right) - 2].any()
    assert not any(shown.outlined for shown in groups[0].highest)


def test_a_defect_of_several_masks_of_odd_values_is_outlined_as_the_data_set_says(
    predictor: Predictor, tmp_path: Path
) -> None:
    save_png(tmp_path / "dot.png", np.full((200, 100, 3), 128, np.uint8))
    masks = []
    for number, top in enumerate((20, 140)):
        values = np.zeros((200, 100), np.uint8)
        values[top : top + 20, 30:50] = 3  # a class number: too dark to count as bright
        Image.fromarray(values).save(tmp_path / f"mask {number}.png")
        masks.append(tmp_path / f"mask {number}.png")
    sample = Sample(image=tmp_path / "dot.png", defect_type="dot", masks=tuple(masks), mask_values="any")
    (group,) = with_pictures(choose(evaluate_predictor(predictor, [sample])), predictor)
    (figure,) = group.figures
    assert "unusual: another shape: 100x200 where it learned 64x64 (width x height)" in figure.notes
    assert figure.outlined and set(figure.notes[1:]) <= {"what is marked is not the true defect", "nothing is marked"}
    pixels = picture(figure.photo)
    orange = true_line(pixels)
    assert orange[40:160].any() and orange[400:560].any() and not orange[200:400].any()


def test_a_photo_of_noise_is_no_larger_than_a_file_may_be(predictor: Predictor, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (900, 700, 3), np.uint8)
    save_png(tmp_path / "test" / "good" / "a.png", noise)
    save_png(tmp_path / "test" / "dot" / "b.png", np.repeat(np.repeat(noise[:160, :160], 2, 0), 2, 1))
    groups = choose(evaluate_predictor(predictor, MVTEC_AD.find(tmp_path, None)))
    groups = with_pictures(groups, predictor)
    for shown in [shown for group in groups for shown in (*group.lowest, *group.highest)]:
        assert len(shown.photo or "") <= LARGEST_FILE * 4 / 3 + 40
        assert len(shown.overlay or "") <= LARGEST_FILE * 4 / 3 + 40


def test_a_mark_too_small_for_the_small_picture_is_no_missing_mark(predictor: Predictor, tmp_path: Path) -> None:
    class Dot:
        """A runtime that marks two pixels of 1024x1024."""

        def run(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
            maps = np.zeros((len(images), *images.shape[2:]), np.float32)
            maps[:, 10, 10:12] = 1.2 * max(predictor.calibration.pixel.value, predictor.threshold)
            return maps

    save_png(tmp_path / "test" / "dot" / "a.png", np.full((1024, 1024, 3), 128, np.uint8))
    mask = np.zeros((1024, 1024), np.bool_)
    mask[500:600, 500:600] = True
    save_png(tmp_path / "ground_truth" / "dot" / "a.png", mask)
    dot = Predictor(
        Dot(), Framing(image_size=(1024, 1024)), score=Score(kind="maximum"), calibration=predictor.calibration
    )
    groups = choose(evaluate_predictor(dot, MVTEC_AD.find(tmp_path, None)))
    groups = with_pictures(groups, dot)
    (shown,) = groups[0].lowest + groups[0].highest
    assert shown.notes == ("what is marked is not the true defect",)


def test_an_alarm_for_another_reason_than_the_defect_is_told(
    predictor: Predictor, evaluation: Evaluation, tmp_path: Path
) -> None:
    alarm = max(
        (photo for photo in evaluation.photos if photo.defect_type != "good"), key=lambda photo: photo.anomaly_score
    )
    prediction = predictor.predict(alarm.image)
    assert prediction.predicted_mask.any(), "the test needs a find"
    here, elsewhere = prediction.predicted_mask, np.ones(prediction.photo_size, np.bool_)
    for region in prediction.regions:
        left, top, right, bottom = region.box
        elsewhere[max(top - 3, 0) : bottom + 3, max(left - 3, 0) : right + 3] = False
    for mask, told in ((here, False), (elsewhere, True)):
        save_png(tmp_path / "mask.png", mask)
        photo = replace(alarm, masks=[str(tmp_path / "mask.png")], verdict="anomalous")
        groups = choose(replace(evaluation, photos=[photo]))
        groups = with_pictures(groups, predictor)
        assert ("what is marked is not the true defect" in groups[0].lowest[0].notes) == told
