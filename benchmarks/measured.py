"""The table of docs/reference/measured.md that has every method on every photo set, with several seeds.

    python benchmarks/measured.py --photos SETS --output cells                  # measures, and prints the table
    python benchmarks/measured.py --photos SETS --output cells --write docs/reference/measured.md

SETS holds the folders of the sets below, each in MVTec AD's layout. It may be killed at any moment and goes on: what
is measured lies in `--output`, a cell of a method, a set and a seed at a time, and is measured once. `--write` puts the
table into the page, in place of the one that stands there, or below the page's list of photos. Teachers' weights are
found as in training ($BLEMISH_WEIGHTS). With all defaults it takes days on two cores: `--small-pc` takes DeSTSeg's
recipe for small PCs and smaller batches for RSTPM, `--sets`, `--methods`, `--seeds` and `--steps` do less; the table
says so.
"""

import argparse
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from blemish import api
from blemish.detectors import DETECTORS
from blemish.files import write_text
from blemish.metrics import METRICS
from blemish.studies.differences import Differences, method_differences
from blemish.studies.grid import Benchmark, BenchmarkPlan, run_grid
from blemish.studies.kept import keep_evaluations, seeds_of_methods
from blemish.studies.shared_work import work_shared
from blemish.studies.table import BenchmarkTable, MethodRow, SeedsFigure, table_of
from blemish.studies.table_texts import BEST
from blemish.version import __version__
from blemish.wording import duration

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
_SECTION = "## STPM\n"  # the table goes before it, where the page has none yet
_SHOWN = ("image_auroc", "pixel_auroc", "pixel_ap", "pro", "seg_f1")


@dataclass(frozen=True, kw_only=True)
class PhotoSet:
    """A set of photos, where it lies below SETS, and the size that it is seen in."""

    title: str
    folder: str
    category: str
    size: tuple[int, int]
    """Height and width."""

    @property
    def heading(self) -> str:
        """What the table calls it."""
        return f"{self.title}, {self.size[0]}x{self.size[1]}"


SETS = (
    PhotoSet(title="MVTec AD screw", folder="mvtec_ad", category="screw", size=(256, 256)),
    PhotoSet(title="KolektorSDD", folder="kolektorsdd", category="commutator", size=(320, 128)),
    PhotoSet(title="cookies", folder="cookies", category="cookie", size=(256, 256)),
    *(
        PhotoSet(title=f"PIPED {name}", folder="piped", category=name, size=(128, 128))
        for name in ("PA_BDP01_TL", "PA_BRG01_RL", "PA_FLR01_TL", "PA_GLA01_TL")
    ),
)
OF_METHODS: dict[str, dict[str, Any]] = {
    "rstpm": {"teacher": "efficientnet_lite0", "second_teacher": "resnet18"}  # the paper's ResNet-50 is large
}
"""Settings beside each method's own defaults."""
SMALL_PC: Mapping[str, Mapping[str, Any]] = {
    "destseg": {"batch_size": 8, "steps": 600, "student_share": 0.4},
    "rstpm": {"batch_size": 8},
}
"""More of them, where a table shall not take days: DeSTSeg as docs/how-to/train-destseg.md has it for small PCs."""


@dataclass(frozen=True, kw_only=True)
class Short:
    """What makes trainings shorter than the methods' defaults."""

    steps: int | None
    small_pc: bool
    photos: int | None = None
    """The most photos of each use."""

    def settings(self, method: str) -> dict[str, Any]:
        """Returns a method's settings, as far as they are not its defaults."""
        own = {**OF_METHODS.get(method, {}), **(SMALL_PC.get(method, {}) if self.small_pc else {})}
        return own if self.steps is None else own | {"steps": self.steps}

    def changes(self, methods: Collection[str]) -> list[str]:
        """Returns these in words, for each of the methods that has any."""
        return [
            f"{method} with {', '.join(f'{name} {value}' for name, value in own.items())}"
            for method in DETECTORS
            if method in methods and (own := self.settings(method))
        ]


