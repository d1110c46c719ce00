"""Nothing starts that cannot fit in memory, and asking changes nothing."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import blemish
from blemish.data.dataset import Dataset
from blemish.detectors import DETECTORS, Detector, Stage
from blemish.detectors.settings import ImageSize
from blemish.errors import SettingsError
from blemish.process import available_memory
from blemish.progress import Progress
from blemish.training.footprint import Footprint, check_memory, footprint_of
from blemish.training.kept_frames import KeptFrames
from blemish.training.memory import MemoryBudget
from blemish.training.processes import Processes
from blemish.training.trial import StageTrials, Trial, try_stages

PROCESSES = Processes(device=torch.device("cpu"), precision="fp32")
TEACHER = "efficientnet_lite0"


@pytest.mark.parametrize("method", ["stpm", "destseg"])
def test_asking_changes_no_weight_no_mode_and_no_random_number(method: str) -> None:
    with torch.random.fork_rng(devices=[]):
        detector = DETECTORS[method](DETECTORS[method].Settings(teacher=TEACHER))
        weights = {name: value.clone() for name, value in detector.state_dict().items()}
        modes = [(module.training, [p.requires_grad for p in module.parameters()]) for module in detector.modules()]
        numbers = torch.get_rng_state()
        found = footprint_of(StageTrials(detector, detector.stages(), PROCESSES))
        assert torch.equal(torch.get_rng_state(), numbers)
    assert found.per_pixel > 0
    assert found.fixed > sum(p.numel() * 4 for stage in detector.stages()[:1] for p in stage.trains.parameters())
    assert all(torch.equal(value, weights[name]) for name, value in detector.state_dict().items())
    assert modes == [(m.training, [p.requires_grad for p in m.parameters()]) for m in detector.modules()]
    assert all(parameter.grad is None for parameter in detector.parameters())


def test_a_training_that_cannot_fit_is_refused_before_photos_are_read(
    parts: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("blemish.training.footprint.available_memory", lambda: 8_000_000_000)
    said: list[str] = []
    with pytest.raises(SettingsError) as refused:
        blemish.train(
            "stpm",
            parts,
            tmp_path / "run",
            teacher=TEACHER,
            image_size=1024,
            steps=1,
            on_progress=lambda progress: said.append(progress.activity),
        )
    line = str(refused.value)
    assert "would take about" in line
    assert "8.0 GB are free" in line
    assert "--batch-size" in line
    assert "--image-size" in line
    assert "reading photos" not in said


def test_only_what_surely_does_not_fit_is_refused_and_what_may_not_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with torch.random.fork_rng(devices=[]):
        detector = DETECTORS["stpm"](DETECTORS["stpm"].Settings(teacher=TEACHER, image_size=ImageSize(100, 100)))
    monkeypatch.setattr("blemish.training.footprint.footprint_of", lambda *_: Footprint(fixed=0, per_pixel=1000))
    said = {}
    for free in (6_000_000, 8_000_000, 12_000_000, 14_000_000):  # of 10 MB that it takes
        monkeypatch.setattr("blemish.training.footprint.available_memory", lambda free=free: free)
        caplog.clear()
        try:
            check_memory(StageTrials(detector, [], PROCESSES), batch_size=1, kept=kept_of(0))
        except SettingsError:
            said[free] = "refused"
        else:
            said[free] = "warned" if "memory may not do: training would take about" in caplog.text else ""
    assert list(said.values()) == ["refused", "warned", "warned", ""]


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the system does not count what a process takes")
def test_a_trial_measures_memory_and_time_of_a_step() -> None:
    with torch.random.fork_rng(devices=[]):
        detector = DETECTORS["stpm"](DETECTORS["stpm"].Settings(teacher=TEACHER))
    (trial,) = StageTrials(detector, detector.stages(), PROCESSES).found
    assert trial.bytes_per_pixel is not None
    assert 100 < trial.bytes_per_pixel < 10_000
    assert trial.seconds_per_pixel > 0
    (stage,) = detector.stages()
    assert stage.targets is not None
    features = stage.targets(torch.rand(1, 3, 96, 96))
    assert trial.kept_bytes_per_pixel == sum(2 * level.numel() for level in features) / 96**2
    assert trial.kept_seconds_per_pixel > 0


def test_how_long_it_takes_is_said_before_the_first_step_by_the_trials_that_memory_took(
    parts: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("blemish.training.train._WORTH_A_TRIAL", 0)
    monkeypatch.setattr("blemish.training.train._WORTH_A_LINE", 0)
    monkeypatch.setattr("blemish.training.footprint._SURELY_FITS", 10**12)
    told: list[bool] = []
    tried: list[str] = []

    def try_and_count(detector: Detector, stages: Sequence[Stage], processes: Processes) -> list[Trial]:
        tried.extend(stage.name for stage in stages)
        return try_stages(detector, stages, processes)

    monkeypatch.setattr("blemish.training.trial.try_stages", try_and_count)

    def on_progress(progress: Progress) -> None:
        if progress.activity == "student" and not told:
            told.append("training will take about" in caplog.text)

    with caplog.at_level(logging.INFO, "blemish"):
        settings: Any = {"teacher": TEACHER, "image_size": 32, "batch_size": 2, "steps": 1, "held_out": 0.5}
        few = replace(parts, train=parts.train[:6], test=())
        blemish.train("stpm", few, tmp_path / "run", on_progress=on_progress, **settings)
    assert told == [True]
    assert tried == ["student"]
    assert "on this machine, by trial steps" in caplog.text


def test_what_is_advised_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    with torch.random.fork_rng(devices=[]):
        settings = DETECTORS["stpm"].Settings(teacher=TEACHER, image_size=ImageSize(1024, 1024))
        detector = DETECTORS["stpm"](settings)
    monkeypatch.setattr("blemish.training.footprint.available_memory", lambda: 8_000_000_000)
    trials = StageTrials(detector, detector.stages(), PROCESSES)
    kept = kept_of(10**9, photos=10, views=10)
    with pytest.raises(SettingsError) as refused:
        check_memory(trials, batch_size=32, kept=kept)
    words = str(refused.value).split()
    fits = int(words[words.index("--batch-size") + 1])
    check_memory(trials, batch_size=fits, kept=kept)


def test_features_that_are_kept_between_steps_count_as_far_as_they_may_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    with torch.random.fork_rng(devices=[]):
        detector = DETECTORS["stpm"](DETECTORS["stpm"].Settings(teacher=TEACHER, image_size=ImageSize(100, 100)))
    trials = StageTrials(detector, detector.stages(), PROCESSES)
    trials.found = [trial_of(kept_bytes=20)]
    monkeypatch.setattr("blemish.training.footprint.footprint_of", lambda *_: Footprint(fixed=0, per_pixel=100))
    monkeypatch.setattr("blemish.training.footprint.available_memory", lambda: 6_000_000_000)
    with pytest.raises(SettingsError, match=r"10\.0 GB for photos and the teacher's features .* --cache-memory 4\.4 "):
        check_memory(trials, batch_size=1, kept=kept_of(10**10, views=100_000))  # of 20 GB
    check_memory(trials, batch_size=1, kept=kept_of(4_400_000_000, views=100_000))


def test_the_time_to_make_features_counts_for_those_that_are_kept_once_and_for_others_in_each_step() -> None:
    trial = trial_of(kept_bytes=2)
    assert trial.seconds(step_pixels=1000, kept_pixels=300, room=600) == pytest.approx(1000 + 300 * 3)
    assert trial.seconds(step_pixels=1000, kept_pixels=300, room=300) == pytest.approx(1000 + (150 + 500) * 3)
    assert trial_of(kept_bytes=0).seconds(step_pixels=1000, kept_pixels=0, room=0) == pytest.approx(1000)


def kept_of(budget: int, *, photos: float = 0, views: int = 0) -> KeptFrames:
    return KeptFrames(
        budget=MemoryBudget(photos=budget, textures=0, device=budget, apart=False),
        photos=photos,
        views=[views] if views else [],
    )


def trial_of(*, kept_bytes: float) -> Trial:
    return Trial(
        fixed_bytes=0,
        bytes_per_pixel=100,
        seconds_per_pixel=1,
        kept_bytes_per_pixel=kept_bytes,
        kept_seconds_per_pixel=3 if kept_bytes else 0,
    )


def test_a_container_may_take_what_its_limit_leaves(tmp_path: Path) -> None:
    for name, text in {
        "proc/meminfo": "MemTotal: 9000 kB\nMemAvailable: 5000 kB\n",
        "sys/fs/cgroup/memory.max": "3000000\n",
        "sys/fs/cgroup/memory.current": "2000000\n",
        "sys/fs/cgroup/memory.stat": "anon 1\ninactive_file 500000\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert available_memory(root=tmp_path) == 1_500_000
    (tmp_path / "sys/fs/cgroup/memory.max").write_text("max\n")
    assert available_memory(root=tmp_path) == 5_120_000
    assert available_memory(root=tmp_path / "nowhere") is None
