"""Trains methods on several processes and notes each process's weights after every step."""

import dataclasses
import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed

from blemish.data import DATASETS
from blemish.data.dataset import Sample
from blemish.errors import BlemishError
from blemish.training import fit as loop
from blemish.training.photo_store import Indices
from blemish.training.settings import TrainingSettings
from blemish.training.train import train_detector
from contract.methods import settings_of, small_methods, teacher_files

OTHERS = "other-photos"
"""Instead of a method: the second process finds one photo fewer; what is said is noted."""
PHOTOS, BATCH, STEPS, CHECK_EVERY = 12, 9, 4, 2
"""9 photos per step do not divide by 2 processes: 8 do."""


@dataclasses.dataclass
class Seen:
    """What a process saw of a training, of every step."""

    weights: list[str] = dataclasses.field(default_factory=list)
    photos: list[int] = dataclasses.field(default_factory=list)
    steps: list[tuple[str, int]] = dataclasses.field(default_factory=list)
    gathers: list[int] = dataclasses.field(default_factory=list)
    """How many gathers of pickled objects there had been when a step ended."""
    statistics: list[str] = dataclasses.field(default_factory=list)
    """Batch-norm statistics after every look at the validation photos."""


def digest(tensors: Iterable[Tensor]) -> str:
    return hashlib.sha256(b"".join(t.detach().contiguous().numpy().tobytes() for t in tensors)).hexdigest()


def train_noting(method: str, photos: tuple[Sample, ...], run: Path, teacher: Path) -> dict[str, Any]:
    """Looks on: the weights after each step, before anything synchronises them, and this process's photos."""
    seen, gathered = Seen(), 0
    step, check, gather = loop.StageRun._step, loop.StageRun._check, distributed.all_gather_object

    def noted_step(self: loop.StageRun, number: int, indices: Indices, clean: Tensor) -> None:
        step(self, number, indices, clean)
        seen.weights.append(digest(self.stage.trains.parameters()))
        seen.photos.append(len(indices))
        seen.steps.append((self.stage.name, self.record.steps))
        seen.gathers.append(gathered)

    def noted_check(self: loop.StageRun) -> None:
        check(self)
        if self.stage.validation_loss is not None:
            seen.statistics.append(digest(self.stage.trains.buffers()))

    def counted(*arguments: Any, **options: Any) -> None:
        nonlocal gathered
        gathered += 1
        gather(*arguments, **options)

    hooked: Any = loop.StageRun
    hooked._step, hooked._check = noted_step, noted_check
    distributed.all_gather_object = counted
    settings = settings_of(method, steps=STEPS)
    training = TrainingSettings(batch_size=BATCH, check_every=CHECK_EVERY, held_out=0.25, light="mild", pose="mild")
    try:
        train_detector(
            method,
            photos,
            run=run,
            settings=settings,
            training=training,
            teacher_weights=teacher_files(method, teacher),
        )
    finally:
        hooked._step, hooked._check = step, check
        distributed.all_gather_object = gather
    return dataclasses.asdict(seen)


def train_as_rank(rank: int, port: int, methods: Sequence[str], good: Path, teacher: Path, out: Path) -> None:
    """In a process of its own."""
    os.environ |= environment(rank, port)
    torch.set_num_threads(1)
    photos = tuple(DATASETS["folder"].find(good, None).train[:PHOTOS])
    seen: list[Any] = []
    with small_methods():
        for place, method in enumerate(methods):
            run = out / f"run{place}"
            try:
                mine = photos[: PHOTOS - rank] if method == OTHERS else photos
                seen.append(train_noting("stpm" if method == OTHERS else method, mine, run, teacher))
            except BlemishError as error:
                seen.append({"said": str(error)})
    (out / f"{rank}.json").write_text(json.dumps(seen))


def environment(rank: int, port: int) -> dict[str, str]:
    """What torchrun tells one of two processes that it starts."""
    ours = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    return ours | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
