"""The loop: knows stages, knows no method."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from blemish.data.interest import Inside
from blemish.detectors import Batch, Detector, Stage
from blemish.errors import InterruptionError, SettingsError
from blemish.process import StopRequest, stop_requests
from blemish.progress import OnProgress, Progress
from blemish.training import checkpoint as checkpoints
from blemish.training.batches import RepeatedBatches, TargetCache, read_ahead
from blemish.training.checkpoint import CHECKPOINT_FILE, Checkpoint
from blemish.training.generators import step_generator
from blemish.training.inside import draw_inside
from blemish.training.memory import MemoryBudget
from blemish.training.photo_store import Indices, PhotoStore
from blemish.training.processes import Processes
from blemish.training.settings import TrainingSettings
from blemish.training.split import Split
from blemish.training.stage_loss import LossSums, StageLoss
from blemish.training.stage_record import StageRecord
from blemish.training.texture_store import Textures, some_of_frames
from blemish.training.training_log import TrainingLog
from blemish.training.views import Views, keeps_targets

MOST_SETTLING = 256  # frames that `Stage.settle` gets


@dataclass(frozen=True, kw_only=True)
class Job:
    """All that the loop works with."""

    detector: Detector
    stages: Sequence[Stage]
    photos: PhotoStore
    split: Split
    textures: Mapping[Path | None, Textures]
    """What synthetic defects are drawn from, by the folder that a stage names."""
    settings: TrainingSettings
    processes: Processes
    budget: MemoryBudget
    run: Path
    identity: Mapping[str, Any]
    """What a checkpoint must agree with to be continued."""
    log: TrainingLog
    on_progress: OnProgress

    @property
    def features_room(self) -> int:
        """How many bytes are left for the teacher's features of photos, of those of one stage at a time."""
        textures = sum(textures.bytes for textures in self.textures.values())
        return self.budget.features(photos=self.photos.bytes_in_memory, textures=textures)


def fit(job: Job, *, resume: Checkpoint | None) -> list[StageRecord]:
    """Trains the stages in turn; raises InterruptionError, after a checkpoint, when a signal asks to stop."""
    done: list[StageRecord] = []
    if resume is not None:
        checkpoints.restore_detector(job.detector, resume.take("detector"))
        done = [StageRecord(**record) for record in resume.record["done"]]
    records = [*done, *([StageRecord(**resume.record["stage"])] if resume is not None else [])]
    job.log.begin((record.name, entry) for record in records for entry in record.history)
    with stop_requests() as stop:
        for index, stage in list(enumerate(job.stages))[len(done) :]:
            run = StageRun(job, stage, index=index, done=done)
            if resume is not None:
                run.restore(resume)
                resume = None
            run.to_the_end(stop)
            done.append(run.record)
    return done