def measured(
    photo_set: PhotoSet, photos: Path, output: Path, *, methods: Sequence[str], seeds: int, short: Short
) -> Benchmark:
    """Measures what is not measured yet of one set."""
    plans = [
        BenchmarkPlan(
            root=photos / photo_set.folder,
            dataset="mvtec_ad",
            categories=(photo_set.category,),
            methods=(method,),
            seeds=seeds,
            limit=short.photos,
            settings={"image_size": photo_set.size, **short.settings(method)},
        )
        for method in methods
    ]
    found = [run_grid(plan, output, train=api.train, evaluate=api.evaluate) for plan in plans]
    return Benchmark(
        plan=replace(plans[0], methods=tuple(methods)),
        results=tuple(result for one in found for result in one.results),
        failed=tuple(line for one in found for line in one.failed),
    )


def differences_of(found: Benchmark, output: Path) -> Differences:
    """Returns what the methods of one set differ in."""
    seeds_of = seeds_of_methods(found.results, keep_evaluations(found.results, output))
    return method_differences(found.plan.categories, found.plan.methods, seeds_of)


def section_of(tables: Mapping[str, BenchmarkTable], *, seeds: int, short: Short) -> str:
    """Returns the section of the page, between its marks."""
    shown = [name for name in _SHOWN if any(name in row.figures for t in tables.values() for row in t.rows)]
    titles = ["photos", "method", "seeds", *(METRICS[name].title for name in shown), "training", "ms per photo"]
    lines = [BEGIN, "## All methods", ""]
    methods = {row.method for table in tables.values() for row in table.rows}
    lines += [_told(methods, seeds=seeds, short=short), "", f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    for title, table in tables.items():
        lines += [_line(title if at == 0 else "", row, shown) for at, row in enumerate(table.rows)]
    failed = [f"Not measured: {line}" for table in tables.values() for line in table.failed]
    notes = [note for table in tables.values() for note in table.differences.notes]
    return "\n".join([*lines, "", *failed, *notes, *([""] if failed or notes else []), END]) + "\n"


def put_into(page: str, section: str) -> str:
    """Returns the page with the section in place of the one that it has; before the methods' own, where it has none."""
    if BEGIN in page:
        before, rest = page.split(BEGIN, 1)
        return before + section + rest.split(f"{END}\n", 1)[1]
    assert _SECTION in page, "the page has changed: where does the table go?"
    return page.replace(_SECTION, f"{section}\n{_SECTION}", 1)


def _told(methods: Collection[str], *, seeds: int, short: Short) -> str:
    own = "; ".join(short.changes(methods))
    told = (
        f"Every method with its defaults{f' but {own}' if own else ''}. Seeds 0 to {seeds - 1}: mean ± standard "
        f"deviation. Bold: {BEST} (paired bootstrap over photos and seeds). Version {__version__}, by "
        "`benchmarks/measured.py`."
    )
    if short.steps is None:
        return told
    photos = "" if short.photos is None else f", of {short.photos} photos of each use"
    return f"{told} **At most {short.steps} steps each{photos}: a rehearsal.**"


def _line(title: str, row: MethodRow, shown: Sequence[str]) -> str:
    training, judging = row.spent["training_seconds"], row.spent["judging_ms"]
    spent = ["-" if training is None else duration(training), "-" if judging is None else f"{judging:.1f}"]
    figures = [_text(row.figures.get(name)) for name in shown]
    return f"| {' | '.join([title, row.method, str(row.seeds), *figures, *spent])} |"


def _text(figure: SeedsFigure | None) -> str:
    if figure is None:
        return "-"
    said = f"{figure.mean:.3f}" + ("" if figure.deviation is None else f" ± {figure.deviation:.3f}")
    return f"**{said}**" if figure.best else said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--output", type=Path, default=Path("runs/measured"))
    parser.add_argument("--write", type=Path)
    parser.add_argument("--sets", nargs="*", default=[s.category for s in SETS])
    parser.add_argument("--methods", nargs="*", default=list(DETECTORS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--small-pc", action="store_true")
    asked = parser.parse_args()
    short = Short(steps=asked.steps, small_pc=asked.small_pc)
    how: dict[str, Any] = {"seeds": asked.seeds, "short": short}
    tables = {}
    for photo_set in SETS:
        if photo_set.category in asked.sets:
            output = asked.output / photo_set.category
            with work_shared():
                found = measured(photo_set, asked.photos, output, methods=asked.methods, **how)
            tables[photo_set.heading] = table_of(found, differences_of(found, output))
            print(section_of(tables, **how), flush=True)
    if asked.write is not None:
        section = section_of(tables, **how)
        write_text(asked.write, put_into(asked.write.read_text(encoding="utf-8"), section))


if __name__ == "__main__":
    main()
