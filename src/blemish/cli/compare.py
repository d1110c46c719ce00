"""`blemish compare`: two models on the same test photos."""

import logging
from pathlib import Path

from blemish import api
from blemish.cli.progress import ProgressBars
from blemish.evaluation.paired import COMPARISON_FILE, PairedComparison, PhotosOfOneKind
from blemish.report.comparison_page import COMPARISON_PAGE
from blemish.wording import on_one_line

_LISTED = 20  # photos of a list; comparison.json has all


def compare(
    first: Path,
    second: Path,
    photos: Path | None = None,
    /,
    *,
    output: Path | None = None,
    dataset: str = "auto",
    category: str | None = None,
    masks: Path | None = None,
    runtime: str = "auto",
    precision: str = "fp32",
    device: str = "auto",
) -> int:
    """Say whether two models differ by more than chance on the same test photos, and on which photos they disagree.

    Parameters
    ----------
    first
        A model that was evaluated, or an evaluation.json; it is called A.
    second
        The other one, B.
    photos
        Test photos for both models to judge now, as `blemish evaluate` takes them; without it, what their evaluations
        say is compared.
    output
        Folder for comparison.json and comparison.html.
    dataset
        How the photos lie in the folder; auto recognises it.
    category
        Which part, where the folder holds several.
    masks
        Folder of true masks, where they lie elsewhere.
    runtime
        What computes: torch, onnx, openvino, or auto for the fastest that a model was exported to, else torch.
    precision
        How exactly is computed: in full (fp32), or, where both models were exported so, rounded: to fewer
        digits (bf16) or to whole numbers (int8).
    device
        auto, cpu or cuda.
    """
    logging.basicConfig(format="blemish: %(message)s")
    with ProgressBars() as bars:
        compared = api.compare(
            first,
            second,
            photos,
            output=output,
            dataset=dataset,
            category=category,
            masks=masks,
            runtime=runtime,
            precision=precision,
            device=device,
            on_progress=bars.show,
        )
    print("\n".join(lines_of_comparison(compared)))
    if output is not None:
        print(f"all of it in {output / COMPARISON_FILE}")
        if (output / COMPARISON_PAGE).exists():
            print(f"page in {output / COMPARISON_PAGE}")
    return 0


def lines_of_comparison(compared: PairedComparison) -> list[str]:
    """Returns what a person reads of a comparison: what it says, then the counts, the photos, the figures."""
    return [
        *compared.conclusion,
        *(f"Mind: {note}." for note in compared.notes),
        "",
        f"A  {on_one_line(compared.first.place)}",
        f"B  {on_one_line(compared.second.place)}",
        "",
        f"{'':<14}{'A':>7}{'B':>7}{'A alone':>10}{'B alone':>10}{'by chance':>14}",
        _row("misses", compared.defective),
        _row("false alarms", compared.good),
        *_photos("missed by A alone", compared.defective.only_first_wrong),
        *_photos("missed by B alone", compared.defective.only_second_wrong),
        *_photos("false alarms of A alone", compared.good.only_first_wrong),
        *_photos("false alarms of B alone", compared.good.only_second_wrong),
        *_figures(compared),
    ]


def _row(what: str, kind: PhotosOfOneKind) -> str:
    alone = f"{len(kind.only_first_wrong):>10}{len(kind.only_second_wrong):>10}"
    return f"{what:<14}{kind.first_wrong:>7}{kind.second_wrong:>7}{alone}{kind.chance:>14}  of {kind.photos}"


def _photos(title: str, photos: list[str]) -> list[str]:
    if not photos:
        return []
    more = [f"  and {len(photos) - _LISTED} more"] if len(photos) > _LISTED else []
    return [f"{title}:", *(f"  {on_one_line(photo)}" for photo in photos[:_LISTED]), *more]


def _figures(compared: PairedComparison) -> list[str]:
    if not compared.figures:
        return []
    lines = ["", "for ML engineers: metrics, with the paired 95 % interval of A - B (* more than chance)"]
    lines.append(f"{'':<15}{'A':>8}{'B':>8}{'A - B':>9}")
    for name, figure in compared.figures.items():
        interval = "" if figure.interval is None else f"  {figure.interval[0]:+.4f} to {figure.interval[1]:+.4f}"
        mark = " *" if figure.beyond_chance else ""
        lines.append(f"{name:<15}{figure.first:>8.4f}{figure.second:>8.4f}{figure.difference:>+9.4f}{interval}{mark}")
    return lines
