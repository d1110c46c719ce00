"""Which sizes of synthetic defects are found: counted, printed, kept, shown, and never taken for real ones."""

from dataclasses import replace
from pathlib import Path

import pytest

import blemish
from blemish.cli import app
from blemish.cli.evaluate import lines_of_evaluation
from blemish.data.dataset import Dataset
from blemish.data.synthetic_manifest import SyntheticManifest, SyntheticPhoto, read_manifest
from blemish.evaluation.record import Evaluation, PhotoJudgement, SizeCount, SizeSweep, read_evaluation
from blemish.evaluation.size_sweep import size_sweep, smallest_found, smallest_says, warnings_of
from blemish.metrics.intervals import binomial
from blemish.model.artifact import read_artifact
from blemish.model.thresholds import Verdict
from blemish.report.sizes import size_section
from copies import copied
from evaluation.example import EVALUATION
from report.reading import Page

FOLDER = Path("/made")


def painted(kind: str, size: int, number: int, *, source: str) -> SyntheticPhoto:
    return SyntheticPhoto(
        photo=f"test/{kind}/{size}-{number}.png",
        mask=f"ground_truth/{kind}/{size}-{number}_mask.png",
        source=f"/good/{source}.png",
        source_digest=source,
        source_copy=f"test/good/{source}.png",
        kind=kind,
        size=size,
        contrast=0.2,
        changed=-0.2,
        box=(0, 0, size, size),
    )


def judged(path: str, verdict: Verdict) -> PhotoJudgement:
    return replace(EVALUATION.photos[0], image=str(FOLDER / path), verdict=verdict)


def example() -> tuple[Evaluation, SyntheticManifest]:
    """Spots of 2, 4 and 8 pixels, of which 0, all and all of three are found; scratches of 4, of which none is."""
    photos = [painted("spot", size, n, source="a") for size in (8, 2, 4) for n in range(3)]
    photos += [painted("scratch", 4, n, source="a") for n in range(2)]
    photos += [painted("spot", 2, 7, source="alarms"), painted("spot", 2, 8, source="not judged")]
    verdicts: list[tuple[str, Verdict]] = [
        (photo.photo, "anomalous" if photo.kind == "spot" and photo.size > 2 else "check") for photo in photos[:-1]
    ]
    good: list[tuple[str, Verdict]] = [("test/good/a.png", "normal"), ("test/good/alarms.png", "anomalous")]
    evaluation = replace(EVALUATION, photos=[judged(path, verdict) for path, verdict in [*good, *verdicts]])
    return evaluation, SyntheticManifest(folder=FOLDER, photos=tuple(photos))


def sweep_of(trained_on: set[str] | None = None) -> SizeSweep:
    found = size_sweep(*example(), trained_on=trained_on)
    assert found is not None
    return found


def counts(*shares: tuple[int, int, int]) -> list[SizeCount]:
    return [SizeCount(size=s, found=f, photos=n, interval=binomial(f, n) or (0, 1)) for s, f, n in shares]


@pytest.mark.parametrize(
    ("shares", "smallest"),
    [
        (((2, 0, 10), (4, 9, 10), (8, 10, 10)), 4),
        (((2, 10, 10), (4, 8, 10), (8, 10, 10)), 8),  # luck below does not count
        (((2, 9, 10), (4, 9, 10)), 2),
        (((2, 10, 10), (4, 8, 9)), None),
    ],
)
def test_the_smallest_is_where_ninety_percent_are_found_there_and_beyond(
    shares: tuple[tuple[int, int, int], ...], smallest: int | None
) -> None:
    assert smallest_found(counts(*shares), 0.9) == smallest


def test_alarms_are_counted_by_kind_and_size_where_the_good_photo_was_none() -> None:
    found = sweep_of()
    shares = {kind: [(c.size, c.found, c.photos) for c in sweep.sizes] for kind, sweep in found.kinds.items()}
    assert shares == {"spot": [(2, 0, 3), (4, 3, 3), (8, 3, 3)], "scratch": [(4, 0, 2)]}
    assert found.kinds["spot"].smallest == 4 and found.kinds["scratch"].smallest is None
    assert found.kinds["spot"].sizes[1].interval == binomial(3, 3)
    assert (found.photos, found.left_out, found.sources, found.contrasts) == (12, 1, 2, [0.2])
    assert "spot 4 px, scratch none (not even 4 px, the largest tried)" in smallest_says(found)
    evaluation, made = example()
    assert size_sweep(replace(evaluation, photos=EVALUATION.photos), made, trained_on=None) is None


