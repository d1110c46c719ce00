"""Run by torchrun: trains methods on several processes and notes each process's weights after every step."""

import hashlib
import json
import os
import sys
from pathlib import Path

from torch import Tensor

from blemish.data import DATASETS
from blemish.data.dataset import Sample
from blemish.detectors import DETECTORS
from blemish.errors import BlemishError
from blemish.networks.teacher import Teacher
from blemish.training import fit as loop
from blemish.training.photo_store import Indices
from blemish.training.settings import TrainingSettings
from blemish.training.train import train
from contract.test_detectors import ALL, drawn, settings_of

OTHERS = "other-photos"
"""Instead of a method: the second process finds one photo fewer; what is said is noted."""
PHOTOS, BATCH = 12, 5
"""5 photos per step do not divide by 2 processes: 4 do."""


def train_noting(method: str, photos: tuple[Sample, ...], run: Path, teacher: Path) -> list[tuple[str, int]]:
    """Looks on: the weights after each step, before anything synchronises them, and this process's photos."""
    seen: list[tuple[str, int]] = []
    step = loop.StageRun._step

    def noted(self: loop.StageRun, indices: Indices, clean: Tensor) -> None:
        step(self, indices, clean)
        weights = b"".join(p.detach().contiguous().numpy().tobytes() for p in self.stage.trains.parameters())
        seen.append((hashlib.sha256(weights).hexdigest(), len(indices)))

    loop.StageRun._step = noted  # type: ignore[method-assign]
    files = [teacher for module in drawn(method).modules() if isinstance(module, Teacher)]
    training = TrainingSettings(batch_size=BATCH, check_every=2, held_out=0.25)
    train(method, photos, run=run, settings=settings_of(method), training=training, teacher_weights=files)
    loop.StageRun._step = step  # type: ignore[method-assign]
    return seen


def main() -> None:
    methods, good, teacher, out = sys.argv[1].split(","), *map(Path, sys.argv[2:])
    DETECTORS.update(ALL)
    photos = tuple(DATASETS["folder"].find(good, None).train[:PHOTOS])
    if methods == [OTHERS]:
        try:
            train_noting("stpm", photos[: PHOTOS - int(os.environ["RANK"])], out / "run", teacher)
        except BlemishError as error:
            (out / f"{os.environ['RANK']}.json").write_text(json.dumps([str(error)]))
        return
    seen = [train_noting(method, photos, out / f"run{i}", teacher) for i, method in enumerate(methods)]
    (out / f"{os.environ['RANK']}.json").write_text(json.dumps(seen))


if __name__ == "__main__":
    main()
