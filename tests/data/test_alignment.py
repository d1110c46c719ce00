"""Photos are laid on what good parts look like: how well, what it does to maps and regions, and where it is refused."""

import json
import logging
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from copies import copied

pytest.importorskip("cv2")

import blemish
import commands
from blemish.calibration.promise import calibration_of
from blemish.data import images
from blemish.data.alignment import Alignment, Placement, small_grey
from blemish.data.alignment_reference import learn_alignment
from blemish.data.dataset import Sample, dataset_of
from blemish.data.description import describe
from blemish.data.drawn_regions import AskedInterest, read_drawn
from blemish.data.framing import Framing
from blemish.data.images import Pixels, read_header, resize_image, save_png
from blemish.data.interest import Interest
from blemish.data.reading import FIRST_PAGE
from blemish.errors import ArtifactError, MissingExtraError, SettingsError
from blemish.inference.prediction import Prediction
from blemish.inference.predictor import Predictor
from blemish.model.artifact import read_artifact
from blemish.model.score import Score
from blemish.model.usual import learn_usual
from blemish.training import aligning
from blemish.training.aligning import aligned_framing, could_be_aligned, gain_of_aligning
from blemish.training.arrangement import intended
from blemish.training.findings import look_into

SIZE = (96, 128)
SPOT = (60, 44)  # (x, y) on the part


@cache
def part() -> Pixels:
    """A plate with holes and a groove, which looks like itself in one place only."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float32)
    photo = np.full(SIZE, 40.0, np.float32)
    photo[(np.abs(x - 62) < 40) & (np.abs(y - 48) < 28)] = 150
    for left, top, radius, grey in ((38, 36, 9, 60), (84, 58, 6, 220), (44, 64, 5, 90)):
        photo[(x - left) ** 2 + (y - top) ** 2 < radius**2] = grey
    photo[(np.abs(y - 30 - 0.2 * x) < 2) & (x > 60) & (x < 96)] = 90
    return photo.astype(np.uint8)[:, :, None].repeat(3, 2)


def lying(turn: float, across: float, down: float, *, of: Pixels | None = None, seed: int = 0) -> Pixels:
    """The part turned (degrees) and moved (shares of width and height), with a camera's noise."""
    photo = part() if of is None else of
    where = Placement(photo_size=SIZE, turn=-turn, across=-across, down=-down, agreement=1.0)
    noise = np.random.default_rng(seed).normal(0, 4, SIZE)[:, :, None]
    return np.clip(where.aligned(photo) + noise, 0, 255).astype(np.uint8)


MOVED = [
    (turn, across, down) for turn in (-5.0, 0.0, 5.0) for across, down in ((-0.05, 0.03), (0.0, 0.0), (0.04, -0.05))
]


@cache
def alignment() -> Alignment:
    photos = [lying(*where, seed=seed) for seed, where in enumerate(MOVED)]
    return learn_alignment([small_grey(photo, SIZE) for photo in photos], SIZE).alignment


def framing(**more: Any) -> Framing:
    return Framing(image_size=SIZE, alignment=alignment(), **more)


class Darkness:
    """A runtime that sees what is black, one pixel at a time."""

    def run(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        found: NDArray[np.float32] = np.maximum(0, 0.1 - images.mean(axis=1))
        return found


def judge(photo: Pixels, *, interest: Interest | None = None, usual: bool = False) -> Prediction:
    looks = [describe(framing().cut(lying(*where, seed=9)), SIZE, white=255) for where in MOVED] if usual else []
    calibration = calibration_of([0.05] * 99, [0.05] * 99, false_alarm_rate=0.01)
    predictor = Predictor(
        Darkness(),
        framing(),
        score=Score(),
        calibration=replace(calibration, unusual=2.5) if usual else calibration,
        interest=interest,
        usual=learn_usual(looks) if usual else None,
    )
    return predictor.predict(photo)


def off(placement: Placement, photo_size: tuple[int, int], wanted: NDArray[np.float64]) -> float:
    """How far corners come to lie from where they should, as a share of the longer side."""
    height, width = photo_size
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]]).T
    return float(np.linalg.norm((placement.matrix(photo_size) - wanted) @ corners, axis=0).mean()) / max(photo_size)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("zoom", [1, 3])
