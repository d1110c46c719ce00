"""A benchmark is measured cell by cell: it goes on, counts nothing twice, and prints what it has."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import blemish
from blemish import api
from blemish.cli.benchmark import benchmark
from blemish.data import DATASETS
from blemish.data.dataset import Dataset
from blemish.errors import DataError, InterruptionError, SettingsError
from blemish.evaluation.record import EVALUATION_FILE, read_evaluation
from blemish.studies.cell import Cell, CellResult, limited, measured_cell
from blemish.studies.grid import Benchmark, BenchmarkPlan, categories_in, run_grid
from blemish.studies.table import csv_table, table_of
from blemish.studies.table_texts import markdown_table
from data import trees


def plan_of(parts: Dataset, weights: Path, **changes: Any) -> BenchmarkPlan:
    settings = {"image_size": 64, "steps": 2, "teacher_weights": (weights,)}
    plan = BenchmarkPlan(
        root=parts.root.parent,
        dataset="mvtec_ad",
        categories=(parts.root.name, "none"),
        methods=("stpm",),
        seeds=2,
        limit=6,
        settings=settings,
    )
    return replace(plan, **changes)


def test_a_benchmark_that_is_killed_goes_on_and_measures_nothing_twice(
    parts: Dataset, seeded_resnet18: Path, tmp_path: Path
) -> None:
    plan, trained = plan_of(parts, seeded_resnet18), list[Path]()

    def train_until_killed(method: str, photos: Dataset, run: Path, **settings: Any) -> None:
        if trained:
            raise InterruptionError("stopped by SIGTERM", signal=15)
        trained.append(run)
        api.train(method, photos, run, **settings)

    with pytest.raises(InterruptionError):
        run_grid(plan, tmp_path, train=train_until_killed, evaluate=api.evaluate)
    trained.clear()

    def train_and_count(method: str, photos: Dataset, run: Path, **settings: Any) -> None:
        trained.append(run)
        api.train(method, photos, run, **settings)

    found = run_grid(plan, tmp_path, train=train_and_count, evaluate=api.evaluate)
    assert len(trained) == 1, "the first cell was measured before"
    assert [result.seed for result in found.results] == [0, 1]
    assert [line.split(":")[0] for line in found.failed] == ["stpm, none, seed 0", "stpm, none, seed 1"]
    (run,) = trained
    kept = read_evaluation(run / "evaluation" / EVALUATION_FILE)
    assert found.results[1].metrics == kept.metrics | {
        "false_alarm_rate": kept.false_alarms / kept.good_photos,
        "miss_rate": kept.misses / kept.defective_photos,
    }
    again = run_grid(plan, tmp_path, train=train_and_count, evaluate=api.evaluate)
    assert (len(trained), again) == (1, found)
    next((tmp_path / "cells").glob("*seed1*")).write_text("{")
    mended = run_grid(plan, tmp_path, train=train_and_count, evaluate=api.evaluate)
    assert len(trained) == 1, "the model was there, and only evaluated anew"
    assert [result.metrics for result in mended.results] == [result.metrics for result in found.results]


def test_the_command_prints_the_table_and_fails_where_a_cell_did(
    parts: Dataset, seeded_resnet18: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    asked: dict[str, Any] = {
        "dataset": "mvtec_ad",
        "categories": (parts.root.name, "none", "none"),
        "methods": ("stpm", "stpm"),
        "seeds": 1,
        "image_size": 64,
        "teacher_weights": (seeded_resnet18,),
        "limit": 2,
    }
    code = benchmark(parts.root.parent, out, **asked)
    said = capsys.readouterr()
    assert code == 2
    assert said.out == (out / "table.md").read_text()
    assert said.out.startswith("**A rehearsal with 2 photos and steps: the figures mean nothing.**")
    assert f"| {parts.root.name} | stpm | 1 |" in said.out
    assert said.err.startswith("blemish: failed: stpm, none, seed 0: ")
    assert said.err.count("failed") == 1, "what is named twice is measured and counted once"
    assert (out / "table.csv").read_text().count(f"{parts.root.name},stpm,image_auroc,") == 1
    tex = (out / "table.tex").read_text()
    assert tex.count(r"\\") == 2 * tex.count(r"\toprule") > 0, "each metric's table has its heads and a row"
    page = (out / "table.html").read_text()
    assert "seed 0: " in page and "PRO curve" in page and 'src="data:image/jpeg' in page
    (cell,) = (json.loads(file.read_text()) for file in (out / "cells").glob("*.json"))
    assert cell["cpu_seconds"] > 0 and cell["judging_ms"] > 0 and cell["training_seconds"] > 0
    shutil.rmtree(out / "runs")
    assert benchmark(parts.root.parent, out, **asked, price_per_hour=2.0) == 2
    assert "cost of 1 seed" in (out / "table.md").read_text()
    assert "its model is gone" in (out / "table.html").read_text() and "PRO curve" in (out / "table.html").read_text()
    with pytest.raises(DataError, match="no such folder"):
        blemish.benchmark(tmp_path / "gone", out)
    for wrong, named in (
        ({"methods": ("stmp",)}, "stmp"),
        ({"seeds": 0}, "seeds"),
        ({"limit": 1}, "limit"),
        ({"price_per_hour": -1}, "price"),
    ):
        with pytest.raises(SettingsError, match=named):
            blemish.benchmark(parts.root.parent, out, **wrong)


def test_the_key_of_a_cell_changes_with_all_that_decides_it(parts: Dataset, tmp_path: Path) -> None:
    cell = Cell(method="stpm", category=None, seed=0, found=parts, settings={"steps": 2})
    (tmp_path / "weights.pt").write_bytes(b"123")
    others = [
        replace(cell, method="mend"),
        replace(cell, seed=1),
        replace(cell, settings={"steps": 3}),
        replace(cell, settings={"steps": 2, "teacher_weights": (tmp_path / "weights.pt",)}),
        replace(cell, found=limited(parts, 3)),
        replace(cell, found=replace(parts, test=tuple(replace(s, masks=()) for s in parts.test))),
    ]
    assert len({cell.key, *(other.key for other in others)}) == 1 + len(others)
    assert cell.key == replace(cell, settings={"steps": 2}).key
    assert measured_cell(cell, tmp_path) is None


GOOD_AND_NO_BAD = ("train/good/1.png", "train/good/2.png", "test/good/3.png")


@pytest.mark.parametrize(
    ("there", "said", "then"),
    [
        (("OK/1.png", "OK/2.png", "NG/3.png"), "no good photos to test with: move some", "test/good/4.png"),
        (GOOD_AND_NO_BAD, "no bad photos to test with: put some", "test/bad/4.png"),
        (GOOD_AND_NO_BAD[:2], "no photos to test with", None),
    ],
)
def test_photos_to_test_with_of_one_kind_alone_fail_before_anything_is_trained(
    tmp_path: Path, there: tuple[str, ...], said: str, then: str | None
) -> None:
    trees.files(tmp_path / "set", *there)
    plan = BenchmarkPlan(root=tmp_path / "set", dataset="auto", categories=(None,), methods=("stpm",), seeds=1)

    def do_not_train(*_: object, **__: object) -> None:
        raise DataError("training began")

    def failure() -> str:
        (line,) = run_grid(plan, tmp_path / "out", train=do_not_train, evaluate=api.evaluate).failed
        return line

    assert said in (line := failure()) and str(tmp_path / "set") in line
    if then is not None:
        trees.files(tmp_path / "set", then)
        assert "training began" in failure(), "it helps to do what is said"


def test_a_rehearsal_takes_few_steps_of_every_stage(parts: Dataset, tmp_path: Path) -> None:
    asked: list[dict[str, Any]] = []

    def note(_method: str, _photos: Dataset, _run: Path, **settings: Any) -> None:
        asked.append(settings)
        raise DataError("enough")

    rehearsal = replace(plan_of(parts, tmp_path), categories=(parts.root.name,), methods=("mend", "stpm"), seeds=1)
    for limit in (6, None):
        run_grid(replace(rehearsal, limit=limit), tmp_path, train=note, evaluate=api.evaluate)
    lengths = [{name: value for name, value in settings.items() if "steps" in name} for settings in asked]
    assert lengths == [{"steps": 2, "decoder_steps": 6}, {"steps": 2}, {"steps": 2}, {"steps": 2}]


def test_a_rehearsal_takes_a_few_photos_of_each_use(parts: Dataset) -> None:
    few = limited(parts, 3)
    assert (len(few.train), sum(s.anomalous for s in few.test), sum(not s.anomalous for s in few.test)) == (3, 3, 3)
    assert set(few.test) <= set(parts.test)


def result(method: str, category: str, seed: int, auroc: float | None, *, mvtec_ad: str | None = None) -> CellResult:
    return CellResult(
        key=f"{seed}",
        method=method,
        category=category,
        seed=seed,
        metrics={"image_auroc": auroc, "pixel_auroc": 0.5},
        mvtec_ad=mvtec_ad,
        seconds=1,
    )


def test_the_table_has_mean_and_spread_beside_what_was_published_of_mvtec_ads_own_photos() -> None:
    plan = BenchmarkPlan(
        root=Path("mvtec"), dataset="mvtec_ad", categories=("screw", "lid"), methods=("stpm", "mend"), seeds=2
    )
    found = Benchmark(
        plan=plan,
        results=(
            result("stpm", "screw", 0, 0.8, mvtec_ad="screw"),
            result("stpm", "screw", 1, 0.9, mvtec_ad="screw"),
            result("stpm", "lid", 0, 0.6),
            result("stpm", "lid", 1, 0.7),
            result("mend", "screw", 0, None),
        ),
        failed=("mend, lid, seed 0: no photos",),
    )
    lines = markdown_table(table_of(found)).splitlines()
    (screw,) = [line for line in lines if line.startswith("| screw | stpm | 2 |")]
    assert "| 0.850 ± 0.071 (published 0.895 [1]) | 0.500 ± 0.000 (published 0.986 [" in screw
    assert "| lid | stpm | 2 | 0.650 ± 0.071 | 0.500 ± 0.000 |" in lines
    assert "| screw | mend | 1 | - | 0.500 |" in lines
    assert "| **all 2** | stpm | 2 | 0.750 | 0.500 |" in lines
    assert not any(line.startswith("| **all 2** | mend") for line in lines), "a mean over some would flatter"
    assert lines[-1] == "failed: mend, lid, seed 0: no photos"
    rows = [line.split(",") for line in csv_table(found).splitlines()]
    assert rows[1][:3] == ["screw", "stpm", "image_auroc"]
    assert float(rows[1][3]) == pytest.approx(0.85)
    assert not any(row[:3] == ["screw", "mend", "image_auroc"] for row in rows)


def test_all_categories_of_a_data_set_are_taken(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    trees.btad(tmp_path)
    (tmp_path / "01").mkdir()
    assert categories_in("btad", tmp_path) == ("02",)
    assert "1 of 3 categories can be used" in caplog.text and "without photos: 01, 03" in caplog.text
    assert categories_in("auto", tmp_path) == ("02",)
    assert categories_in("btad", tmp_path / "02") == categories_in("auto", tmp_path / "02") == (None,)
    assert set(DATASETS["btad"].official) == {"01", "02", "03"}
    trees.piped(tmp_path / "piped")
    shutil.copytree(tmp_path / "piped" / "part", tmp_path / "piped" / "PA_GLA01_TL")
    assert categories_in("piped", tmp_path / "piped") == ("PA_GLA01_TL", "part"), "not all classes are known by name"
    with pytest.raises(SettingsError, match="dataset 'bdat' is unknown"):
        categories_in("bdat", tmp_path)


def test_how_much_of_a_defect_is_enough_decides_a_result_too(tmp_path: Path) -> None:
    trees.mvtec_loco(tmp_path)
    found = DATASETS["mvtec_loco"].find(tmp_path, "part")
    (tmp_path / "part" / "defects_config.json").write_text(json.dumps([trees.CONFIG[0]]))
    changed = DATASETS["mvtec_loco"].find(tmp_path, "part")
    keys = {Cell(method="stpm", category="part", seed=0, found=one).key for one in (found, changed)}
    assert len(keys) == 2
