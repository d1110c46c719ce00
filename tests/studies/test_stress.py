"""`blemish stress`: photos that are changed are judged as any photo is, and what is said follows from that."""

import json
import shutil
from copy import copy
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

import blemish
from blemish.cli import app
from blemish.data.dataset import Dataset, Sample, dataset_of
from blemish.data.images import read_image
from blemish.data.mvtec_ad import MVTEC_AD
from blemish.data.reading import Reading
from blemish.errors import BlemishError, DataError
from blemish.evaluation.changed_photo import changed_photo, photo_seed
from blemish.evaluation.stress_next_steps import steps_against_changes
from blemish.evaluation.stress_record import STRESS_FILE, StressTest, read_stress
from blemish.inference.predictor import Predictor
from blemish.model.artifact import read_artifact
from blemish.progress import say_nothing
from blemish.report.stress_page import STRESS_PAGE
from blemish.studies.drawn_photos import draw_good
from blemish.studies.stress import measure_stress
from blemish.studies.stress_plan import stress_plan
from blemish.synthesis.conditions import CONDITIONS
from report.reading import Page

TRIED = ("brightness=0.02", "brightness=1.1", "shift=8,noise=0.3", "resize=nearest", "resize=lanczos")
FEW = 4


@pytest.fixture(scope="module")
def photos(parts: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Four good photos and four defective ones, larger than the model sees them, and one that is broken."""
    root = tmp_path_factory.mktemp("photos")
    for kind in ("good", "scratch"):
        folder = root / "test" / kind
        folder.mkdir(parents=True)
        of_kind = [sample for sample in parts.test if sample.anomalous == (kind == "scratch")]
        for number, sample in enumerate(of_kind[:FEW]):
            Image.open(sample.image).resize((96, 96)).save(folder / f"{number}.png")
    (root / "test" / "good" / "broken.png").write_bytes(b"no picture")
    return MVTEC_AD.find(root, None)


@pytest.fixture(scope="module")
def predictor(stpm_exported: Path) -> Predictor:
    return blemish.open(stpm_exported, runtime="onnx")


@pytest.fixture(scope="module")
def output(stpm_exported: Path, photos: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a test leaves, with its limits; never to be changed."""
    out = tmp_path_factory.mktemp("stress") / "out"
    limits = out / "limits.json"
    blemish.stress(stpm_exported, photos, photos, conditions=TRIED, output=out, runtime="onnx", write_limits=limits)
    return out


@pytest.fixture(scope="module")
def measured(output: Path) -> StressTest:
    return read_stress(output / STRESS_FILE)


def test_every_figure_is_that_of_photos_changed_and_judged_one_by_one(
    measured: StressTest, predictor: Predictor
) -> None:
    framing = predictor.framing
    good = [path for path in measured.photos if "good" in path]
    assert measured.good.photos == len(good) == FEW and len(measured.photos) == 2 * FEW
    for condition in measured.conditions:
        for counts in condition.strengths:
            if condition.name == "resize":  # judged within the framing, which resizes no more
                continue
            judged = []
            for place, path in enumerate(good):
                seed = photo_seed(measured.seed, place, good=True)
                changed = changed_photo(
                    read_image(Path(path)), condition.name, counts.value, framing=framing, seed=seed
                )
                assert not isinstance(changed, str)
                judged.append(predictor.predict(changed))
            assert counts.good.wrong == sum(seen.alarm for seen in judged), (condition.name, counts.key)
            assert counts.good.unusual == sum(seen.verdict == "unusual" for seen in judged)
    unchanged = [predictor.predict(path).alarm for path in measured.photos]
    assert measured.good.wrong == sum(unchanged[:FEW])
    assert measured.defective is not None and measured.defective.wrong == FEW - sum(unchanged[FEW:])


def test_what_was_tried_is_what_was_asked_for(measured: StressTest, photos: Dataset) -> None:
    tried = {condition.name: [counts.key for counts in condition.strengths] for condition in measured.conditions}
    kernels = ["nearest", "lanczos"]
    assert tried == {"brightness": ["0.02", "1.1"], "shift": ["8"], "noise": ["0.3"], "resize": kernels}
    assert [line for line in measured.unreadable if "broken.png" in line] == measured.unreadable != []
    assert measured.good_root == str(photos.base) and measured.found == (FEW + 1, FEW)


def test_a_lamp_that_goes_out_and_strong_noise_break_it(measured: StressTest) -> None:
    by_name = {condition.name: condition for condition in measured.conditions}
    dark, noisy = by_name["brightness"].strengths[0], by_name["noise"].strengths[0]
    assert dark.good.wrong == dark.good.unusual == FEW and dark.good.newly == FEW - measured.good.wrong
    assert dark.holding == noisy.holding == "breaks" and noisy.good.wrong > measured.good.wrong


def test_other_conditions_change_no_figure_and_photos_bound_the_cost(
    stpm_exported: Path, photos: Dataset, measured: StressTest
) -> None:
    done: list[int] = []
    alone = blemish.stress(
        stpm_exported,
        photos,
        conditions=("noise=0.3",),
        photos=FEW,
        runtime="onnx",
        on_progress=lambda progress: done.append(progress.total),
    )
    (noise,) = alone.conditions
    assert noise.strengths[0].good == next(c for c in measured.conditions if c.name == "noise").strengths[0].good
    assert noise.strengths[0].defective is None and alone.defective is None and len(done) == done[0] == 2 * FEW
    one = blemish.stress(stpm_exported, photos, conditions=("noise=0.3",), photos=1, runtime="onnx")
    assert len(one.photos) == 1 and one.photos[0] in measured.photos


def test_photos_that_the_model_was_trained_on_are_passed_over(stpm_exported: Path, parts: Dataset) -> None:
    training = read_artifact(stpm_exported).training
    found = blemish.stress(stpm_exported, replace(parts, test=()), conditions=("shift=8",), photos=3, runtime="onnx")
    known = training.files[: training.calibrated_from]
    assert found.known and found.calibrating == len(found.photos) == 3 and not set(found.photos) & set(known)
    seen = replace(parts, train=tuple(s for s in parts.train if str(s.image) in known), test=())
    with pytest.raises(DataError, match="was trained on all"):
        blemish.stress(stpm_exported, seen, conditions=("shift=8",), runtime="onnx")
    with pytest.raises(DataError, match="holds no defective photo"):
        blemish.stress(stpm_exported, parts, replace(parts, test=()), photos=1, runtime="onnx")


def test_the_page_shows_each_strength(measured: StressTest, output: Path) -> None:
    page = Page(output / STRESS_PAGE)
    text = page.text.replace("\N{NO-BREAK SPACE}", " ")
    for condition in measured.conditions:
        assert condition.says in text.replace(condition.says.capitalize(), condition.says)
        assert sum(section["id"] == condition.name for section in page.all("section") if "id" in section) == 1
    assert len(page.all("svg")) == len(measured.conditions)
    assert len(page.all("img")) == sum(1 + len(condition.strengths) for condition in measured.conditions)
    assert all(image["src"].startswith("data:image/jpeg") and image["alt"] for image in page.all("img"))
    assert "http" not in page.source.replace("http-equiv", "") and (output / STRESS_PAGE).stat().st_size < 500_000
    assert all(f">{label}</text>" in page.source for label in ("+10 %", "8 px", "nearest", "lanczos"))
    for said in ("brighter than white is white", "mirrored", "no mask had to move", "4 for being unusual alone"):
        assert said in text


def test_what_photos_cannot_be_is_not_tried_and_said(stpm_exported: Path, parts: Dataset, tmp_path: Path) -> None:
    found = blemish.stress(
        stpm_exported, parts, conditions=("resize",), photos=1, output=tmp_path / "out", runtime="onnx"
    )
    why = "the model sees photos at their own size, and resizes none"
    assert found.left_out == {"resize": why} and not found.conditions
    assert f"Not tried: resize, for {why}" in Page(tmp_path / "out" / STRESS_PAGE).text


def test_a_photo_is_the_page_that_the_model_reads(
    predictor: Predictor, stpm_exported: Path, parts: Dataset, tmp_path: Path
) -> None:
    photo = Image.open(next(sample.image for sample in parts.test if not sample.anomalous)).convert("RGB")
    Image.new("RGB", photo.size).save(tmp_path / "two.tif", save_all=True, append_images=[photo])
    found = dataset_of(train=[Sample(image=tmp_path / "two.tif")])
    plan = stress_plan(("shift=1",), photos=1, seed=0, limits=None)
    unusual = {}
    for page in (1, 2):
        reader, reading = copy(predictor), Reading(pages=(page,))
        reader.framing = replace(predictor.framing, reading=reading)
        drawn = draw_good(found, read_artifact(stpm_exported).training, most=1, seed=0, reading=reading)
        unusual[page] = measure_stress(reader, drawn, None, plan=plan, on_progress=say_nothing).good.unusual
    assert unusual == {1: 1, 2: 0}


def test_next_steps_name_an_option_of_training_that_is_stronger_than_what_was_asked_for(
    measured: StressTest, stpm_exported: Path
) -> None:
    artifact = read_artifact(stpm_exported)
    dark = measured.conditions[0].strengths[0]
    for_its_score = replace(dark, holding="breaks", good=replace(dark.good, unusual=0))
    broken = replace(measured, conditions=[replace(measured.conditions[0], strengths=[for_its_score])])
    for extent, stronger in (("off", "mild"), ("mild", "strong"), ("strong", None)):
        settings = {**artifact.training.settings, "light": extent}
        trained = replace(artifact, training=replace(artifact.training, settings=settings))
        (step,) = steps_against_changes(trained, broken)
        assert (f"--light {stronger}" in step.action and f"--light {stronger}" in str(step.command)) is (
            extent != "strong"
        )
        assert ("--light" in step.action) is (extent != "strong")
    unusual = replace(for_its_score, good=replace(dark.good, unusual=dark.good.wrong))
    broken = replace(measured, conditions=[replace(measured.conditions[0], strengths=[unusual])])
    (step,) = steps_against_changes(artifact, broken)
    assert "unusual" in step.evidence and step.command is not None and "calibrate" in step.command
    assert not steps_against_changes(artifact, replace(measured, conditions=[]))


def test_the_command_keeps_limits_or_ends_with_1(
    stpm_exported: Path,
    photos: Dataset,
    output: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    limits, out = output / "limits.json", tmp_path / "out"
    good = tmp_path / "good"
    shutil.copytree(photos.base / "test" / "good", good, ignore=shutil.ignore_patterns("broken.png"))
    kept = {key: {"false_alarms": limit["false_alarms"]} for key, limit in json.loads(limits.read_text()).items()}
    (tmp_path / "limits.json").write_text(json.dumps(kept))
    words = ["stress", str(stpm_exported), str(good), "--output", str(out), "--runtime", "onnx"]
    words += ["--limits", str(tmp_path / "limits.json")]
    assert app(words, result_action="return_value") == 0
    said = capsys.readouterr().out
    assert "within all limits" in said and "brightness  -98 %" in said and "What breaks first is" in said
    assert read_stress(out / STRESS_FILE).limits == kept
    (tmp_path / "limits.json").write_text('{"brightness 0.020": {"false_alarms": 0.25}}')
    assert app(words, result_action="return_value") == 1
    said_at_last = capsys.readouterr().err.strip().splitlines()[-1]
    assert said_at_last == (
        f"blemish: beyond the limit: brightness 0.02: {FEW} of {FEW} good photos are false alarms (100 %), 25 % may be"
    )
    (good / "broken.png").write_bytes(b"no picture")
    assert app([*words[:-2], "--conditions", "shift=1"], result_action="return_value") == 2
    assert "broken.png" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"conditions": ("fog",)}, "give some of brightness"),
        ({"conditions": ("shift=-1",)}, "is no strength"),
        ({"photos": 0}, "at least 1"),
        ({"limits": {"shift 8": 0.1}}, "needs false_alarms"),
        ({"limits": "nowhere.json"}, "no such file"),
    ],
)
def test_what_cannot_be_tried_is_one_line_and_leaves_no_folder(
    settings: dict[str, object], words: str, stpm_exported: Path, photos: Dataset, tmp_path: Path
) -> None:
    with pytest.raises(BlemishError, match=words) as raised:
        blemish.stress(stpm_exported, photos, output=tmp_path / "out", **settings)  # type: ignore[arg-type]
    assert "\n" not in str(raised.value) and not (tmp_path / "out").exists()


def test_unasked_every_condition_is_tried() -> None:
    plan = stress_plan((), photos=1, seed=0, limits=None)
    assert {change.condition for change in plan.changes(64)} == set(CONDITIONS)
    of_limits = stress_plan((), photos=1, seed=0, limits={"unchanged": {}, "jpeg 50": {}, "shift 3": {}})
    assert [(change.condition, change.strength) for change in of_limits.changes(64)] == [("shift", 3.0), ("jpeg", 50.0)]
