"""A benchmark's tables as Markdown and as LaTeX."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from blemish.metrics import METRICS
from blemish.studies.differences import MethodDifference
from blemish.studies.table import NO_FIGURE, BenchmarkTable, MethodRow, SeedsFigure
from blemish.wording import counted, duration

BEST = "better than every other method by more than chance"
SPENT_TITLES = ("training", "judging, ms per photo", "processor time", "peak memory, MB")
_SPECIAL = str.maketrans(
    {
        **{char: f"\\{char}" for char in "&%$#_{}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        "±": r"$\pm$",
        "\n": " ",
    }
)


@dataclass(frozen=True, kw_only=True)
class DifferenceRow:
    """One pair of methods is compared in one category, or over all of them."""

    of: str
    over_all: bool
    first: str
    second: str
    differences: list[MethodDifference | None]
    """By `compared_metrics`."""


def markdown_table(table: BenchmarkTable) -> str:
    """Returns the tables of figures, differences and cost, and what stands below them."""
    lines = [] if table.rehearsal is None else [f"**{table.rehearsal}**", ""]
    titles = ["category", "method", "seeds", *(METRICS[name].title for name in table.metrics)]
    lines += [table.title, "", *_head(titles)]
    for row in table.rows:
        figures = [_as_markdown(row.figures[name]) for name in table.metrics]
        lines.append(_line([_category(table, row), row.method, str(row.seeds), *figures]))
    if any(figure is not None and figure.best for row in table.rows for figure in row.figures.values()):
        lines += ["", f"Bold: {BEST}."]
    lines += _differences(table)
    lines += _costs(table)
    lines += [""] + [f"[{number}] {source.source}" for number, source in enumerate(table.sources, start=1)]
    lines += [f"failed: {line}" for line in table.failed]
    return "\n".join(lines).rstrip() + "\n"


def latex_table(table: BenchmarkTable) -> str:
    """Returns a table per metric as LaTeX, to be read by \\input where text stands; it needs the package booktabs.

    A row is a category, a column a method, as wide as a column of text takes; published figures stand in rows of their
    own, below.
    """
    methods = list(dict.fromkeys(row.method for row in table.rows))
    lines = [r"% \usepackage{booktabs}; \input this where text stands: all tables at once are too high for one float"]
    lines += [r"{\footnotesize\setlength{\tabcolsep}{4pt}%"]
    for metric in table.metrics:
        lines += [rf"\noindent\begin{{tabular}}{{l{'r' * len(methods)}}}", r"\toprule"]
        lines += [_latex_line([as_latex(METRICS[metric].title), *map(as_latex, methods)]), r"\midrule"]
        for of, own in _by_category(table.rows).items():
            lines += [r"\midrule"] if of[1] is not None and lines[-1] != r"\midrule" else []
            lines += _latex_rows(table, own, methods, metric)
        lines += [r"\bottomrule", r"\end{tabular}", r"\par\medskip"]
    notes = [] if table.rehearsal is None else [rf"\textbf{{{as_latex(table.rehearsal)}}}"]
    notes += [as_latex(f"{table.title}. Bold: {BEST}.")]
    notes += [f"[{number}] {as_latex(source.source)}" for number, source in enumerate(table.sources, start=1)]
    notes += [as_latex(f"failed: {line}") for line in table.failed]
    return "\n".join([*lines, *(rf"\noindent {note}\par" for note in notes), "}"]) + "\n"


def _by_category(rows: Sequence[MethodRow]) -> dict[tuple[str | None, int | None], dict[str, MethodRow]]:
    """Returns the rows of each category, and of all together, by method."""
    found: dict[tuple[str | None, int | None], dict[str, MethodRow]] = {}
    for row in rows:
        found.setdefault((row.category, row.over), {})[row.method] = row
    return found


def _latex_rows(table: BenchmarkTable, own: Mapping[str, MethodRow], methods: Sequence[str], metric: str) -> list[str]:
    """Returns the row of one category, and the one of what was published of it, if anything was."""
    figures = [own[name].figures[metric] if name in own else None for name in methods]
    fewer = [f" ({counted(own[m].seeds, 'seed')})" if m in own and own[m].seeds < table.seeds else "" for m in methods]
    name = as_latex(table.called(next(iter(own.values()))))
    lines = [_latex_line([name, *(_figure_as_latex(f) + note for f, note in zip(figures, fewer, strict=True))])]
    known = ["" if f is None or f.published is None else f"{f.published.mean:.3f} [{f.source}]" for f in figures]
    return [*lines, _latex_line([r"\quad published", *known])] if any(known) else lines


def as_latex(text: str) -> str:
    """Returns plain text with all that means something to LaTeX escaped."""
    return text.translate(_SPECIAL)


def compared_metrics(table: BenchmarkTable) -> list[str]:
    """Returns the metrics, of those of the table, in which methods are compared with one another."""
    return [name for name in table.metrics if any(d.metric == name for d in table.differences.found)]


def difference_rows(table: BenchmarkTable) -> list[DifferenceRow]:
    """Returns a row for each two methods: over all categories first, then in each."""
    metrics, rows = compared_metrics(table), dict[tuple[bool, str | None, str, str], dict[str, MethodDifference]]()
    for d in table.differences.found:
        rows.setdefault((not d.over_all, d.category, d.first, d.second), {})[d.metric] = d
    return [
        DifferenceRow(
            of=(category or table.root) if single else "mean over all",
            over_all=not single,
            first=first,
            second=second,
            differences=[of_pair.get(name) for name in metrics],
        )
        for (single, category, first, second), of_pair in sorted(rows.items(), key=lambda item: item[0][0])
    ]


def spent_texts(table: BenchmarkTable, row: MethodRow) -> list[str]:
    """Returns what a row's cells took, for SPENT_TITLES and, with a price, the cost of all seeds."""
    texts: list[tuple[str, Callable[[float], str]]] = [
        ("training_seconds", duration),
        ("judging_ms", lambda ms: f"{ms:.1f}"),
        ("cpu_seconds", duration),
        ("peak_memory_mb", lambda mb: f"{mb:.0f}"),
    ]
    found = [NO_FIGURE if (value := row.spent[name]) is None else text(value) for name, text in texts]
    if table.price_per_hour is not None:
        cost = table.cost(row)
        found.append(NO_FIGURE if cost is None else f"{cost:.2f}")
    return found


