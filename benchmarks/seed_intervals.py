"""How often the intervals of a benchmark's differences hold the true difference, by the number of seeds.

Two methods are equally good. What their figures differ in comes of their seeds and, in half of the cases, of the test
photos as much again; each benchmark is made up of normal numbers, and compared as `blemish benchmark` compares.

    python benchmarks/seed_intervals.py
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from blemish.evaluation.record import Evaluation
from blemish.metrics.ranking import Floats
from blemish.studies.differences import method_differences

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from evaluation.example import EVALUATION

BENCHMARKS, DRAWS = 500, 400
_SPREAD = 0.01  # of the figures of seeds, about what is seen


def evaluation_of(figure: float, drawn: Floats) -> Evaluation:
    draws: dict[str, list[float | None]] = {"image_auroc": [float(value) for value in drawn]}
    base = replace(EVALUATION, good_photos=50, defective_photos=50)
    return replace(base, metrics={"image_auroc": figure}, draws=draws)


def holds(seeds: int, photos: float, rng: np.random.Generator) -> bool:
    """Whether one benchmark's interval holds 0; photos favour one method or the other, by chance, so much."""
    seeds_of: dict[tuple[str | None, str], list[Evaluation]] = {}
    for method, favour in (("a", photos), ("b", 0.0)):
        luck = favour * rng.normal()
        figures = 0.8 + luck + _SPREAD * rng.normal(size=seeds)
        drawn = favour * rng.normal(size=DRAWS)
        seeds_of[None, method] = [evaluation_of(float(figure), figure + drawn) for figure in figures]
    (found,) = method_differences([None], ["a", "b"], seeds_of).found
    return found.better is None


def main() -> None:
    for name, photos in (("seeds alone", 0.0), ("seeds and photos", _SPREAD)):
        for seeds in (2, 3, 5, 10):
            rng = np.random.default_rng(seeds)
            held = sum(holds(seeds, photos, rng) for _ in range(BENCHMARKS))
            print(f"{name:<16} {seeds:>2} seeds: held in {100 * held / BENCHMARKS:.1f} % of {BENCHMARKS}", flush=True)


if __name__ == "__main__":
    main()
