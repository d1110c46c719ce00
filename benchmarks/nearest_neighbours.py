"""What would one get without training? Every place of a photo is held against all places of all good photos, by the
teacher's features; the nearest counts: PatchCore (Roth et al., CVPR 2022) with a whole memory instead of a coreset.

    python benchmarks/nearest_neighbours.py CATEGORY --teacher-weights resnet18.safetensors --size 128 --levels 2 3

CATEGORY is a folder in MVTec AD's layout. Levels are averaged over 3x3 places as there (sec. 3.1); several are joined
at the size of the finest. Prints image AUROC, pixel AUROC, pixel AP, PRO, and seconds of the processor.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from rstpm_ablation import figures_of
from torch import Tensor
from torch.nn import functional as F

from blemish.data.images import read_image, resize_image
from blemish.data.mvtec_ad import MVTEC_AD
from blemish.detectors import AnomalyMap, Detector, Images, ImageSize, Stage
from blemish.detectors.stpm import LEVELS, STPMSettings
from blemish.model.score import Score
from blemish.networks import build_backbone
from blemish.networks.discrepancy import interpolate_map, unit_vectors
from blemish.networks.resizing import resize_features
from blemish.networks.teacher import Teacher

SHOWN = ("image_auroc", "pixel_auroc", "pixel_ap", "pro")
HELD_OUT = 0.2  # of the good photos are not remembered, as methods that are trained do not learn from them
AT_ONCE = 1 << 14  # remembered places that are compared with in one product


class NearestNeighbours(Detector):
    """Remembers what the teacher says of good photos' places."""

    Settings = STPMSettings
    title = "Nearest neighbours"
    paper = "Roth et al.: Towards Total Recall in Industrial Anomaly Detection, CVPR 2022"

    def __init__(self, settings: STPMSettings, *, levels: Sequence[int], kind: str) -> None:
        super().__init__(settings)
        self.teacher = Teacher(build_backbone(settings.teacher, levels=LEVELS), name=settings.teacher)
        self.levels, self.kind = levels, kind
        self.remembered = torch.empty(0, sum(self.teacher.channels[level - 1] for level in levels))
        self.score = Score(kind="maximum")

    def stages(self) -> Sequence[Stage]:
        return []

    def places(self, images: Images) -> Tensor:
        """Returns (B, C, h, w) of images: one vector a place."""
        every = self.teacher(images)
        chosen = [F.avg_pool2d(every[level - 1], 3, stride=1, padding=1) for level in self.levels]
        finest = (chosen[0].shape[-2], chosen[0].shape[-1])
        joined = torch.cat([resize_features(level, finest) for level in chosen], dim=1)
        return unit_vectors(joined) if self.kind == "cosine" else joined

    @torch.no_grad()
    def remember(self, batches: Sequence[Images]) -> None:
        self.remembered = torch.cat([as_rows(self.places(images)) for images in batches])

    def forward(self, images: Images) -> AnomalyMap:
        places = self.places(images)
        rows = as_rows(places)
        own = rows.square().sum(dim=1)
        nearest = torch.full_like(own, torch.inf)
        for some in torch.split(self.remembered, AT_ONCE):
            found = some.square().sum(dim=1) - 2 * rows @ some.T
            nearest = torch.minimum(nearest, found.min(dim=1).values)
        squared = (own + nearest).clamp(min=0)
        found = squared if self.kind == "cosine" else squared.sqrt()
        maps = found.view(len(places), 1, places.shape[-2], places.shape[-1])
        return interpolate_map(maps, (images.shape[-2], images.shape[-1]))


def as_rows(places: Tensor) -> Tensor:
    """Returns (B * h * w, C) of (B, C, h, w)."""
    return places.permute(0, 2, 3, 1).flatten(end_dim=2)


def main() -> None:
    options = _options()
    height, width = options.size * 2 if len(options.size) == 1 else options.size
    photos = MVTEC_AD.find(options.category, None).train
    for seed in options.seeds:
        torch.manual_seed(seed)
        learned = torch.randperm(len(photos))[max(1, round(HELD_OUT * len(photos))) :].tolist()
        settings = STPMSettings(image_size=ImageSize(height, width))
        detector = NearestNeighbours(settings, levels=options.levels, kind=options.kind)
        detector.teacher.load_pretrained(options.teacher_weights)
        detector.eval()
        started = time.process_time()
        pixels = [torch.from_numpy(resize_image(read_image(photos[i].image), (height, width))) for i in learned]
        images = torch.stack(pixels).permute(0, 3, 1, 2).float() / 255
        detector.remember(torch.split(images, 16))
        figures = figures_of(detector, options.category)
        line = " / ".join(f"{figures[metric] or 0:.3f}" for metric in SHOWN)
        levels = "+".join(str(level) for level in options.levels)
        print(
            f"{options.category.name:<14}{height}x{width}  seed {seed}  levels {levels} {options.kind}  {line}  "
            f"{len(detector.remembered)} places, {time.process_time() - started:.0f} s",
            flush=True,
        )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("category", type=Path)
    parser.add_argument("--teacher-weights", type=Path, required=True)
    parser.add_argument("--levels", nargs="+", type=int, default=[2, 3], choices=range(1, LEVELS + 1))
    parser.add_argument("--kind", choices=("euclidean", "cosine"), default="euclidean")
    parser.add_argument("--size", nargs="+", type=int, default=[128], help="one side, or height and width")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    return parser.parse_args()


if __name__ == "__main__":
    main()
