"""The loop: knows stages, knows no method."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from blemish.detectors import Batch, Detector, Stage
from blemish.errors import InterruptionError, SettingsError
from blemish.process import StopRequest, stop_requests
from blemish.training import checkpoint as checkpoints
from blemish.training.batches import KeptTargets, read_ahead, step_indices
from blemish.training.checkpoint import Checkpoint
from blemish.training.photo_store import Indices, PhotoStore
from blemish.training.processes import Processes
from blemish.training.settings import TrainingSettings
from blemish.training.split import Split
from blemish.training.texture_store import Textures

GAIN = 0.1  # an error that falls by less than a tenth while patience lasts is not worth the time


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where training is; handed to `on_progress` after every step."""

    activity: str
    done: int
    total: int
    loss: float | None = None
    held_out_error: float | None = None


OnProgress = Callable[[Progress], object]


@dataclass(kw_only=True)
class StageRecord:
    """What one stage did; part of the checkpoint, and at the end of the artifact."""

    name: str
    steps: int = 0
    best_step: int | None = None
    best_error: float | None = None
    """Lowest mean error on held-out normal photos; the weights of `best_step` were kept."""
    gain_step: int = 0
    gain_error: float | None = None
    """When the held-out error last fell by GAIN, and what it was then: patience counts from there."""
    history: list[dict[str, float]] = field(default_factory=list)
    """Per check: step, mean loss since the last check, held-out error."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What all stages of a training share."""

    detector: Detector
    photos: PhotoStore
    digests: Sequence[str]
    """Of the photos' files, in their order."""
    parts: Sequence[str]
    """Which part each photo shows, in their order; those of one part stand together."""
    unreadable: Sequence[str]
    """A line for each photo that was left out."""
    split: Split
    textures: Mapping[Path | None, Textures]
    """What defects are drawn from, by the folder that a stage names."""
    settings: TrainingSettings
    processes: Processes
    checkpoint: Path
    identity: dict[str, Any]
    """What a checkpoint must agree with to be continued."""
    on_progress: OnProgress