def test_how_a_part_lies_is_found_to_a_fraction_of_a_pixel(zoom: int, dtype: type[np.generic]) -> None:
    straight = alignment().place(lying(0, 0, 0))
    for turn, across, down in [*MOVED[::2], (40.0, 0.0, 0.0)]:
        photo = lying(turn, across, down).repeat(zoom, 0).repeat(zoom, 1).astype(dtype)
        found = alignment().place(photo * (16 if dtype is np.uint16 else 1))
        size = (photo.shape[0], photo.shape[1])
        moved = Placement(photo_size=size, turn=-turn, across=-across, down=-down, agreement=1.0).matrix(size)
        wanted = np.linalg.inv(moved) @ replace(straight, photo_size=size).matrix(size)
        assert off(found, size, wanted) < 0.005, (turn, across, down)
        assert alignment().misfit(found) < 2.5


@pytest.mark.parametrize("turn", range(0, 360, 20))
def test_a_part_that_lies_the_wrong_way_round_is_not_taken_for_laid(turn: int) -> None:
    """Upside down its outline is the same, so that it agrees with the reference by half where it lies."""
    upright = alignment().place(lying(0, 0, 0))
    found = alignment().place(lying(turn, 0.02, 0))
    assert found.agreement > upright.agreement - 0.05
    assert abs((found.turn - upright.turn - turn + 180) % 360 - 180) < 1


def test_parts_in_any_direction_are_laid_where_they_leave_the_picture_least() -> None:
    """Whichever photo the reference was begun with: the part comes to lie in the middle, around which it turns."""
    apart = [lying(turn, 0.06, -0.04, seed=turn) for turn in range(0, 360, 30)]
    found = learn_alignment([small_grey(photo, SIZE) for photo in apart], SIZE)
    places = [found.alignment.place(photo) for photo in apart]
    turned = np.sort([place.turn % 360 for place in places])
    assert np.diff(turned, append=turned[0] + 360) == pytest.approx(30, abs=1), "none is laid the wrong way round"
    once = [each.beside(places[0]) for each in places]
    for each, other in zip(places, once, strict=True):
        expected = each.matrix(SIZE) @ np.linalg.inv(places[0].matrix(SIZE))
        np.testing.assert_allclose(other.matrix(SIZE), expected, atol=1e-9)
    as_it_began = max(np.hypot(each.across * SIZE[1], each.down * SIZE[0]) for each in once)
    assert found.shift * SIZE[1] < as_it_began / 2 + 5


def test_a_map_laid_back_lies_where_the_photo_has_it() -> None:
    where = Placement(photo_size=SIZE, turn=7.0, across=0.04, down=-0.03, agreement=1.0)
    photo = np.random.default_rng(0).normal(0, 1, (6, 8)).repeat(16, 0).repeat(16, 1).astype(np.float32)
    back = where.laid_back(where.aligned(photo), outside=-9.0)
    seen = back > -8
    assert 0.8 < seen.mean() < 1
    assert np.median(np.abs(back - photo)[seen]) < 0.01
    coarse = where.laid_back(np.full((12, 16), 5.0, np.float32), outside=-9.0)
    assert np.mean((coarse > -2).repeat(8, 0).repeat(8, 1) == seen) > 0.95


