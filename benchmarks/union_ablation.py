"""What do Mend's parts do? It is trained as it comes and with one thing changed, on real photos; as it comes, it is
judged by decoder and head alone and together, by several rules, and scored by several.

What is trained stays in FOLDER and is not trained again: a stopped run goes on.

    python benchmarks/union_ablation.py measure FOLDER CATEGORY --size 128 --seeds 0 1 --variants default dropout
    python benchmarks/union_ablation.py table FOLDER

CATEGORY is a folder in MVTec AD's layout. `--steps` and `--decoder-steps` are what all variants take, or so many times
as much.
"""

import argparse
import json
import time
from collections import defaultdict
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from mend_variants import RULES, VARIANTS, by_rule
from rstpm_ablation import figures_of, spread_of

from blemish.data.mvtec_ad import MVTEC_AD
from blemish.detectors.mend import Mend, MendSettings
from blemish.detectors.settings import image_size_of
from blemish.inference.torch_runtime import rebuild
from blemish.model.artifact import MODEL_FILE, Artifact, read_artifact
from blemish.model.score import Score
from blemish.training.settings import TrainingSettings
from blemish.training.train import train_detector

SHOWN = ("image_auroc", "pixel_auroc", "pixel_ap", "pro")
SCORES = {"the maximum": Score(), **{f"the top {s:.2%}": Score(kind="top_mean", share=s) for s in (5e-4, 5e-3, 2e-2)}}
"""Beside the method's own."""
AS_IT_COMES = "default"
DECIDED = ("learns", "bottleneck")
"""Settings that training decides by the photos."""


def measure(options: argparse.Namespace) -> None:
    for seed in options.seeds:
        for variant in options.variants:
            place = options.folder / options.category.name / str(seed) / variant.replace(" ", "-")
            with VARIANTS[variant].in_place():
                mend: Any = rebuild(trained(place / "model", variant, options, seed=seed))
                assert isinstance(mend, Mend)
                note(place, "as trained", mend, options)
                if variant == AS_IT_COMES:
                    judge_by_rules(place, mend, options)


def judge_by_rules(place: Path, mend: Mend, options: argparse.Namespace) -> None:
    for name, rule in RULES.items():
        note(place, f"map {name}", by_rule(mend, rule), options)
    own = mend.score
    for name, score in SCORES.items():
        mend.score = score
        note(place, f"score {name}", mend, options)
    mend.score = own


def trained(run: Path, variant: str, options: argparse.Namespace, *, seed: int) -> Artifact:
    changed = dict(VARIANTS[variant].settings)
    times = changed.pop("steps", 1)
    steps = {"steps": round(options.steps * times), "decoder_steps": round(options.decoder_steps * times)}
    known = {field.name for field in fields(TrainingSettings)}
    values = {"image_size": image_size_of(options.size), "lie": options.lie, **steps}
    settings = MendSettings.from_json(values | {name: value for name, value in changed.items() if name not in known})
    given = {"seed": seed, "precision": options.precision}
    given |= {name: value for name, value in changed.items() if name in known}
    training = TrainingSettings(**{**Mend.training_defaults, **given})
    found = MVTEC_AD.find(options.category, None).train
    if (run / MODEL_FILE).exists():
        kept = read_artifact(run)
        asked = json.loads(json.dumps(settings.to_json()))
        before, now = ({k: v for k, v in each.items() if k not in DECIDED} for each in (kept.settings, asked))
        if before != now or kept.training.settings != asdict(training):
            raise SystemExit(f"{run} was trained with other settings: give another folder")
        return kept
    started = time.process_time()
    files = {"teacher_weights": options.teacher_weights, "overwrite": True}
    artifact = train_detector("mend", found, run=run, settings=settings, training=training, **files)
    print(f"{run}: {time.process_time() - started:.0f} s of the processor", flush=True)
    return artifact


def note(place: Path, name: str, detector: Mend, options: argparse.Namespace) -> None:
    path = place / f"{name}.json"
    if path.exists():
        return
    figures = figures_of(detector, options.category)
    path.write_text(json.dumps(dict(figures)))
    print(f"{place}: {name:<26}", *(f"{figures[m] or 0:7.3f}" for m in SHOWN), flush=True)


def table(options: argparse.Namespace) -> None:
    """Prints a table in Markdown of what was measured: mean over the seeds and half the distance of the extremes."""
    found: dict[str, dict[str, list[dict[str, float]]]] = defaultdict(lambda: defaultdict(list))
    for path in sorted(options.folder.glob("*/*/*/*.json")):
        variant = path.parts[-2].replace("-", " ")
        name = variant if path.stem == "as trained" else path.stem
        found[name][path.parts[-4]].append(json.loads(path.read_text()))
    categories = sorted({category for runs in found.values() for category in runs})
    print(f"| | {' | '.join(categories)} |", "|---" * (len(categories) + 1) + "|", sep="\n")
    known = [name.replace("-", " ") for name in VARIANTS]
    for name in sorted(found, key=lambda name: (known.index(name) if name in known else len(known), name)):
        print(f"| {name} | {' | '.join(_cell(found[name][category]) for category in categories)} |")


def _cell(runs: list[dict[str, float]]) -> str:
    figures = [spread_of([run[metric] for run in runs]) for metric in ("image_auroc", "pixel_ap", "pro") if runs]
    return " / ".join(figures).replace("0.", ".") + (f" ({len(runs)})" if runs else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("measure")
    one.set_defaults(run=measure)
    one.add_argument("folder", type=Path)
    one.add_argument("category", type=Path)
    one.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    one.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    one.add_argument("--size", nargs="+", type=int, default=[128], help="one side, or height and width")
    one.add_argument("--steps", type=int, default=MendSettings().steps)
    one.add_argument("--decoder-steps", type=int, default=MendSettings().steps)
    one.add_argument("--lie", choices=("fixed", "turned", "any"), default="fixed")
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