class StageLoss(nn.Module):
    """The stage's loss as a module's forward, so that DistributedDataParallel sees it."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.trains = stage.trains
        self._loss = stage.loss

    def forward(self, batch: Batch) -> Tensor:
        return torch.stack(list(self._loss(batch).values())).sum()


def fit(job: Job, *, resume: Checkpoint | None) -> list[StageRecord]:
    """Trains the stages in turn; raises InterruptionError, after a checkpoint, when a signal asks to stop."""
    done: list[StageRecord] = []
    if resume is not None:
        job.detector.load_state_dict(resume.take("detector"))
        done = [StageRecord(**record) for record in resume.record["done"]]
    with stop_requests() as stop:
        for index, stage in list(enumerate(job.detector.stages()))[len(done) :]:
            run = StageRun(job, stage, index=index, done=done)
            if resume is not None:
                run.restore(resume)
                resume = None
            run.to_the_end(stop)
            done.append(run.record)
    return done


class StageRun:
    """One stage on its way: the weights being trained, the optimiser, and the record."""

    def __init__(self, job: Job, stage: Stage, *, index: int, done: list[StageRecord]) -> None:
        self.job, self.stage, self.index, self.done = job, stage, index, done
        self.record = StageRecord(name=stage.name)
        self.best: dict[str, Tensor] = {}
        job.detector.eval().requires_grad_(False)
        stage.trains.train().requires_grad_(True)
        self.optimizer = stage.optimizer(stage.trains)
        self.loss: nn.Module = StageLoss(stage)
        if job.processes.world_size > 1:
            self.loss = DistributedDataParallel(self.loss)
        self.batch_size = _global_batch_size(job, stage)
        self.loss_sum = torch.zeros((), device=job.processes.device)
        elsewhere = job.photos.kept_bytes + sum(textures.bytes for textures in job.textures.values())
        budget = max(0, int(job.settings.cache_memory * 1e9) - elsewhere)
        keeps = stage.targets is not None and stage.augment is None
        self.targets = KeptTargets(stage.targets or _nothing, job.photos, job.processes, budget=budget if keeps else 0)

    def to_the_end(self, stop: StopRequest) -> None:
        job, stage = self.job, self.stage
        if stage.targets is not None and stage.augment is None:
            seen = len(job.split.selecting) + len(job.split.train)
            self.targets.load(seen, job.settings.batch_size, lambda n, of: self._report("teacher's features", n, of))
        first = self.record.steps
        for step, (indices, photos) in enumerate(read_ahead(job.photos, self._shares(first)), start=first):
            if self._ended():
                self._save()  # so that nothing after this costs a step
                break
            self._seed(step)
            self._step(indices, job.photos.to_images(photos, job.processes.device))
            self.record.steps = step + 1
            if self._due(job.settings.check_every):
                self._check()
            if job.processes.any(stop.signal is not None):
                self._save()
                raise InterruptionError(_stopped(self.record, stage), signal=stop.signal or 0)
            if self._due(job.settings.checkpoint_every):
                self._save()
            self._report(stage.name, step + 1, stage.steps)
        if self.best:
            stage.trains.load_state_dict(self.best)
        job.processes.copy_from_leader(stage.trains)
        stage.trains.eval()

    def restore(self, checkpoint: Checkpoint) -> None:
        self.record = StageRecord(**checkpoint.record["stage"])
        self.best = checkpoint.take("best")
        checkpoints.restore_optimizer(self.optimizer, checkpoint.take("optimizer"), checkpoint.record["optimizer"])
        self.loss_sum.fill_(checkpoint.record["loss_sums"][self.job.processes.rank])

    def _step(self, indices: Indices, clean: Tensor) -> None:
        batch = self._batch(indices, clean, global_size=self.batch_size)
        with self.job.processes.autocast():
            loss = self.loss(batch)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.loss_sum += loss.detach()

    def _batch(self, indices: Indices, clean: Tensor, *, global_size: int, varied: bool = True) -> Batch:
        stage = self.stage
        if stage.augment is not None and varied:
            clean = stage.augment(clean, self.generator)
        targets = self.targets.of(indices, clean) if stage.targets is not None else ()
        if stage.corrupt is None or not varied:
            return Batch(images=clean, clean=clean, targets=targets, global_size=global_size)
        textures = self.job.textures[stage.textures].draw(len(clean), self.generator)
        images, masks = stage.corrupt(clean, textures, self.generator)
        return Batch(images=images, clean=clean, targets=targets, masks=masks, global_size=global_size)

    def _check(self) -> None:
        """Notes the mean loss since the last check and, where the stage selects, the error on held-out photos."""
        steps = self.record.steps
        since = steps - int(self.record.history[-1]["step"]) if self.record.history else steps
        loss = sum(self.job.processes.gather([self.loss_sum.item()])) / self.job.processes.world_size / since
        self.loss_sum.zero_()
        if not math.isfinite(loss):
            raise SettingsError(
                f"stage {self.stage.name} diverged before step {steps} (loss {loss}): lower its learning rate"
            )
        entry: dict[str, float] = {"step": steps, "loss": loss}
        if self.stage.held_out_error is not None and len(self.job.split.selecting):
            entry["held_out_error"] = error = self._held_out_error(self.stage.held_out_error)
            if self.record.best_error is None or error < self.record.best_error:
                self.record.best_error, self.record.best_step = error, steps
                self.best = checkpoints.copy_weights(self.stage.trains)
            if self.record.gain_error is None or error <= (1 - GAIN) * self.record.gain_error:
                self.record.gain_error, self.record.gain_step = error, steps
        self.record.history.append(entry)

    @torch.no_grad()
    def _held_out_error(self, error: Callable[[Batch], Tensor]) -> float:
        processes, size = self.job.processes, self.job.settings.batch_size
        mine = self.job.split.selecting[processes.rank :: processes.world_size]
        self.stage.trains.eval()
        values: list[float] = []
        for start in range(0, len(mine), size):
            indices = mine[start : start + size]
            batch = self._batch(indices, self.job.photos.images(indices, processes.device), global_size=0, varied=False)
            with processes.autocast():
                values += error(batch).tolist()
        self.stage.trains.train()
        return math.fsum(every := processes.gather(values)) / len(every)

    def _save(self) -> None:
        loss_sums = self.job.processes.gather([self.loss_sum.item()])
        if self.job.processes.leads:
            tensors, rest = checkpoints.optimizer_tensors(self.optimizer)
            checkpoint = Checkpoint(
                record={
                    "identity": self.job.identity,
                    "done": [asdict(record) for record in self.done],
                    "stage": asdict(self.record),
                    "optimizer": rest,
                    "loss_sums": loss_sums,
                }
            )
            checkpoint.put("detector", self.job.detector.state_dict())
            checkpoint.put("best", self.best)
            checkpoint.put("optimizer", tensors)
            checkpoints.save(checkpoint, self.job.checkpoint)
        self.job.processes.wait()

    def _shares(self, first: int) -> Iterator[Indices]:
        """This process's share of every step's photos."""
        job, processes = self.job, self.job.processes
        for step in range(first, self.stage.steps):
            chosen = step_indices(len(job.split.train), self.batch_size, seed=job.settings.seed + self.index, step=step)
            yield job.split.train[chosen][processes.rank :: processes.world_size]

    def _seed(self, step: int) -> None:
        """Whatever a step draws depends on the step alone, so nothing of it need be saved."""
        place = (self.job.settings.seed, self.index, step, self.job.processes.rank)
        torch.manual_seed(hash(place) % 2**63)  # a hash of integers is the same in every process
        self.generator = torch.Generator(self.job.processes.device).manual_seed(hash((*place, 1)) % 2**63)

    def _ended(self) -> bool:
        patience, checked = self.stage.patience, self.record.best_step is not None
        return patience is not None and checked and self.record.steps - self.record.gain_step >= patience

    def _due(self, every: int) -> bool:
        return self.record.steps % every == 0 or self.record.steps == self.stage.steps

    def _report(self, activity: str, done: int, total: int) -> None:
        last = self.record.history[-1] if self.record.history else {}
        self.job.on_progress(
            Progress(
                activity=activity,
                done=done,
                total=total,
                loss=last.get("loss"),
                held_out_error=last.get("held_out_error"),
            )
        )


def _nothing(_clean: Tensor) -> tuple[Tensor, ...]:
    return ()


def _global_batch_size(job: Job, stage: Stage) -> int:
    """A small folder fills one batch, once or, where photos vary, as often as it takes; every process gets the same
    number of photos."""
    world = job.processes.world_size
    varied = stage.augment is not None or stage.corrupt is not None
    most = job.settings.batch_size
    size = (most if varied else min(most, len(job.split.train))) // world * world
    if size == 0:
        raise SettingsError(f"{len(job.split.train)} photos to train on are too few for {world} processes: start fewer")
    return size


def _stopped(record: StageRecord, stage: Stage) -> str:
    return f"stopped in stage {stage.name} at step {record.steps} of {stage.steps}; go on with --resume"
