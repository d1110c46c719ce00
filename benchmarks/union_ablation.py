"""What do Mend's parts do? It is trained as it comes and with one thing changed, on real photos; decoder and head are
then judged alone and together, by several rules.

What is trained stays in FOLDER and is not trained again: a stopped run goes on.

    python benchmarks/union_ablation.py measure FOLDER CATEGORY --size 128 --seeds 0 1 --variants default perlin
    python benchmarks/union_ablation.py table FOLDER

CATEGORY is a folder in MVTec AD's layout.
"""

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import torch
from rstpm_ablation import figures_of, spread_of
from torch import Tensor, nn

from blemish.data.mvtec_ad import MVTEC_AD
from blemish.detectors.mend import Mend, MendSettings
from blemish.detectors.settings import image_size_of
from blemish.inference.torch_runtime import rebuild
from blemish.model.artifact import MODEL_FILE, Artifact, read_artifact
from blemish.networks.discrepancy import interpolate_map
from blemish.training.settings import TrainingSettings
from blemish.training.train import train_detector

SHOWN = ("image_auroc", "pixel_auroc", "pixel_ap", "pro")
VARIANTS: dict[str, dict[str, Any]] = {  # settings of the method, and of training
    "default": {},
    "perlin defects": {"defects": "perlin"},
    "light as it is": {"light": "off"},
    "light varies much": {"light": "strong"},
    "moved": {"pose": "mild"},
    "decoder, no head": {"judges": "decoder"},
    "decoder, no defects": {"judges": "decoder", "defects": "none"},
    "decoder, kept features": {"judges": "decoder", "defects": "none", "light": "off"},
    "twice the steps": {"steps": 2 * MendSettings().steps},
    "half the steps": {"steps": MendSettings().steps // 2},
}

Rule = Callable[[Tensor, Tensor], Tensor]
"""The decoder's map at the head's size, the head's logits -> a positive map."""


def rules(trust: float) -> dict[str, Rule]:
    """The ways to make one map of two."""
    return {
        "decoder": lambda mended, _logits: mended.exp(),
        "head": lambda _mended, logits: torch.sigmoid(logits),
        "together": powered(trust),
        **{f"odds^{fixed}": powered(fixed) for fixed in (0.1, 0.2, 0.3, 0.5)},
    }


def powered(trust: float) -> Rule:
    return lambda mended, logits: (mended + trust * logits).exp()


class ByRule(nn.Module):
    """Stands for a detector's fusion."""

    def __init__(self, rule: Rule) -> None:
        super().__init__()
        self.rule = rule

    def forward(self, mended: Tensor, logits: Tensor) -> Tensor:
        size = (logits.shape[-2], logits.shape[-1])
        return self.rule(interpolate_map(mended, size), logits)


def measure(options: argparse.Namespace) -> None:
    for seed in options.seeds:
        for variant in options.variants:
            place = options.folder / options.category.name / str(seed) / variant.replace(" ", "-")
            artifact = trained(place / "model", variant, options, seed=seed)
            detector: Any = rebuild(artifact)
            assert isinstance(detector, Mend)
            if detector.student.head is None:
                note(place, "decoder", detector, options)
                continue
            for name, rule in rules(float(detector.student.fusion.trust)).items():
                detector.student.fusion = ByRule(rule)  # type: ignore[assignment]
                note(place, name, detector, options)


def trained(run: Path, variant: str, options: argparse.Namespace, *, seed: int) -> Artifact:
    values = {"image_size": image_size_of(options.size), "lie": options.lie, "teacher": options.teacher}
    known, changed = {field.name for field in fields(TrainingSettings)}, VARIANTS[variant]
    settings = MendSettings.from_json(values | {name: value for name, value in changed.items() if name not in known})
    asked = {"seed": seed, "precision": options.precision}
    asked |= {name: value for name, value in changed.items() if name in known}
    training = TrainingSettings(**{**Mend.training_defaults, **asked})
    if (run / MODEL_FILE).exists():
        found = read_artifact(run)
        if found.settings != json.loads(json.dumps(settings.to_json())) or found.training.settings != asdict(training):
            raise SystemExit(f"{run} was trained with other settings: give another folder")
        return found
    started = time.process_time()
    artifact = train_detector(
        "mend",
        MVTEC_AD.find(options.category, None).train,
        run=run,
        settings=settings,
        training=training,
        teacher_weights=options.teacher_weights,
        overwrite=True,
    )
    print(f"{run}: {time.process_time() - started:.0f} s of the processor", flush=True)
    return artifact


def note(place: Path, name: str, detector: Mend, options: argparse.Namespace) -> None:
    path = place / f"{name}.json"
    if path.exists():
        return
    figures = figures_of(detector, options.category)
    path.write_text(json.dumps(dict(figures)))
    print(f"{place}: {name:<12}", *(f"{figures[m] or 0:7.3f}" for m in SHOWN), flush=True)


def table(options: argparse.Namespace) -> None:
    """Mean over the seeds and, where there are several, half the distance of the extremes."""
    found: dict[tuple[str, str, str], list[dict[str, float]]] = defaultdict(list)
    for path in sorted(options.folder.glob("*/*/*/*.json")):
        found[path.parts[-4], path.parts[-2], path.stem].append(json.loads(path.read_text()))
    for (category, variant, name), runs in sorted(found.items()):
        cells = [spread_of([run[metric] for run in runs]) for metric in SHOWN]
        print(f"{category:<16}{variant:<26}{name:<12}{len(runs)} seeds", *(f"{cell:>15}" for cell in cells))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("measure")
    one.set_defaults(run=measure)
    one.add_argument("folder", type=Path)
    one.add_argument("category", type=Path)
    one.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    one.add_argument("--seeds", nargs="+", type=int, default=[0])
    one.add_argument("--size", nargs="+", type=int, default=[128], help="one side, or height and width")
    one.add_argument("--lie", choices=("fixed", "turned", "any"), default="any")
    one.add_argument("--teacher", default="resnet18")
    one.add_argument("--teacher-weights", nargs="*", type=Path, default=())
    one.add_argument("--precision", choices=("auto", "fp32", "bf16"), default="auto")
    all_ = commands.add_parser("table")
    all_.set_defaults(run=table)
    all_.add_argument("folder", type=Path)
    options = parser.parse_args()
    if "size" in options and len(options.size) == 1:
        options.size = options.size[0]
    options.run(options)


if __name__ == "__main__":
    main()
