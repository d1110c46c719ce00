"""MPDD (Jezek et al., ICUMT 2021): metal parts in MVTec AD's layout, by which `auto` reads it as well."""

from dataclasses import replace
from pathlib import Path

from blemish.data.dataset import Dataset, Layout, PhotoCounts
from blemish.data.mvtec_ad import MVTEC_AD

_NAMES = ("bracket_black", "bracket_brown", "bracket_white", "connector", "metal_plate", "tubes")


def _find(root: Path, category: str | None) -> Dataset:
    """Returns what MVTec AD's layout finds; every value of a mask but 0 stands for defect."""
    found = MVTEC_AD.find(root, category)
    test = tuple(replace(sample, mask_values="any") for sample in found.test)
    return replace(found, name=MPDD.name, test=test)


MPDD = Layout(
    name="mpdd",
    find=_find,
    categories=lambda _: (),
    recognises=lambda _: False,  # nothing tells it from MVTec AD's layout, in which it is read
    holds=MVTEC_AD.holds,
    official=dict.fromkeys(_NAMES, PhotoCounts()),
)