def spent_titles(table: BenchmarkTable) -> list[str]:
    """Returns the titles of what `spent_texts` gives."""
    cost = [] if table.price_per_hour is None else [f"cost of {counted(table.seeds, 'seed')}"]
    return [*SPENT_TITLES, *cost]


def _as_markdown(figure: SeedsFigure | None) -> str:
    if figure is None:
        return NO_FIGURE
    said = f"{figure.mean:.3f}" if figure.deviation is None else f"{figure.mean:.3f} ± {figure.deviation:.3f}"
    said = f"**{said}**" if figure.best else said
    return said if figure.published is None else f"{said} (published {figure.published.mean:.3f} [{figure.source}])"


def _figure_as_latex(figure: SeedsFigure | None) -> str:
    if figure is None:
        return "--"
    said = f"{figure.mean:.3f}" + ("" if figure.deviation is None else rf" $\pm$ {figure.deviation:.3f}")
    return rf"\textbf{{{said}}}" if figure.best else said


def _category(table: BenchmarkTable, row: MethodRow) -> str:
    return f"**{table.called(row)}**" if row.over is not None else table.called(row)


def _differences(table: BenchmarkTable) -> list[str]:
    """Returns the differences over all categories, or those of the only one, and what is not compared."""
    every, lines = difference_rows(table), list[str]()
    shown = [row for row in every if row.over_all] or every
    if shown:
        over = "the mean over all categories" if shown[0].over_all else "means over seeds"
        chance = "with paired 95 % intervals over photos and seeds; bold: beyond chance"
        lines += ["", f"Differences of {over}, {chance}", ""]
        lines += _head(["category", "methods", *(METRICS[name].title for name in compared_metrics(table))])
        lines += [_line([row.of, f"{row.first} - {row.second}", *map(_said, row.differences)]) for row in shown]
    return [*lines, *(["", *table.differences.notes] if table.differences.notes else [])]


def _said(d: MethodDifference | None) -> str:
    if d is None:
        return NO_FIGURE
    said = f"{d.difference:+.3f}" + ("" if d.interval is None else f" ({d.interval[0]:+.3f} to {d.interval[1]:+.3f})")
    return f"**{said}**" if d.better else said


def _costs(table: BenchmarkTable) -> list[str]:
    rows = [row for row in table.rows if any(value is not None for value in row.spent.values())]
    if not rows:
        return []
    lines = [
        "",
        "What each training and its test took, mean over seeds; over all categories, times are sums",
        "",
        *_head(["category", "method", *spent_titles(table)]),
    ]
    return lines + [_line([_category(table, row), row.method, *spent_texts(table, row)]) for row in rows]


def _head(titles: Sequence[str]) -> list[str]:
    return [_line(titles), "|---" * len(titles) + "|"]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _latex_line(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"