def test_unusual_photos_are_alarms_as_well() -> None:
    evaluation, made = example()

    def unusual(*paths: str) -> SizeSweep:
        photos = [
            replace(photo, verdict="unusual") if photo.image in [str(FOLDER / path) for path in paths] else photo
            for photo in evaluation.photos
        ]
        found = size_sweep(replace(evaluation, photos=photos), made, trained_on=None)
        assert found is not None
        return found

    scratch = unusual("test/scratch/4-0.png").kinds["scratch"]
    assert [(c.size, c.found, c.photos) for c in scratch.sizes] == [(4, 1, 2)]
    assert (unusual("test/good/a.png").kinds, unusual("test/good/a.png").left_out) == ({}, 12)


def test_photos_that_are_links_into_a_store_are_found_all_the_same(tmp_path: Path) -> None:
    evaluation, made = example()
    paths = [Path(photo.image).relative_to(FOLDER) for photo in evaluation.photos]
    for number, path in enumerate(paths):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).symlink_to(tmp_path / "store" / str(number))
    photos = [replace(photo, image=str(tmp_path / path)) for photo, path in zip(evaluation.photos, paths, strict=True)]
    linked = replace(evaluation, photos=photos), replace(made, folder=tmp_path)
    assert size_sweep(*linked, trained_on=None) == sweep_of()


def test_a_loud_line_says_that_the_model_was_trained_on_the_photos() -> None:
    assert any("TRAINED on 1 of the 2 photos" in line for line in warnings_of(sweep_of({"a", "other"})))
    assert not any("rained" in line for line in warnings_of(sweep_of({"other"})))
    assert any("is not known" in line for line in warnings_of(sweep_of(None)))


def test_where_every_good_photo_is_an_alarm_nothing_is_said_of_sizes() -> None:
    evaluation, made = example()
    alarms = [replace(photo, verdict="anomalous") for photo in evaluation.photos]
    found = size_sweep(replace(evaluation, photos=alarms), made, trained_on=set())
    assert found is not None and found.kinds == {} and found.left_out == 12
    assert size_section(found) is None and size_section(None) is None
    told = lines_of_evaluation(replace(evaluation, size_sweep=found))
    assert any(line.startswith("Which sizes the model finds is not known") for line in told)


def test_what_is_printed_says_first_that_the_defects_are_synthetic() -> None:
    told = lines_of_evaluation(replace(EVALUATION, size_sweep=sweep_of({"a"})))
    assert told[0].startswith("These defects are SYNTHETIC: painted, at a contrast of 20 % of white, into 2 photos")
    row = next(line for line in told if line.startswith("  4 px"))
    assert row.split()[2:] == ["3", "of", "3", "(29", "to", "100", "%)", "0", "of", "2", "(0", "to", "84", "%)"]
    assert next(line for line in told if line.startswith("  2 px")).endswith("-")
    assert told.index(row) < told.index("for ML engineers: metrics, of which seg_f1 alone is at the threshold")
    assert not any("SYNTHETIC" in line for line in lines_of_evaluation(EVALUATION))


def test_evaluating_a_folder_of_synthetic_defects_prints_keeps_and_shows_the_sizes(
    stpm_run: Path, parts: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, out = copied(stpm_run, tmp_path / "run"), tmp_path / "out"
    known = set(read_artifact(run).training.files[:2])
    seen = replace(parts, train=tuple(sample for sample in parts.train if str(sample.image.absolute()) in known))
    blemish.synthesize(seen, out, sizes=(2, 20), kinds=("spot", "stain"), each=2)
    app(["evaluate", str(run), str(out)], result_action="return_value")
    told = capsys.readouterr().out
    assert told.startswith("These defects are SYNTHETIC") and "TRAINED on 2 of the 2 photos" in told
    found = read_evaluation(run / "evaluation" / "evaluation.json")
    made = read_manifest(out)
    assert made is not None and found.size_sweep is not None
    trained_on = {file.source_digest for file in made.photos}
    assert found.size_sweep == size_sweep(found, made, trained_on=trained_on)
    assert (found.size_sweep.photos, found.defective_photos) == (8, 8)
    page = Page(run / "evaluation" / "report.html")
    assert "8 photos with a synthetic defect" in page.text
    assert "These defects are SYNTHETIC" in page.text and "The model was TRAINED on 2 of the 2" in page.text
    assert ("section", {"id": "sizes"}) in page.tags
    assert any(tag.get("aria-label", "").startswith("Share of synthetic defects found") for tag in page.all("svg"))
    assert blemish.evaluate(blemish.open(run), blemish.data.find_dataset("auto", out / "test")).size_sweep is not None