class StageRun:
    """The run of one stage: the weights that are trained, the optimiser, and the record."""

    def __init__(self, job: Job, stage: Stage, *, index: int, done: list[StageRecord]) -> None:
        self.job, self.stage, self.index, self.done = job, stage, index, done
        self.record = StageRecord(name=stage.name)
        self.best: dict[str, Tensor] = {}
        job.detector.eval().requires_grad_(False)
        stage.trains.train().requires_grad_(True)
        self.optimizer = stage.optimizer(stage.trains)
        self.loss = StageLoss(stage)
        self.loss_parts: nn.Module = self.loss
        if job.processes.world_size > 1:
            self.loss_parts = DistributedDataParallel(self.loss)
        device = job.processes.device
        self.views = Views(stage, job.photos, job.split, job.settings, place=index, device=device)
        self.validating = job.photos.frames_of(job.split.validation)
        self.batch_size = _global_batch_size(job, stage)
        self.sums = LossSums(device)
        room = job.features_room if keeps_targets(stage) else 0
        self.targets = TargetCache(stage.targets or _nothing, self.views.images, job.processes, budget=room)

    def to_the_end(self, stop: StopRequest) -> None:
        """Trains until the stage has ended; raises InterruptionError, after a checkpoint, when a signal asks to
        stop."""
        job, stage, settings = self.job, self.stage, self.job.settings
        if not self._ended():
            self._load_targets()
            self._report_step()  # so that who watches need not look at what is done already
            for step, indices, images in self._batches(first=self.record.steps):
                self._step(step, indices, images)
                if self._due(settings.check_every):
                    self._check()
                if job.processes.any(stop.signal is not None):
                    self._save()
                    raise InterruptionError(self._stopped(), signal=stop.signal or 0)
                if self._due(settings.checkpoint_every) or self._ended():  # nothing after this may cost a step
                    self._save()
                self._report_step()
                if self._ended():
                    break
        if self.best:
            stage.trains.load_state_dict(self.best)
        job.processes.copy_from_leader(stage.trains.state_dict().values())
        stage.trains.eval()
        if stage.settle is not None:
            self._settle(stage.settle)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Goes on from a checkpoint of this stage."""
        self.record = StageRecord(**checkpoint.record["stage"])
        self.best = checkpoint.take("best")
        checkpoints.restore_optimizer(self.optimizer, checkpoint.take("optimizer"), checkpoint.record["optimizer"])
        self.sums.restore(checkpoint.record["loss_sums"][self.job.processes.rank])

    def _load_targets(self) -> None:
        if keeps_targets(self.stage):
            size = self.job.settings.batch_size
            self.targets.load(len(self.views), size, lambda done, of: self._report("teacher's features", done, of))

    def _batches(self, *, first: int) -> Iterator[tuple[int, Indices, Tensor]]:
        """Yields steps from `first` on, with this process's share of views, as indices, and their frames' images."""
        job, rank, world = self.job, self.job.processes.rank, self.job.processes.world_size
        shares = (self.views.of_step(step, self.batch_size)[rank::world] for step in range(first, self.stage.steps))
        for step, (views, frames) in enumerate(read_ahead(self.views.read, shares), start=first):
            yield step, views, job.photos.to_images(frames, job.processes.device)

    def _step(self, step: int, views: Indices, clean: Tensor) -> None:
        processes = self.job.processes
        self.generator = step_generator(
            self.job.settings.seed, stage=self.index, step=step, rank=processes.rank, device=processes.device
        )
        batch = self._batch(views, clean, global_size=self.batch_size)
        with processes.autocast():
            parts = self.loss_parts(batch)
        self.optimizer.zero_grad(set_to_none=True)
        parts.sum().backward()
        self.optimizer.step()
        self.sums.add(self.loss.names, parts)
        self.record.steps = step + 1

    def _batch(self, views: Indices, clean: Tensor, *, global_size: int, varied: bool = True) -> Batch:
        stage, inside, masks = self.stage, self.views.inside(views), None
        if varied:
            clean, inside = self.views.vary(views, clean, inside, self.generator)
            clean = clean if stage.augment is None else stage.augment(clean, self.generator)
        targets = self.targets.of(views, clean) if stage.targets is not None else ()
        images = clean
        if stage.add_defects is not None and varied:
            textures = self.job.textures[stage.textures].draw(len(clean), self.generator)
            if inside is None:
                images, masks = stage.add_defects(clean, textures, self.generator)
            else:
                images, masks = draw_inside(stage.add_defects, clean, textures, self.generator, inside=inside)
        where = _counting(inside, clean.device)
        return Batch(images=images, clean=clean, targets=targets, masks=masks, inside=where, global_size=global_size)

    def _check(self) -> None:
        """Notes the mean losses since the last check and, where the stage validates, the validation loss."""
        record, stage = self.record, self.stage
        losses = self._mean_losses()
        if not math.isfinite(sum(losses.values())):
            raise SettingsError(
                f"training diverged before step {record.steps} (it minimises {sum(losses.values())} by now): lower the "
                "learning rate"
            )
        record.note_check(losses, learning_rates=[group["lr"] for group in self.optimizer.param_groups])
        if (
            stage.validation_loss is not None
            and len(self.validating)
            and record.note_validation(self._validation_loss(stage.validation_loss))
        ):
            self.best = checkpoints.copy_weights(stage.trains)
        self.job.log.add(stage.name, record.history[-1])

    def _mean_losses(self) -> dict[str, float]:
        """Returns means by name, over the steps since the last check and over the processes."""
        every = self.job.processes.gather([self.sums.values()])
        self.sums.clear()
        count = self.record.steps_since_check * len(every)
        return {name: sum(sums[name] for sums in every) / count for name in every[0]}

    @torch.no_grad()
    def _validation_loss(self, loss: Callable[[Batch], Tensor]) -> float:
        """Returns the mean over the validation photos, judged everywhere by the leader's batch-norm statistics."""
        processes, size = self.job.processes, self.job.settings.batch_size
        mine = self.validating[processes.rank :: processes.world_size]
        processes.copy_from_leader(self.stage.trains.buffers())
        self.stage.trains.eval()
        values: list[float] = []
        for start in range(0, len(mine), size):
            indices = mine[start : start + size]
            batch = self._batch(indices, self.job.photos.images(indices, processes.device), global_size=0, varied=False)
            with processes.autocast():
                values += loss(batch).tolist()
        self.stage.trains.train()
        return math.fsum(every := processes.gather(values)) / len(every)

    @torch.no_grad()
    def _settle(self, settle: Callable[[Iterable[Batch]], None]) -> None:
        """Every process does the same with the same photos, in float32, as photos are judged."""
        job = self.job
        size, frames = job.settings.batch_size, some_of_frames(job.photos, job.split.train, most=MOST_SETTLING)
        chunks = [frames[i : i + size] for i in range(0, len(frames), size)]
        settle(RepeatedBatches(chunks, self._as_judged))

    def _as_judged(self, frames: Indices) -> Batch:
        device = self.job.processes.device
        images = self.job.photos.images(frames, device)
        return Batch(images=images, clean=images, inside=_counting(self.job.photos.inside(frames), device))

    def _save(self) -> None:
        loss_sums = self.job.processes.gather([self.sums.values()])
        if self.job.processes.is_leader:
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
            checkpoint.put("detector", checkpoints.without_teachers(self.job.detector))
            checkpoint.put("best", self.best)
            checkpoint.put("optimizer", tensors)
            checkpoints.save(checkpoint, self.job.run / CHECKPOINT_FILE)
        self.job.processes.wait()

    def _ended(self) -> bool:
        return self.record.has_ended(most_steps=self.stage.steps, patience=self.stage.patience)

    def _due(self, every: int) -> bool:
        return self.record.steps % every == 0 or self.record.steps == self.stage.steps

    def _stopped(self) -> str:
        stages = len(self.job.stages)
        of_stage = f" of stage {self.index + 1} of {stages}" if stages > 1 else ""
        return f"stopped after {self.record.steps} of {self.stage.steps} steps{of_stage}; go on with --resume"

    def _report_step(self) -> None:
        steps, of = self.record.steps, self.record.steps if self._ended() else self.stage.steps
        self._report(self.stage.name, steps, of, at_most=self.stage.patience is not None)

    def _report(self, activity: str, done: int, total: int, *, at_most: bool = False) -> None:
        last = self.record.history[-1] if self.record.history else {}
        figures: dict[str, float] = {name: last[name] for name in ("loss", "validation_loss") if name in last}
        self.job.on_progress(Progress(activity=activity, done=done, total=total, at_most=at_most, figures=figures))


def _counting(inside: Inside | None, device: torch.device) -> Tensor | None:
    """Returns where frames count, (B, h, w), as a batch holds it."""
    return None if inside is None else torch.from_numpy(inside[:, None]).to(device).float()


def _nothing(_clean: Tensor) -> tuple[Tensor, ...]:
    return ()


def _global_batch_size(job: Job, stage: Stage) -> int:
    learned, world = len(job.photos.frames_of(job.split.train)), job.processes.world_size
    size = frames_per_step(stage, learned, job.settings, world_size=world)
    if size == 0:
        raise SettingsError(f"{learned} photos to train on are too few for {world} processes: start fewer")
    return size


def frames_per_step(stage: Stage, learned: int, settings: TrainingSettings, *, world_size: int) -> int:
    """Returns how many of the frames `learned` from (whole photos, or tiles) a step takes: a small folder fills one
    batch, once or, where photos vary, as often as it takes; every process gets the same number, which may be none."""
    varied = settings.varies or stage.augment is not None or stage.add_defects is not None
    size = settings.batch_size if stage.batch_size is None else min(settings.batch_size, stage.batch_size)
    size = max(size, min(settings.batch_size, world_size))
    return (size if varied else min(size, learned)) // world_size * world_size
