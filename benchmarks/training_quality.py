"""Does the fast loop learn as well as a plain one? Both train the same network for the same steps on a real category.

    python benchmarks/training_quality.py ROOT --teacher-weights resnet18.safetensors --size 128 --steps 150

ROOT has MVTec AD's layout. Both start from the same weights, see the good photos but one, which each side chooses for
itself, and draw batches in an order of their own. Several seeds, because a seed alone moves the figures more than the
loops differ.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from blemish.data.dataset import Dataset
from blemish.data.framing import Framing
from blemish.data.images import read_image
from blemish.data.mvtec_ad import MVTEC_AD
from blemish.detectors import ImageSize
from blemish.detectors.stpm import STPM, STPMSettings
from blemish.evaluation.evaluate import evaluate_predictor
from blemish.evaluation.record import Evaluation
from blemish.inference import open_predictor
from blemish.inference.predictor import Predictor
from blemish.inference.torch_runtime import TorchRuntime
from blemish.model.thresholds import UNCALIBRATED
from blemish.training.batches import step_indices
from blemish.training.settings import TrainingSettings
from blemish.training.train import train_detector

SHOWN = ("image_auroc", "pixel_auroc", "pixel_ap", "pro")


def fast(parts: Dataset, settings: STPMSettings, weights: Path, *, seed: int) -> Evaluation:
    """Blemish's loop; one photo is held out, for a threshold that plays no part here."""
    training = TrainingSettings(seed=seed, held_out=1e-6)
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        train_detector("stpm", parts.train, run=run, settings=settings, training=training, teacher_weights=[weights])
        return evaluate_predictor(open_predictor(run), parts.test)


def plain(parts: Dataset, settings: STPMSettings, weights: Path, *, seed: int) -> Evaluation:
    """Float32, default memory format, teacher asked in every step, nothing kept."""
    torch.manual_seed(seed)
    detector = STPM(settings)
    detector.teacher.load_pretrained(weights)
    detector.student.train()
    optimizer = torch.optim.SGD(detector.student.parameters(), lr=0.4, momentum=0.9, weight_decay=1e-4)
    photos, framing = parts.train[1:], Framing(image_size=settings.image_size)
    for step in range(detector.stages()[0].steps):
        chosen = step_indices(len(photos), min(32, len(photos)), seed=seed, stage=0, step=step)
        frames = [framing.images(framing.cut(read_image(photos[i].image))) for i in chosen]
        images = torch.from_numpy(np.concatenate(frames))
        targets = detector.teacher(images)
        losses = [
            (F.normalize(t, dim=1) - F.normalize(s, dim=1)).square().sum(1).mean()
            for t, s in zip(targets, detector.student(images), strict=True)
        ]
        optimizer.zero_grad()
        torch.stack(losses).sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    predictor = Predictor(
        TorchRuntime(detector, torch.device("cpu")), framing, score=detector.score, calibration=UNCALIBRATED
    )
    return evaluate_predictor(predictor, parts.test)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("--teacher-weights", type=Path, required=True)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    parts = MVTEC_AD.find(options.root, None)
    settings = STPMSettings(
        recipe="paper", image_size=ImageSize(options.size, options.size), steps=options.steps, keep="last"
    )
    print(f"{'seed':<6}{'loop':<8}", *(f"{name:>12}" for name in SHOWN))
    for seed in range(options.seeds):
        for name, loop in (("blemish", fast), ("plain", plain)):
            figures = loop(parts, settings, options.teacher_weights, seed=seed).metrics
            print(f"{seed:<6}{name:<8}", *(f"{figures[metric] or 0:>12.4f}" for metric in SHOWN), flush=True)


if __name__ == "__main__":
    main()
