"""Photos on the disk, judged by a network that measures brightness: what is counted, left out, and said."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from blemish.data.dataset import Dataset, Sample
from blemish.data.digest import file_digest
from blemish.data.framing import Framing
from blemish.data.mvtec_ad import MVTEC_AD
from blemish.errors import DataError, OutputError
from blemish.evaluation.evaluate import evaluate_predictor
from blemish.inference.predictor import Predictor
from blemish.metrics import METRICS
from blemish.metrics.intervals import binomial
from blemish.metrics.pixels import iap, pro
from blemish.metrics.ranking import auroc, average_precision
from blemish.model.score import Score
from blemish.model.thresholds import Calibration, Threshold

SIDE = 32
MAXIMUM = Score(kind="maximum")


class Brightness:
    """A runtime whose map is the grey value, 0 to 1."""

    def run(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        maps: NDArray[np.float32] = images.mean(axis=1)
        return maps


def threshold(value: float, *, promised_rate: float | None = 0.1) -> Threshold:
    return Threshold(value=value, asked_rate=0.1, promised_rate=promised_rate, rate_95=None)


CALIBRATION = Calibration(scores=(0.1,), peaks=(0.1,), image=threshold(0.6), pixel=threshold(0.5))


def predictor(calibration: Calibration = CALIBRATION) -> Predictor:
    return Predictor(Brightness(), Framing(image_size=(SIDE, SIDE)), score=MAXIMUM, calibration=calibration)


def save(path: Path, grey: NDArray[np.uint8]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(grey).save(path)
    return path


@pytest.fixture
def parts(tmp_path: Path) -> Dataset:
    """Eight good photos, five scratched and five dented ones; some good ones are bright, some defects faint."""
    rng = np.random.default_rng(0)
    brightness = {"good": range(100, 180, 10), "dent": range(130, 230, 20), "scratch": range(150, 250, 20)}
    for name, of_type in brightness.items():
        for number, bright in enumerate(of_type):
            grey = rng.integers(0, 120, (SIDE, SIDE)).astype(np.uint8)
            mask = np.zeros((SIDE, SIDE), np.uint8)
            y, x = rng.integers(0, SIDE - 6, 2)
            grey[y : y + 6, x : x + 6] = bright
            mask[y : y + 6, x : x + 6] = 255
            save(tmp_path / "test" / name / f"{number}.png", grey)
            if name != "good":
                save(tmp_path / "ground_truth" / name / f"{number}_mask.png", mask)
    return MVTEC_AD.find(tmp_path, None)


def arrays(samples: tuple[Sample, ...]) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.float32]]:
    """(anomalous, masks, maps) as plainly as can be."""
    maps = np.stack([np.array(Image.open(s.image).convert("RGB"), np.float32).mean(axis=2) / 255 for s in samples])
    masks = np.stack(
        [np.array(Image.open(s.masks[0])) > 0 if s.masks else np.zeros((SIDE, SIDE), bool) for s in samples]
    )
    return np.array([s.anomalous for s in samples]), masks, maps


def test_metrics_are_those_of_the_photos_maps_and_masks(parts: Dataset) -> None:
    anomalous, masks, maps = arrays(parts.test)
    found = evaluate_predictor(predictor(), parts)
    assert found.metrics["image_auroc"] == pytest.approx(auroc(anomalous, maps.max(axis=(1, 2))))
    assert found.metrics["pixel_auroc"] == pytest.approx(auroc(masks, maps))
    assert found.metrics["pro"] == pytest.approx(pro(masks, maps))
    assert found.metrics["iap"] == pytest.approx(iap(masks, maps))
    assert found.undefined == {}
    assert set(found.metrics) == set(found.intervals) == set(METRICS) - {"spro_05"}
    assert {name for name, interval in found.intervals.items() if interval is None} == {"aupimo", "seg_f1"}
    for name, interval in found.intervals.items():
        if interval is None:
            continue
        assert interval[0] <= (found.metrics[name] or 0) <= interval[1]
    assert {"image_roc", "image_pr", "pixel_roc", "pixel_pr", "pro"} == set(found.curves)


def test_every_photo_is_counted_at_the_thresholds(parts: Dataset) -> None:
    found = evaluate_predictor(predictor(replace(CALIBRATION, check=threshold(0.55))), parts)
    bright = {name: [b / 255 for b in r] for name, r in (("good", range(100, 180, 10)), ("bad", range(130, 230, 20)))}
    assert found.good_photos == 8
    assert found.false_alarms == sum(b > 0.6 for b in bright["good"]) == 2
    assert found.marked_good_photos == sum(b > 0.5 for b in bright["good"]) == 5
    assert found.defect_types["dent"].judged_anomalous == sum(b > 0.6 for b in bright["bad"]) == 3
    assert found.misses == 10 - sum(found.defect_types[name].judged_anomalous for name in ("dent", "scratch"))
    assert found.false_alarm_interval == pytest.approx((0.0319, 0.6509), abs=1e-4)  # Clopper-Pearson of 2 in 8
    assert [photo.verdict for photo in found.photos if photo.defect_type == "good"].count("check") == 1  # 150 of 255
    assert (found.threshold, found.asked_rate, found.promised_rate) == (0.6, 0.1, 0.1)
    assert not found.threshold_estimated


def test_a_score_at_the_threshold_is_no_alarm(parts: Dataset) -> None:
    scores = sorted(p.anomaly_score for p in evaluate_predictor(predictor(), parts).photos if p.defect_type == "good")
    found = evaluate_predictor(predictor(replace(CALIBRATION, image=threshold(scores[-2]))), parts)
    assert found.false_alarms == [photo.verdict for photo in found.photos].count("anomalous") - 10 + found.misses == 1


def test_an_estimated_threshold_is_called_one(parts: Dataset) -> None:
    found = evaluate_predictor(predictor(replace(CALIBRATION, image=threshold(0.6, promised_rate=None))), parts)
    assert found.threshold_estimated
    assert found.promised_rate is None


def test_each_defect_type_is_measured_against_the_good_photos(parts: Dataset) -> None:
    found = evaluate_predictor(predictor(), parts)
    assert list(found.defect_types) == ["good", "dent", "scratch"]
    anomalous, masks, maps = arrays(tuple(s for s in parts.test if s.defect_type != "dent"))
    scratch = found.defect_types["scratch"]
    assert scratch.photos == 5
    assert scratch.metrics["image_auroc"] == pytest.approx(auroc(anomalous, maps.max(axis=(1, 2))))
    assert scratch.metrics["pixel_auroc"] == pytest.approx(auroc(masks, maps))
    assert scratch.metrics["pixel_ap"] == pytest.approx(average_precision(masks, maps))
    assert scratch.metrics["pro"] == pytest.approx(pro(masks, maps))
    assert set(found.defect_types["good"].metrics.values()) == {None}


def test_photos_are_listed_with_where_they_and_their_masks_are(parts: Dataset) -> None:
    found = evaluate_predictor(predictor(), parts)
    assert [photo.image for photo in found.photos] == [str(sample.image) for sample in parts.test]
    assert [photo.masks for photo in found.photos] == [[str(mask) for mask in s.masks] for s in parts.test]
    assert (found.dataset, found.root, found.category) == ("mvtec_ad", str(parts.root), None)


def test_a_mask_that_marks_nothing_is_named_for_its_photo_shows_a_defect(parts: Dataset) -> None:
    black = next(s for s in parts.test if s.defect_type == "dent")
    assert black.masks
    save(black.masks[0], np.zeros((SIDE, SIDE), np.uint8))
    found = evaluate_predictor(predictor(), parts)
    (line,) = found.unreadable
    assert str(black.masks[0]) in line
    assert "marks no defect" in line
    assert (found.without_mask, found.lost_masks) == (1, 0)


def test_a_photo_that_goes_away_once_it_was_judged_loses_nothing(parts: Dataset) -> None:
    digests = [file_digest(sample.image) for sample in parts.test]

    def take_away(done: int, of: int) -> None:
        if done == of:
            parts.test[0].image.unlink()

    found = evaluate_predictor(predictor(), parts, known_digests=digests, on_photo=take_away)
    assert len(found.photos) == len(parts.test)
    assert found.duplicates == [str(sample.image) for sample in parts.test]  # their files are read once


def test_a_mask_of_another_size_is_named_and_its_photo_counts_in_metrics_of_images(parts: Dataset) -> None:
    wrong = next(s for s in parts.test if s.defect_type == "dent")
    assert wrong.masks
    save(wrong.masks[0], np.full((SIDE, SIDE // 2), 255, np.uint8))
    found = evaluate_predictor(predictor(), parts)
    assert len(found.photos) == 18
    assert found.metrics["image_auroc"] is not None
    assert found.unreadable == [
        f"{wrong.masks[0]} is 16x32, its photo 32x32: a mask must have its photo's size; "
        "its photo counts in metrics of images only"
    ]
    assert found.without_mask == 1
    assert next(photo for photo in found.photos if photo.image == str(wrong.image)).masks == []


@pytest.mark.parametrize("lost", ["deleted", "not listed"])
def test_without_all_masks_there_are_metrics_of_images_and_of_the_types_that_have_them(
    parts: Dataset, lost: str
) -> None:
    without = next(s for s in parts.test if s.defect_type == "dent")
    assert without.masks
    samples = list(parts.test)
    if lost == "deleted":
        without.masks[0].unlink()
    else:
        samples[samples.index(without)] = replace(without, masks=())
    found = evaluate_predictor(predictor(), samples)
    assert found.metrics["image_auroc"] is not None
    for name in ("pixel_auroc", "pixel_ap", "pro", "iap", "iap_at_90"):
        assert found.metrics[name] is None
        assert found.intervals[name] is None
        assert "no masks of 1 defective photo: " in found.undefined[name]
    assert found.defect_types["dent"].metrics["pixel_auroc"] is None
    assert found.defect_types["dent"].metrics["image_auroc"] is not None
    assert found.defect_types["scratch"].metrics["pixel_auroc"] is not None
    assert set(found.curves) == {"image_roc", "image_pr"}
    assert len(found.unreadable) == (lost == "deleted")


def test_an_unreadable_photo_is_left_out_and_the_others_are_measured(parts: Dataset) -> None:
    parts.test[0].image.write_bytes(b"")
    found = evaluate_predictor(predictor(), parts)
    assert len(found.photos) == 17
    assert found.defective_photos == 9
    (line,) = found.unreadable
    assert line.startswith(f"left out: {parts.test[0].image}: ")


def test_what_the_dataset_could_not_use_is_reported_too(parts: Dataset) -> None:
    found = evaluate_predictor(predictor(), replace(parts, left_out=(DataError("m.png: has no photo"),)))
    assert found.unreadable == ["left out: m.png: has no photo"]


@pytest.mark.parametrize("kind", ["good", "dent"])
def test_one_class_only_is_said_in_words_and_never_a_half(parts: Dataset, kind: str) -> None:
    samples = [sample for sample in parts.test if sample.defect_type == kind]
    found = evaluate_predictor(predictor(), samples)
    for name in ("image_auroc", "image_ap", "image_f1_max"):
        assert found.metrics[name] is None
        assert found.intervals[name] is None
        assert "this metric needs some of both" in found.undefined[name]
    assert (found.metrics["pixel_auroc"] is None) == (kind == "good")  # defective photos have normal pixels too
    rates = (found.false_alarm_interval, found.miss_interval)
    assert [rate is None for rate in rates] == [kind == "dent", kind == "good"]


def test_copies_of_known_photos_are_listed(parts: Dataset) -> None:
    known = [parts.test[2].image, parts.test[9].image]
    digests = {file_digest(path) for path in known} | {"0123456789abcdef"}
    assert evaluate_predictor(predictor(), parts, known_digests=digests).duplicates == [str(path) for path in known]
    assert evaluate_predictor(predictor(), parts).duplicates == []


def test_a_defect_lost_in_resizing_is_counted_and_its_pixels_are_normal(parts: Dataset, tmp_path: Path) -> None:
    large, speck = np.full((320, 320), 90, np.uint8), np.zeros((320, 320), np.uint8)
    speck[0, 0] = 255
    image, mask = save(tmp_path / "large.png", large), save(tmp_path / "speck.png", speck)
    found = evaluate_predictor(predictor(), [*parts.test, Sample(image=image, defect_type="speck", masks=(mask,))])
    assert found.lost_masks == 1
    assert found.without_mask == 0
    assert found.metrics["pixel_auroc"] is not None
    assert found.defect_types["speck"].metrics["pixel_auroc"] is None
    assert found.defect_types["speck"].metrics["image_auroc"] is not None


def test_progress_is_told_photo_by_photo(parts: Dataset) -> None:
    parts.test[3].image.unlink()
    seen: list[tuple[int, int]] = []
    evaluate_predictor(predictor(), parts, on_photo=lambda done, of: seen.append((done, of)))
    assert seen == [(done, 18) for done in range(1, 19)]


def test_nothing_to_judge_is_one_line() -> None:
    with pytest.raises(DataError, match=r"^no test photo could be judged: there is none$"):
        evaluate_predictor(predictor(), [])
    with pytest.raises(DataError, match=r"^no test photo could be judged: [^\n]*nowhere[^\n]*$"):
        evaluate_predictor(predictor(), [Sample(image=Path("/nowhere/photo.png"))])


class Vast:
    """A runtime whose maps would take terabytes, were they kept."""

    def run(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.broadcast_to(np.float32(0), (len(images), 1 << 20, 1 << 20))


class AsItComes:
    """What joins the one map of a photo by returning it."""

    values: NDArray[np.float32]

    def add(self, _number: int, found: NDArray[np.float32]) -> None:
        self.values = found


class Untiled(Framing):
    """Frames of one size, of which the joined map is as large as it comes."""

    def joining(self, *_: Any) -> Any:
        return AsItComes()


class First(Score):
    """The score of a map that is too large to look at."""

    def of(self, anomaly_map: NDArray[np.float32], **_: Any) -> float:
        return float(anomaly_map[0, 0])


def test_maps_that_find_no_room_are_refused_at_the_first_photo(parts: Dataset) -> None:
    framing = Untiled(image_size=(SIDE, SIDE))
    large = Predictor(Vast(), framing, score=First(kind="maximum"), calibration=CALIBRATION)
    with pytest.raises(OutputError, match=r"^[^\n]* need 7.92e\+04 GB[^\n]*TMPDIR[^\n]*$"):  # 18 maps of 4 * 2^40 bytes
        evaluate_predictor(large, parts)


def test_masks_are_made_at_each_photos_own_map_size(parts: Dataset, tmp_path: Path) -> None:
    wide, mask = np.full((SIDE, 2 * SIDE), 90, np.uint8), np.zeros((SIDE, 2 * SIDE), np.uint8)
    wide[4:12, 8:20], mask[4:12, 8:20] = 240, 255
    sample = Sample(
        image=save(tmp_path / "wide.png", wide), defect_type="wide", masks=(save(tmp_path / "m.png", mask),)
    )
    framing = Framing(image_size=(SIDE // 2, SIDE // 2), aspect=1.0)
    bordering = Predictor(Brightness(), framing, score=MAXIMUM, calibration=CALIBRATION)
    found = evaluate_predictor(bordering, [*parts.test[:9], sample])
    assert found.map_size is None
    assert found.defect_types["wide"].metrics["pro"] == pytest.approx(1)
    assert evaluate_predictor(bordering, parts.test).map_size == (SIDE // 2, SIDE // 2)


def test_what_was_passed_in_is_as_it_was_and_two_evaluations_are_the_same(parts: Dataset) -> None:
    judge = predictor()
    first, second = (replace(evaluate_predictor(judge, parts), judged_at="") for _ in range(2))
    assert first == second


def test_an_evaluation_says_when_and_of_which_unit_and_how_many_the_threshold_is(parts: Dataset) -> None:
    known = replace(CALIBRATION, scores=(0.1, 0.2), peaks=(0.1, 0.2), unit="parts")
    found = evaluate_predictor(predictor(known), parts)
    assert (found.unit, found.calibration_n) == ("parts", 2)
    age = datetime.now(UTC) - datetime.fromisoformat(found.judged_at)
    assert timedelta(seconds=-1) <= age < timedelta(minutes=5)


def test_parts_with_any_alarm_are_counted_where_names_say_which_part_a_photo_shows(parts: Dataset) -> None:
    # Good photos 0 to 7, the later ones brighter: 6 and 7 are alarms, 3 to 7 marked; several show one part.
    pairs = {"0": "a", "1": "a", "2": "b", "3": "b", "4": "c", "5": "d", "6": "d", "7": "d"}
    samples = []
    for sample in parts.test:
        name = f"{pairs[sample.image.stem] if not sample.anomalous else 'x'}_{sample.image.stem}.png"
        samples.append(replace(sample, image=sample.image.rename(sample.image.with_name(name))))
    found = evaluate_predictor(predictor(), samples, part="(.+)_[0-9]")
    assert found.good_parts is not None
    assert (found.good_parts.parts, found.good_parts.alarmed, found.good_parts.marked) == (4, 1, 3)
    assert found.good_parts.alarm_interval == binomial(1, 4)
    assert [photo.part for photo in found.photos if photo.defect_type == "good"] == list(pairs.values())
    assert evaluate_predictor(predictor(), samples).good_parts is None
    good = samples.index(next(sample for sample in samples if not sample.anomalous))
    other = samples[good].image.with_name("other.png")
    samples[good] = replace(samples[good], image=samples[good].image.rename(other))
    assert evaluate_predictor(predictor(), samples, part="(.+)_[0-9]").good_parts is None
