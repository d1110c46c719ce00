"""A benchmark's tables in each of their forms."""

import re
import resource
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from blemish.studies.benchmark_page import write_benchmark_page
from blemish.studies.cell import CellResult
from blemish.studies.differences import Differences, MethodDifference
from blemish.studies.grid import Benchmark, BenchmarkPlan
from blemish.studies.spent import Meter
from blemish.studies.table import csv_of_differences, csv_table, table_of
from blemish.studies.table_texts import as_latex, latex_table, markdown_table
from report.reading import Page

PLAN = BenchmarkPlan(
    root=Path("50%_set"), dataset="auto", categories=("nut & bolt", "lid"), methods=("stpm", "mend"), seeds=2
)


def result(method: str, category: str, seed: int, pro: float | None) -> CellResult:
    return CellResult(
        key="0",
        method=method,
        category=category,
        seed=seed,
        metrics={"image_auroc": 0.9, "pro": pro},
        mvtec_ad=None,
        seconds=1800,
        cpu_seconds=1000,
        peak_memory_mb=500,
        training_seconds=1500,
        judging_ms=12.5,
    )


FOUND = Benchmark(
    plan=PLAN,
    results=tuple(
        result(method, category, seed, pro + 0.01 * seed)
        for category in ("nut & bolt", "lid")
        for method, pro in (("stpm", 0.5), ("mend", 0.6))
        for seed in (0, 1)
    ),
    failed=(),
)


def difference(category: str | None, interval: tuple[float, float]) -> MethodDifference:
    return MethodDifference(
        category=category,
        over_all=category is None,
        metric="pro",
        first="stpm",
        second="mend",
        difference=-0.1,
        interval=interval,
    )


DIFFERENCES = Differences(
    found=(difference("nut & bolt", (-0.2, 0.1)), difference("lid", (-0.2, -0.05)), difference(None, (-0.15, -0.04)))
)


def test_the_best_is_bold_where_that_is_no_chance_and_costs_are_told() -> None:
    lines = markdown_table(table_of(FOUND, DIFFERENCES, price_per_hour=3)).splitlines()
    assert "| lid | mend | 2 | 0.900 ± 0.000 | **0.605 ± 0.007** |" in lines
    assert "| nut & bolt | mend | 2 | 0.900 ± 0.000 | 0.605 ± 0.007 |" in lines
    assert "| **all 2** | mend | 2 | 0.900 | **0.605** |" in lines
    assert "| mean over all | stpm - mend | **-0.100 (-0.150 to -0.040)** |" in lines
    assert "| lid | stpm | 25 minutes | 12.5 | 17 minutes | 500 | 3.00 |" in lines
    assert "| **all 2** | stpm | 50 minutes | 12.5 | 33 minutes | 500 | 6.00 |" in lines
    without = markdown_table(table_of(FOUND))
    assert "cost" not in without and "Bold" not in without and "Differences" not in without
    rows = [line.split(",") for line in csv_table(FOUND, DIFFERENCES).splitlines()]
    (of_pro,) = [row for row in rows if row[:3] == ["lid", "mend", "pro"]]
    assert of_pro[-1] == "1"
    assert ["lid", "mend", "judging_ms", "12.5", "", "2"] in [row[:6] for row in rows]
    told = csv_of_differences(DIFFERENCES).splitlines()
    assert told[1] == "nut & bolt,pro,stpm,mend,-0.1,-0.2,0.1,"
    assert told[3] == "*,pro,stpm,mend,-0.1,-0.15,-0.04,mend"


def test_cells_of_an_earlier_version_have_no_times() -> None:
    fields = {"cpu_seconds": None, "training_seconds": None, "judging_ms": None, "peak_memory_mb": None}
    old = replace(FOUND, results=tuple(replace(r, **fields) for r in FOUND.results))  # type: ignore[arg-type]
    assert "| lid | stpm | - | - | - | - |" in markdown_table(table_of(old))


COMMANDS = {"begin", "end", "toprule", "midrule", "bottomrule", "textbf", "pm", "par", "noindent", "medskip", "quad"}
COMMANDS |= {"footnotesize", "setlength", "tabcolsep", "textbackslash", "textasciitilde"}