def test_a_defect_is_marked_where_it_lies_on_the_photo_and_scores_as_if_it_lay_straight() -> None:
    scores = []
    for where in ((0.0, 0.0, 0.0), (5.0, 0.05, -0.04), (-20.0, 0.0, 0.05)):
        spoiled = part().copy()
        spoiled[SPOT[1] - 3 : SPOT[1] + 4, SPOT[0] - 3 : SPOT[0] + 4] = 0
        photo = lying(*where, of=spoiled)
        found = judge(photo)
        (region,) = found.regions
        y, x = np.argwhere(photo.mean(axis=2) < 12).mean(axis=0)
        assert np.hypot(region.centroid[0] - x, region.centroid[1] - y) < 1
        scores.append(found.anomaly_score)
    assert max(scores) - min(scores) < 0.01


def test_regions_of_interest_follow_the_part() -> None:
    drawn = read_drawn(AskedInterest(roi=(f"middle={SPOT[0] - 8},{SPOT[1] - 8},16,16",)))
    assert drawn is not None
    straight, turned = (judge(lying(*where), interest=drawn.on(SIZE)) for where in ((0, 0, 0), (30.0, 0.05, 0.0)))
    assert straight.inside is not None
    assert turned.inside is not None
    y, x = np.argwhere(turned.inside).mean(axis=0)
    moved = Placement(photo_size=SIZE, turn=-30.0, across=-0.05, down=0.0, agreement=1.0).matrix(SIZE)
    place = np.linalg.inv(moved) @ [SPOT[0], SPOT[1], 1]
    assert np.hypot(x - place[0], y - place[1]) < 1.5
    assert abs(int(turned.inside.sum()) - int(straight.inside.sum())) < 25
    assert list(turned.region_masks((192, 256))) == ["middle"]


def test_a_photo_that_cannot_be_laid_on_good_parts_is_unusual_and_says_why() -> None:
    usual = judge(lying(4.0, 0.03, 0.0), usual=True)
    assert (usual.verdict, usual.unusual_reason) == ("normal", None)
    mirrored = judge(lying(0, 0, 0, of=part()[:, ::-1].copy()), usual=True)
    assert mirrored.verdict == "unusual"
    assert "cannot be laid on the good parts" in str(mirrored.unusual_reason)
    empty = judge(np.full((*SIZE, 3), 100, np.uint8), usual=True)
    assert empty.verdict == "unusual"
    other_shape = alignment().place(np.zeros((96, 96, 3), np.uint8))
    assert (other_shape.turn, other_shape.across, other_shape.agreement) == (0, 0, 0)


def test_aligning_says_what_it_gains_and_is_refused_where_it_gains_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def framed(name: str, photos: list[Pixels]) -> Framing:
        for number, photo in enumerate(photos):
            save_png(tmp_path / name / f"{number}.png", photo)
        paths = sorted((tmp_path / name).iterdir())
        samples = [Sample(image=path) for path in paths]
        return aligned_framing(samples, Framing(image_size=SIZE), on_progress=lambda _: None)

    with caplog.at_level(logging.INFO, logger="blemish"):
        assert framed("moved", [lying(*where, seed=n) for n, where in enumerate(MOVED)]).alignment is not None
    assert caplog.messages[-1].startswith("aligned: two good photos correlate by 0.")
    assert "nine in ten lie within" in caplog.messages[-1]
    with caplog.at_level(logging.WARNING, logger="blemish"):
        framed("alike", [lying(0, 0, 0, seed=n) for n in range(6)])
    assert "which lie alike already" in caplog.messages[-1]
    textures = np.random.default_rng(0).integers(0, 256, (6, *SIZE, 3), dtype=np.uint8)
    with pytest.raises(SettingsError, match=r"^aligning brings the good photos no closer \(.*; train without align$"):
        framed("texture", list(textures))
    with pytest.raises(SettingsError, match=r"^2 readable good photos of one shape: aligning takes 5"):
        framed("few", [part(), lying(3, 0, 0)])


