"""What the papers' authors published for MVTec AD, 0 to 1: shown beside our own figures where the category is known.

Figures of other mask rules cannot be compared with ours. So of STPM's own README only the image AUROC is kept: its
masks count every touched pixel as defect, and its PRO is stretched to span 0 to 1.
"""

from dataclasses import dataclass
from pathlib import PurePath

TEST_FOLDER = "test"

Value = tuple[float, float | None]
"""Mean and, where several seeds were published, their standard deviation."""


@dataclass(frozen=True, kw_only=True)
class Published:
    """One table of a publication."""

    short: str
    source: str
    """Who, where, and under which conditions."""
    metrics: tuple[str, ...]
    categories: dict[str, tuple[Value, ...]]
    """One value per metric, in the order of `metrics`."""


PIXEL_METRICS = ("pixel_auroc", "pixel_ap", "iap", "iap_at_90")

STPM_README = Published(
    short="STPM, official repository",
    source="README of the authors' repository (Wang et al., BMVC 2021): released checkpoints, ResNet-18, 256x256",
    metrics=("image_auroc",),
    categories={
        "bottle": ((1.0000, None),),
        "cable": ((0.9355, None),),
        "capsule": ((0.8935, None),),
        "carpet": ((0.9643, None),),
        "grid": ((0.9825, None),),
        "hazelnut": ((1.0000, None),),
        "leather": ((0.9507, None),),
        "metal_nut": ((0.9834, None),),
        "pill": ((0.9512, None),),
        "screw": ((0.8947, None),),
        "tile": ((0.9823, None),),
        "toothbrush": ((0.8972, None),),
        "transistor": ((0.9392, None),),
        "wood": ((0.9965, None),),
        "zipper": ((0.9614, None),),
    },
)

STPM_RE_EVALUATED = Published(
    short="STPM, re-evaluated",
    source="STPM's released checkpoints, re-evaluated by the authors of DeSTSeg (Zhang et al., CVPR 2023, tables 1 to "
    "3) at 256x256 with masks rounded at 0.5, as here",
    metrics=PIXEL_METRICS,
    categories={
        "bottle": ((0.988, None), (0.806, None), (0.832, None), (0.733, None)),
        "cable": ((0.948, None), (0.580, None), (0.549, None), (0.172, None)),
        "capsule": ((0.982, None), (0.359, None), (0.372, None), (0.179, None)),
        "carpet": ((0.991, None), (0.653, None), (0.684, None), (0.522, None)),
        "grid": ((0.991, None), (0.454, None), (0.457, None), (0.210, None)),
        "hazelnut": ((0.989, None), (0.603, None), (0.648, None), (0.562, None)),
        "leather": ((0.992, None), (0.429, None), (0.462, None), (0.249, None)),
        "metal_nut": ((0.972, None), (0.793, None), (0.834, None), (0.817, None)),
        "pill": ((0.947, None), (0.633, None), (0.720, None), (0.455, None)),
        "screw": ((0.986, None), (0.269, None), (0.244, None), (0.042, None)),
        "tile": ((0.966, None), (0.617, None), (0.629, None), (0.553, None)),
        "toothbrush": ((0.989, None), (0.488, None), (0.419, None), (0.234, None)),
        "transistor": ((0.819, None), (0.444, None), (0.534, None), (0.085, None)),
        "wood": ((0.952, None), (0.470, None), (0.560, None), (0.354, None)),
        "zipper": ((0.980, None), (0.549, None), (0.591, None), (0.466, None)),
    },
)

DESTSEG_PAPER = Published(
    short="DeSTSeg, paper",
    source="Zhang et al., CVPR 2023, main text: mean and standard deviation of 5 seeds, ResNet-18, 256x256, masks "
    "rounded at 0.5, as here; it gives no image AUROC per category",
    metrics=PIXEL_METRICS,
    categories={
        "bottle": ((0.992, 0.002), (0.903, 0.018), (0.905, 0.017), (0.825, 0.041)),
        "cable": ((0.973, 0.004), (0.604, 0.023), (0.511, 0.025), (0.267, 0.037)),
        "capsule": ((0.991, 0.000), (0.563, 0.011), (0.494, 0.015), (0.273, 0.033)),
        "carpet": ((0.961, 0.022), (0.728, 0.058), (0.845, 0.049), (0.586, 0.171)),
        "grid": ((0.991, 0.001), (0.615, 0.016), (0.616, 0.018), (0.474, 0.029)),
        "hazelnut": ((0.996, 0.002), (0.884, 0.022), (0.877, 0.018), (0.776, 0.034)),
        "leather": ((0.997, 0.000), (0.756, 0.012), (0.775, 0.018), (0.653, 0.039)),
        "metal_nut": ((0.986, 0.004), (0.935, 0.011), (0.936, 0.013), (0.865, 0.027)),
        "pill": ((0.987, 0.004), (0.831, 0.042), (0.848, 0.038), (0.611, 0.124)),
        "screw": ((0.985, 0.003), (0.587, 0.037), (0.536, 0.036), (0.086, 0.023)),
        "tile": ((0.980, 0.007), (0.900, 0.025), (0.947, 0.018), (0.865, 0.036)),
        "toothbrush": ((0.993, 0.001), (0.752, 0.018), (0.598, 0.029), (0.321, 0.051)),
        "transistor": ((0.891, 0.034), (0.648, 0.040), (0.783, 0.025), (0.496, 0.084)),
        "wood": ((0.977, 0.003), (0.819, 0.012), (0.878, 0.028), (0.764, 0.034)),
        "zipper": ((0.991, 0.005), (0.852, 0.033), (0.906, 0.023), (0.803, 0.049)),
    },
)

PUBLISHED: dict[str, tuple[Published, ...]] = {
    "stpm": (STPM_README, STPM_RE_EVALUATED),
    "destseg": (DESTSEG_PAPER,),
}
"""Per method."""

CATEGORIES = frozenset(STPM_README.categories)
"""Of MVTec AD (Bergmann et al., 2019)."""


def known_category(category: str | None, root: str) -> str | None:
    """MVTec AD's category that was tested: as named, else as the test root's folder (or the one above `test`) is."""
    if category is not None:
        return category if category in CATEGORIES else None
    folder = PurePath(root)
    name = folder.parent.name if folder.name == TEST_FOLDER else folder.name
    return name if name in CATEGORIES else None


def published_for(method: str, category: str | None) -> dict[str, tuple[Value, Published]]:
    """By metric, what was published for this method and category; empty where nothing was."""
    tables = [table for table in PUBLISHED.get(method, ()) if category in table.categories]
    return {
        metric: (value, table)
        for table in tables
        for metric, value in zip(table.metrics, table.categories[str(category)], strict=True)
    }
