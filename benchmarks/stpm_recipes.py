"""How many steps does STPM's default recipe need, beside one learning rate that stays? Trains both, on real photos.

What is trained stays in FOLDER and is not trained again: a stopped run goes on.

    python benchmarks/stpm_recipes.py FOLDER CATEGORY... --size 128 --seeds 0 1 --recipes one-cycle:default before

CATEGORY is a folder in MVTec AD's layout. A recipe is one-cycle:STEPS, paper:STEPS, with `default` for as many as are
taken where none are asked for, or `before`: one rate, 1,600 steps at most, which was the default. Teachers' weights are
found as in training ($BLEMISH_WEIGHTS), or given. Prints image AUROC, pixel AUROC, pixel AP, PRO, steps, and seconds of
the processor.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from rstpm_ablation import figures_of

from blemish.data.mvtec_ad import MVTEC_AD
from blemish.detectors.settings import image_size_of
from blemish.detectors.stpm import STPMSettings
from blemish.inference.torch_runtime import rebuild
from blemish.training.settings import TrainingSettings
from blemish.training.train import train_detector

SHOWN = ("image_auroc", "pixel_auroc", "pixel_ap", "pro")
BEFORE: dict[str, Any] = {"recipe": "paper", "steps": 1600, "patience": 300}


def settings_of(recipe: str, image_size: Any) -> STPMSettings:
    """Returns what a recipe's name on the command line means."""
    name, _, steps = recipe.partition(":")
    asked = BEFORE if recipe == "before" else {"recipe": name, "steps": None if steps == "default" else int(steps)}
    return STPMSettings.from_json({"image_size": image_size_of(image_size), **asked})


def measured(recipe: str, category: Path, options: argparse.Namespace, *, seed: int) -> dict[str, Any]:
    """Trains and measures, once: the figures lie beside the model."""
    place = options.folder / category.name / str(seed) / recipe.replace(":", "-")
    known = place / "figures.json"
    if known.exists():
        return dict(json.loads(known.read_text()))
    started = time.process_time()
    artifact = train_detector(
        "stpm",
        MVTEC_AD.find(category, None).train,
        run=place / "model",
        settings=settings_of(recipe, options.size),
        training=TrainingSettings(seed=seed),
        teacher_weights=options.teacher_weights,
        overwrite=True,
    )
    seconds = round(time.process_time() - started)
    found = figures_of(rebuild(artifact).eval(), category)
    figures: dict[str, Any] = {"steps": artifact.training.stages[0].steps, "seconds": seconds}
    figures |= {name: found[name] for name in SHOWN}
    known.write_text(json.dumps(figures))
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("categories", nargs="+", type=Path)
    parser.add_argument("--recipes", nargs="+", default=["one-cycle:default", "before"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--size", nargs="+", type=int, default=[128], help="one side, or height and width")
    parser.add_argument("--teacher-weights", nargs="*", type=Path, default=())
    options = parser.parse_args()
    options.size = options.size[0] if len(options.size) == 1 else options.size
    for category in options.categories:
        for seed in options.seeds:
            for recipe in options.recipes:
                figures = measured(recipe, category, options, seed=seed)
                cells = " / ".join(f"{figures[name] or 0:.3f}" for name in SHOWN)
                print(
                    f"{category.name:<14} seed {seed}  {recipe:<20} {cells}  {figures['steps']} steps, "
                    f"{figures['seconds']} s",
                    flush=True,
                )


if __name__ == "__main__":
    main()