@pytest.mark.parametrize(("lie", "hinted"), [("anyhow", True), ("alike", False), ("surface", False), ("few", False)])
def test_it_is_said_where_aligning_would_help_that_nobody_asked_for(tmp_path: Path, lie: str, hinted: bool) -> None:
    rng = np.random.default_rng(0)
    for number in range(6 if lie == "few" else 20):
        photo = lying(0.0 if lie == "alike" else 36.0 * number, 0, 0, seed=number)
        if lie == "surface":
            photo = rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
        save_png(tmp_path / f"{number}.png", photo)
    samples = [Sample(image=path) for path in sorted(tmp_path.iterdir())]
    gain = gain_of_aligning(samples, FIRST_PAGE, on_progress=lambda _: None)
    assert (gain is not None) == hinted
    checked = look_into(dataset_of(train=samples), intended(None, {"image_size": 64}))
    hints = (
        [] if gain is None else [f"{could_be_aligned(gain)}: Mend, the default method, does so; others with --align"]
    )
    assert [line.strip() for line in checked.lines if "lie anyhow" in line] == hints
    with_align = look_into(dataset_of(train=samples), intended(None, {"image_size": 64, "align": True}))
    assert not any("lie anyhow" in line for line in with_align.lines)


def test_without_opencv_a_model_that_aligns_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = framing()
    monkeypatch.setitem(sys.modules, "cv2", None)
    calibration = calibration_of([0.5], [0.5], false_alarm_rate=0.5)
    with pytest.raises(MissingExtraError, match=r"aligning photos needs opencv-[^\n]*'blemish\[align\]'"):
        Predictor(Darkness(), expected, score=Score(), calibration=calibration)
    Predictor(Darkness(), Framing(image_size=SIZE), score=Score(), calibration=calibration)


def test_an_export_aligns_as_training_does_and_a_damaged_reference_is_one_line(
    stpm_exported: Path, tmp_path: Path
) -> None:
    model = copied(stpm_exported, tmp_path / "model")
    values = json.loads((model / "model.json").read_text())
    own = alignment()
    values["framing"]["alignment"] = {
        "size": list(own.size),
        "reference": own.reference,
        "agreement": own.agreement,
        "spread": own.spread,
    }
    (model / "model.json").write_text(json.dumps(values))
    photo = lying(5.0, 0.05, 0.0)
    aligned = own.place(photo).aligned(photo, shrinks=True)  # from 96x128 to 48x64
    found = blemish.open(model, runtime="onnx").predict(photo)
    assert found.anomaly_score == blemish.open(stpm_exported, runtime="onnx").predict(aligned).anomaly_score
    assert found.placement is not None
    assert found.placement.turn == pytest.approx(5, abs=0.6)
    assert commands.blemish("export", model, "--to", "onnx").out[-1].endswith("pip install 'blemish[onnx,align]'")
    values["framing"]["alignment"]["reference"] = "AAAA"
    (model / "model.json").write_text(json.dumps(values))
    with pytest.raises(ArtifactError, match=r"model.framing.alignment: a reference cannot be read"):
        read_artifact(model)