def check_latex(text: str) -> list[list[list[str]]]:
    """Returns the rows of each tabular; asserts what LaTeX with booktabs asks: known commands, balanced groups, no bare
    special one, every row as many cells as columns, rules between rows alone."""
    body = "\n".join(line.removesuffix("%") for line in text.splitlines() if not line.startswith("%"))
    plain = re.sub(r"\\[&%$#_{}\\]", "", body)  # escaped ones, and ends of lines
    assert set(re.findall(r"\\([A-Za-z]+)", plain)) <= COMMANDS
    assert not re.findall(r"\\[^A-Za-z]", plain) and not re.findall(r"[#%_^~<>|]", plain)
    assert plain.isascii()
    depth = np.cumsum([{"{": 1, "}": -1}.get(char, 0) for char in plain])
    assert depth.min() >= 0 and depth[-1] == 0
    assert plain.count("$") % 2 == 0
    tables = re.findall(r"\\begin\{tabular\}\{([lr]+)\}\n(.*?)\\end\{tabular\}", body, re.DOTALL)
    assert len(tables) == body.count(r"\begin") == body.count(r"\end")
    found = []
    for columns, inside in tables:
        rows = inside.splitlines()
        cells = [re.split(r"(?<!\\)&", row.removesuffix(r" \\")) for row in rows if row.endswith(r" \\")]
        rules = [row for row in rows if not row.endswith(r" \\")]
        assert rules[:2] == [r"\toprule", r"\midrule"] and rules[-1] == r"\bottomrule" and len(rules) <= 4
        assert {len(row) for row in cells} == {len(columns)}
        found.append([[cell.strip() for cell in row] for row in cells])
    assert "&" not in re.sub(r"\\&", "", body[body.rindex(r"\end{tabular}") :])
    return found


def test_a_table_of_each_metric_is_latex_that_compiles_and_no_wider_than_a_column_of_text() -> None:
    auroc, pro = check_latex(latex_table(table_of(FOUND, DIFFERENCES)))
    assert auroc[0] == ["Image AUROC", "stpm", "mend"] and pro[0][0] == "PRO"
    assert pro[1] == [r"nut \& bolt", r"0.505 $\pm$ 0.007", r"0.605 $\pm$ 0.007"]
    assert pro[2] == ["lid", r"0.505 $\pm$ 0.007", r"\textbf{0.605 $\pm$ 0.007}"]
    assert pro[3] == ["all 2", "0.505", r"\textbf{0.605}"]
    fewer = replace(FOUND, plan=replace(PLAN, limit=3), results=FOUND.results[1:], failed=("a_b: 100 %",))
    text = latex_table(table_of(fewer))
    assert check_latex(text)[1][1][1] == "0.510 (1 seed)" and r"failed: a\_b: 100 \%" in text
    with pytest.raises(AssertionError):
        check_latex(latex_table(table_of(FOUND)).replace(r"\& bolt", "& bolt"))


def test_what_was_published_stands_below_in_latex() -> None:
    bottles = replace(
        FOUND,
        plan=replace(PLAN, categories=("lid",)),
        results=tuple(replace(r, mvtec_ad="bottle") for r in FOUND.results if r.category == "lid"),
    )
    auroc, _ = check_latex(latex_table(table_of(bottles)))
    assert [row[0] for row in auroc] == ["Image AUROC", "lid", r"\quad published"]
    assert auroc[2][1].endswith("[1]") and auroc[2][2] == ""


def test_names_hold_nothing_that_means_something_to_latex() -> None:
    assert as_latex("a_b & 50% $x$ {#1} ~^\\<>|") == (
        r"a\_b \& 50\% \$x\$ \{\#1\} \textasciitilde{}\textasciicircum{}\textbackslash{}"
        r"\textless{}\textgreater{}\textbar{}"
    )


def test_a_meter_counts_what_is_spent_since_it_was_made() -> None:
    meter = Meter()
    held = np.ones(40_000_000, np.uint8)
    spent = meter.spent()
    assert spent.seconds > 0 and spent.cpu_seconds > 0
    if spent.peak_memory_mb is not None:  # where the system tells
        assert held.nbytes / 1e6 < spent.peak_memory_mb
        highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
        assert spent.peak_memory_mb <= highest + 1


def test_the_page_of_a_benchmark_stands_alone(tmp_path: Path) -> None:
    table = table_of(FOUND, DIFFERENCES, price_per_hour=3)
    write_benchmark_page(table, FOUND, {}, {}, tmp_path)
    page = Page(tmp_path / "table.html")
    assert "nut & bolt" in page.text and "its model is gone: the photos cannot be shown" in page.text
    assert "-0.150 to -0.040" in page.text and "6.00" in page.text
    assert not [tag for tag, attributes in page.tags if attributes.get("src", "data:").split(":")[0] != "data"]
    assert page.all("link") == page.all("script") == []
