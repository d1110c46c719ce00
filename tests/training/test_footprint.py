"""Nothing starts that cannot fit in memory, and asking changes nothing."""

from pathlib import Path

import pytest
import torch

import blemish
from blemish.data.dataset import Dataset
from blemish.detectors import DETECTORS
from blemish.detectors.settings import ImageSize
from blemish.errors import SettingsError
from blemish.process import available_memory
from blemish.training.footprint import check_memory, footprint_of
from blemish.training.processes import Processes

PROCESSES = Processes(device=torch.device("cpu"), precision="fp32")
TEACHER = "efficientnet_lite0"


@pytest.mark.parametrize("method", ["stpm", "destseg"])
def test_asking_changes_no_weight_no_mode_and_no_random_number(method: str) -> None:
    with torch.random.fork_rng(devices=[]):
        detector = DETECTORS[method](DETECTORS[method].Settings(teacher=TEACHER))
        weights = {name: value.clone() for name, value in detector.state_dict().items()}
        modes = [(module.training, [p.requires_grad for p in module.parameters()]) for module in detector.modules()]
        numbers = torch.get_rng_state()
        found = footprint_of(detector, detector.stages(), PROCESSES)
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


def test_what_is_advised_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    with torch.random.fork_rng(devices=[]):
        settings = DETECTORS["stpm"].Settings(teacher=TEACHER, image_size=ImageSize(1024, 1024))
        detector = DETECTORS["stpm"](settings)
    monkeypatch.setattr("blemish.training.footprint.available_memory", lambda: 8_000_000_000)
    rest = {"stored_frames": 10, "budget": 10**9, "processes": PROCESSES}
    with pytest.raises(SettingsError) as refused:
        check_memory(detector, detector.stages(), batch_size=32, **rest)  # type: ignore[arg-type]
    words = str(refused.value).split()
    check_memory(detector, detector.stages(), batch_size=int(words[words.index("--batch-size") + 1]), **rest)  # type: ignore[arg-type]


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
