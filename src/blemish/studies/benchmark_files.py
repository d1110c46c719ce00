"""What a benchmark leaves beside its cells: its tables, as Markdown, CSV, LaTeX and a page."""

import logging
from pathlib import Path

from blemish.errors import MissingExtraError
from blemish.files import write_text
from blemish.studies.benchmark_page import write_benchmark_page
from blemish.studies.differences import method_differences
from blemish.studies.grid import Benchmark
from blemish.studies.kept import keep_evaluations, seeds_of_methods
from blemish.studies.table import csv_of_differences, csv_table, table_of
from blemish.studies.table_texts import latex_table, markdown_table

_log = logging.getLogger("blemish")


def write_tables(benchmark: Benchmark, output: Path, *, price_per_hour: float | None = None) -> None:
    """Writes table.md, table.csv, table.tex, table.html and differences.csv; raises OutputError.

    Without the packages for it, the page is not written, and all else is there.
    """
    evaluations = keep_evaluations(benchmark.results, output)
    seeds_of = seeds_of_methods(benchmark.results, evaluations)
    differences = method_differences(benchmark.plan.categories, benchmark.plan.methods, seeds_of)
    table = table_of(benchmark, differences, price_per_hour=price_per_hour)
    write_text(output / "table.md", markdown_table(table))
    write_text(output / "table.csv", csv_table(benchmark, differences))
    write_text(output / "table.tex", latex_table(table))
    write_text(output / "differences.csv", csv_of_differences(differences))
    try:
        write_benchmark_page(table, benchmark, evaluations, seeds_of, output)
    except MissingExtraError as error:
        _log.warning("no page: %s", error)
