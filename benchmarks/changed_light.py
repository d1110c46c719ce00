"""What light and pose settings of training buy and cost: alarms on photos that are lit or lie otherwise, and pixel AP.

    python benchmarks/changed_light.py WORK_FOLDER SETS [--sets cookies ...] [--light off mild strong] [--pose off]
    python benchmarks/changed_light.py WORK_FOLDER SETS --changes shift=2 rotation=2 --pose off mild --light mild

SETS holds the folders of docs/reference/measured.md ("The photos"), each in MVTec AD's layout. Each set is learned by
the default method, at a small size and in few steps, once per setting; `blemish stress` judges its good test photos,
which gave no threshold, and at most 50 of its defective ones, as they are and changed. Alarms hold where they are no
more than the threshold promises; chance alone gives a few photos more or less. A model that lies in WORK_FOLDER is not
learned again. Seconds are the processor's, of training.
"""

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import blemish
from blemish.evaluation.stress_record import StressTest, WrongCount
from blemish.model.artifact import MODEL_FILE, read_artifact


@dataclass(frozen=True, kw_only=True)
class LearnedSet:
    """A set of photos, where it lies below SETS, and what it is learned with."""

    folder: str
    settings: Mapping[str, Any]


_SHEETS: Mapping[str, Any] = {"image_size": 128, "steps": 100}
_MANY: Mapping[str, Any] = {"steps": 60, "decoder_steps": 100, "batch_size": 8}
SETS: Mapping[str, LearnedSet] = {
    "PA_FLR01_TL": LearnedSet(folder="piped/PA_FLR01_TL", settings=_SHEETS),
    "cookies": LearnedSet(folder="cookies/cookie", settings={"image_size": 192, "steps": 60, "batch_size": 8}),
    "KolektorSDD": LearnedSet(folder="kolektorsdd/commutator", settings={"image_size": (224, 96)} | dict(_MANY)),
    "screw": LearnedSet(folder="mvtec_ad/screw", settings={"image_size": 192} | dict(_MANY)),
    "PA_BRG01_RL": LearnedSet(folder="piped/PA_BRG01_RL", settings=_SHEETS),
    "PA_GLA01_TL": LearnedSet(folder="piped/PA_GLA01_TL", settings=_SHEETS),
    "PA_BDP01_TL": LearnedSet(folder="piped/PA_BDP01_TL", settings=_SHEETS),
}


def trained(run: Path, photos: Path, settings: Mapping[str, Any]) -> float | None:
    """Trains a model where there is none, and returns how many seconds of the processor that took."""
    if (run / MODEL_FILE).exists():
        return None
    started = time.process_time()
    blemish.train(photos, run, overwrite=True, **settings)
    return time.process_time() - started


def row(name: str, light: str, pose: str, options: argparse.Namespace) -> str:
    """Returns a line of the table: one set, one setting."""
    photos, run = options.photos / SETS[name].folder, options.work / f"{name}-{light}-{pose}"
    seconds = trained(run, photos, {**SETS[name].settings, "light": light, "pose": pose})
    if options.false_alarms is not None:
        blemish.calibrate(run, false_alarms=options.false_alarms)
    evaluation = blemish.evaluate(run, photos, runtime="torch")
    test = blemish.stress(
        run, photos / "test" / "good", photos, output=run / "stress", conditions=options.changes, runtime="torch"
    )
    promised = read_artifact(run).calibration.image.promised_rate
    figures = [evaluation.metrics[metric] for metric in ("image_auroc", "pixel_ap", "pro")]
    cells = [
        name,
        f"{light}, {pose}" if options.pose != ["off"] else light,
        " / ".join("none" if value is None else f"{value:.3f}" for value in figures),
        "none" if promised is None else f"{100 * promised:.3g} % of {test.good.photos}",
        *(f"{_said(good)}; {_said(bad)}" for good, bad in counted(test, options.changes)),
        "" if seconds is None else f"{seconds:.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def counted(test: StressTest, changes: Sequence[str]) -> list[tuple[WrongCount, WrongCount | None]]:
    """Returns false alarms and misses of the photos as they are, and under each change in the order asked for."""
    found = {
        f"{condition.name}={counts.key}": (counts.good, counts.defective)
        for condition in test.conditions
        for counts in condition.strengths
    }
    return [(test.good, test.defective), *(found[change] for change in changes)]


def _said(count: WrongCount | None) -> str:
    """Returns how many were judged wrongly, and in brackets how many of all were called unusual."""
    if count is None:
        return "none"
    return f"{count.wrong} ({count.unusual})" if count.unusual else f"{count.wrong}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--light", nargs="+", default=["off", "mild", "strong"])
    parser.add_argument("--pose", nargs="+", default=["off"])
    parser.add_argument("--false-alarms", type=float, help="of the thresholds; 0.01 in training, which is the highest")
    parser.add_argument("--changes", nargs="+", default=["brightness=0.9", "brightness=1.1"])
    options = parser.parse_args()
    head = [
        "photos",
        "trained with",
        "image AUROC / pixel AP / PRO",
        "promised",
        "as they are",
        *options.changes,
        "CPU s",
    ]
    print(f"| {' | '.join(head)} |\n{'|---' * len(head)}|", flush=True)
    for name in options.sets:
        for light in options.light:
            for pose in options.pose:
                print(row(name, light, pose, options), flush=True)


if __name__ == "__main__":
    main()
