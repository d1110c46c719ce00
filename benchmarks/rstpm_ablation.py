"""Does the reconstruction student help? RSTPM with each attention and size, beside its two pairs alone, on real photos.

The students share nothing that learns, so the first pair is trained once per seed, as STPM, and stands beside every
second one. What is trained stays in FOLDER and is not trained again: a stopped run goes on, and several processes may
measure different categories. Weights of teachers are looked for as `blemish train` does.

    python benchmarks/rstpm_ablation.py measure FOLDER CATEGORY --teacher efficientnet_lite0 --second-teacher resnet18
    python benchmarks/rstpm_ablation.py table FOLDER

CATEGORY is a folder in MVTec AD's layout.
"""

import argparse
import json
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from blemish.data.framing import Framing
from blemish.data.mvtec_ad import MVTEC_AD
from blemish.detectors import DETECTORS, AnomalyMap, Detector, DetectorSettings, Images, ImageSize, Stage
from blemish.detectors.rstpm import RSTPM, RSTPMSettings
from blemish.detectors.stpm import LEVELS, STPM, STPMSettings
from blemish.evaluation.evaluate import evaluate_predictor
from blemish.inference.predictor import Predictor
from blemish.inference.torch_runtime import TorchRuntime, rebuild
from blemish.model.artifact import MODEL_FILE, Artifact, read_artifact
from blemish.model.thresholds import UNCALIBRATED
from blemish.networks.discrepancy import interpolate_map, multiply_maps
from blemish.training.settings import TrainingSettings
from blemish.training.train import train_detector

SHOWN = ("image_auroc", "pixel_auroc", "pixel_ap", "pro")
VARIANTS = [
    f"{attention} {size}" for size in ("lite", "full") for attention in ("none", "between-stages", "input-gate")
]


class SecondPair(RSTPM):
    """RSTPM of which the second pair alone is trained, and judges alone."""

    def stages(self) -> Sequence[Stage]:
        return super().stages()[1:]

    def forward(self, images: Images) -> AnomalyMap:
        maps = self.level_maps(images)
        size = (images.shape[-2], images.shape[-1])
        levels: list[Tensor] = [maps[f"reconstruction_level{level}"] for level in range(1, LEVELS + 1)]
        return multiply_maps([interpolate_map(level, size) for level in levels])


DETECTORS["second-pair"] = SecondPair


def measure(options: argparse.Namespace) -> None:
    for seed in options.seeds:
        place = options.folder / options.category.name / str(seed)
        first = trained("stpm", place / "first", options, settings=_first_settings(options), seed=seed)
        note(place, "first pair (STPM)", rebuild(first), options)
        for variant in options.variants:
            settings = _settings(options, variant)
            name = variant if options.learning_rate == 0.4 else f"{variant} lr {options.learning_rate}"
            second = rebuild(
                trained("second-pair", place / name.replace(" ", "-"), options, settings=settings, seed=seed)
            )
            note(place, f"second pair alone, {name}", second, options)
            note(place, f"both, {name}", together(rebuild(first), second, settings), options)


def trained(method: str, run: Path, options: argparse.Namespace, *, settings: DetectorSettings, seed: int) -> Artifact:
    training = TrainingSettings(seed=seed, batch_size=options.batch_size)
    if (run / MODEL_FILE).exists():
        known = read_artifact(run)
        if known.settings != json.loads(json.dumps(settings.to_json())) or known.training.settings != asdict(training):
            raise SystemExit(f"{run} was trained with other settings: give another folder")
        return known
    photos = MVTEC_AD.find(options.category, None).train
    return train_detector(method, photos, run=run, settings=settings, training=training, overwrite=True)


def together(first: Detector, second: Detector, settings: RSTPMSettings) -> RSTPM:
    """RSTPM of two pairs that were trained apart."""
    assert isinstance(first, STPM)
    both = RSTPM(settings)
    both.load_state_dict(second.state_dict())
    both.student.load_state_dict(first.student.state_dict())
    return both


def figures_of(detector: Detector, category: Path) -> Mapping[str, float | None]:
    """What the detector, without thresholds, reaches on the category's test photos."""
    predictor = Predictor(
        TorchRuntime(detector, torch.device("cpu")),
        Framing(image_size=detector.settings.image_size),
        score=detector.score,
        calibration=UNCALIBRATED,
    )
    return evaluate_predictor(predictor, MVTEC_AD.find(category, None).test).metrics


def note(place: Path, name: str, detector: Detector, options: argparse.Namespace) -> None:
    path = place / f"{name}.json"
    if path.exists():
        return
    figures = figures_of(detector, options.category)
    path.write_text(json.dumps(dict(figures)))
    print(f"{place.parent.name:<16}{place.name:<4}{name:<42}", *(f"{figures[m] or 0:8.4f}" for m in SHOWN), flush=True)


def table(options: argparse.Namespace) -> None:
    """Mean over the seeds and, where there are several, half the distance of the extremes."""
    found: dict[tuple[str, str], list[dict[str, float]]] = defaultdict(list)
    for path in sorted(options.folder.glob("*/*/*.json")):
        found[path.parent.parent.name, path.stem].append(json.loads(path.read_text()))
    print(f"{'photos':<16}{'seeds':<6}{'':<42}", *(f"{metric:>15}" for metric in SHOWN))
    for (category, name), runs in found.items():
        cells = [spread_of([run[metric] for run in runs]) for metric in SHOWN]
        print(f"{category:<16}{len(runs):<6}{name:<42}", *(f"{cell:>15}" for cell in cells))


def spread_of(values: Sequence[float]) -> str:
    middle = f"{statistics.fmean(values):.3f}"
    return middle if len(values) == 1 else f"{middle} +-{(max(values) - min(values)) / 2:.3f}"


def _first_settings(options: argparse.Namespace) -> STPMSettings:
    of_pair: Any = {name: getattr(RSTPMSettings(), name) for name in ("learning_rate", "patience", "keep")}
    return STPMSettings(
        recipe="paper", teacher=options.teacher, image_size=_size(options), steps=options.steps, **of_pair
    )


def _settings(options: argparse.Namespace, variant: str) -> RSTPMSettings:
    attention, size = variant.split()
    return RSTPMSettings.from_json(
        {
            "teacher": options.teacher,
            "second_teacher": options.second_teacher,
            "image_size": _size(options),
            "steps": options.steps,
            "attention": attention,
            "reconstruction": size,
            "reconstruction_learning_rate": options.learning_rate,
        }
    )


def _size(options: argparse.Namespace) -> ImageSize:
    return ImageSize(options.size, options.size)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("measure")
    one.set_defaults(run=measure)
    one.add_argument("folder", type=Path)
    one.add_argument("category", type=Path)
    one.add_argument("--teacher", default="resnet18")
    one.add_argument("--second-teacher", default="resnet50")
    one.add_argument("--variants", nargs="+", choices=VARIANTS, default=VARIANTS)
    one.add_argument("--seeds", nargs="+", type=int, default=[0])
    one.add_argument("--size", type=int, default=128)
    one.add_argument("--steps", type=int, default=RSTPMSettings().steps)
    one.add_argument("--batch-size", type=int, default=32)
    one.add_argument("--learning-rate", type=float, default=0.4, help="of the reconstruction student")
    all_ = commands.add_parser("table")
    all_.set_defaults(run=table)
    all_.add_argument("folder", type=Path)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
