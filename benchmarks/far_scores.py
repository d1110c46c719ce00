"""How often calibration scores of good photos alone are called far above the rest, and those of planted wrong photos.

    python benchmarks/far_scores.py RUN ROOT [RUN ROOT ...]

The model in RUN judges the test photos in ROOT (MVTec AD's layout). 1,000 times each, 6, 20 or 40 of their good ones
are drawn as calibration photos, alone, or with 1 to 3 defective ones; counted is how often any good photo alone is
called far, and how often the highest of the planted is.
"""

import argparse
from pathlib import Path

import numpy as np

from blemish.calibration.outliers import far_above_the_rest
from blemish.data.mvtec_ad import MVTEC_AD
from blemish.errors import DataError
from blemish.inference import open_predictor

DRAWS = 1000
SIZES = (6, 20, 40)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", nargs="+", type=Path, help="RUN ROOT")
    pairs = parser.parse_args().pairs
    for run, root in zip(pairs[::2], pairs[1::2], strict=True):
        samples = MVTEC_AD.find(root, None).test
        scores: dict[bool, list[float]] = {False: [], True: []}
        predictor = open_predictor(run, runtime="torch")
        for sample, prediction in zip(samples, predictor.predict_many(s.image for s in samples), strict=True):
            if isinstance(prediction, DataError):
                raise prediction
            scores[sample.anomalous].append(prediction.anomaly_score)
        rng = np.random.default_rng(0)
        for size in (size for size in SIZES if size < len(scores[False])):
            alone = planted = 0
            for _ in range(DRAWS):
                good = rng.choice(scores[False], size, replace=False)
                wrong = rng.choice(scores[True], int(rng.integers(1, 4)), replace=False)
                alone += bool(far_above_the_rest(good.tolist()))
                mixed = [*good.tolist(), *wrong.tolist()]
                planted += int(size + np.argmax(wrong)) in far_above_the_rest(mixed)
            print(
                f"{run.name}, {size} of {len(scores[False])} good: alone {alone / DRAWS:.1%}, "
                f"the highest planted {planted / DRAWS:.1%}",
                flush=True,
            )


if __name__ == "__main__":
    main()