def test_training_keeps_what_photos_are_laid_on_which_no_calibration_photo_was_used_for(
    tmp_path: Path, seeded_resnet18: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[Path] = []

    def read_image(path: Path, **how: Any) -> Pixels:
        looked_at.append(path)
        return images.read_image(path, **how)

    monkeypatch.setattr(aligning, "read_image", read_image)
    for number, where in enumerate(MOVED):
        save_png(tmp_path / "good" / f"{number}.png", lying(*where, seed=number))
    options: dict[str, Any] = {"teacher_weights": seeded_resnet18, "image_size": 64, "steps": 1, "held_out": 0.3}
    model = blemish.train("stpm", tmp_path / "good", tmp_path / "run", align=True, **options)
    assert model.framing.alignment is not None
    assert model.training.settings["align"] is True
    calibrating = model.training.photos[model.training.calibrated_from :]
    assert len(looked_at) >= 5 and calibrating
    assert not {str(path) for path in looked_at} & {photo.file for photo in calibrating}
    assert read_header(tmp_path / "run" / "reference.png").size == (144, 192)
    predictor = blemish.open(tmp_path / "run", runtime="torch")
    scores = [predictor.predict(lying(*where, seed=99)).anomaly_score for where in MOVED[::4]]
    assert max(scores) < 1.2 * min(scores)


@pytest.mark.parametrize(
    ("method", "options", "aligns"),
    [
        ("mend", {}, True),
        ("mend", {"align": False}, False),
        ("mend", {"roi": "0,0,90,90"}, False),  # which is drawn on a photo as it lies
        ("stpm", {}, False),
    ],
)
def test_mend_lays_photos_on_one_another_where_parts_lie_anyhow_and_others_say_that_it_would_help(
    tmp_path: Path, seeded_resnet18: Path, method: str, options: dict[str, Any], aligns: bool
) -> None:
    for number in range(20):
        save_png(tmp_path / "good" / f"{number}.png", lying(36.0 * number, 0, 0, seed=number))
    options |= {"teacher": "resnet18", "teacher_weights": seeded_resnet18, "image_size": 64, "steps": 1}
    made = blemish.train(method, tmp_path / "good", tmp_path / "run", **options)
    assert (made.framing.alignment is not None) == aligns
    assert made.training.settings["align"] is aligns
    assert json.loads((tmp_path / "run" / "run.json").read_text())["training"]["align"] is aligns
    kept = read_artifact(tmp_path / "run").training.could_align
    assert (kept is None) == aligns
    assert kept is None or (kept[0] < 0.7 and kept[1] > 0.9)


def test_training_says_that_without_opencv_nobody_knows_how_parts_lie(
    tmp_path: Path, seeded_resnet18: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(aligning, "find_spec", lambda _: None)
    for number in range(20):
        save_png(tmp_path / "good" / f"{number}.png", lying(36.0 * number, 0, 0, seed=number))
    options: dict[str, Any] = {"teacher": "resnet18", "teacher_weights": seeded_resnet18, "image_size": 64, "steps": 1}
    with caplog.at_level("WARNING", logger="blemish"):
        blemish.train("mend", tmp_path / "good", tmp_path / "run", **options)
        assert sum("for that takes OpenCV: pip install 'blemish[align]'" in line for line in caplog.messages) == 1
        caplog.clear()
        blemish.train("mend", tmp_path / "good", tmp_path / "run", overwrite=True, align=False, **options)
        assert not any("OpenCV" in line for line in caplog.messages)


def test_mend_leaves_photos_as_they_lie_where_they_are_of_two_sizes_or_lie_alike(
    tmp_path: Path, seeded_resnet18: Path
) -> None:
    options: dict[str, Any] = {"teacher": "resnet18", "teacher_weights": seeded_resnet18, "image_size": 64, "steps": 1}
    for number in range(20):
        photo = lying(36.0 * number, 0, 0, seed=number)
        save_png(tmp_path / "sizes" / f"{number}.png", photo if number % 2 else photo[2:])
        save_png(tmp_path / "alike" / f"{number}.png", lying(0, 0, 0, seed=number))
    for folder in ("sizes", "alike"):
        made = blemish.train("mend", tmp_path / folder, tmp_path / f"run-{folder}", **options)
        assert made.framing.alignment is None and made.training.settings["align"] is False


def test_a_photo_that_was_resized_elsewhere_is_aligned_as_well() -> None:
    photo = lying(5.0, 0.05, 0.0).repeat(2, 0).repeat(2, 1)
    small = framing(aspect=SIZE[1] / SIZE[0])
    one, other = small.framed(photo), small.framed(photo, resized=resize_image(photo, SIZE))
    assert one.placement == other.placement is not None
    apart = np.abs(one.canvas.astype(int) - other.canvas)[8:-8, 8:-8]
    unaligned = np.abs(one.canvas.astype(int) - resize_image(photo, SIZE))[8:-8, 8:-8]
    assert apart.mean() < 3 < unaligned.mean() / 2
