"""What every method owes on a GPU; BLEMISH_GPU_TESTS_ON=cpu runs the same tests without one."""

import gc
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image

import blemish
from blemish.detectors import DETECTORS
from blemish.errors import InterruptionError
from blemish.inference.torch_runtime import rebuild
from blemish.model.artifact import Artifact, read_artifact
from blemish.networks.pretrained import read_weights
from blemish.networks.teacher import Teacher
from blemish.progress import Progress

DEVICE = os.environ.get("BLEMISH_GPU_TESTS_ON", "cuda")
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        DEVICE == "cuda" and not torch.cuda.is_available(),
        reason="needs a GPU; BLEMISH_GPU_TESTS_ON=cpu runs these tests on the processor",
    ),
]
SIZE = 32
SMALLEST: dict[str, dict[str, Any]] = {"rstpm": {"second_teacher": "resnet18", "reconstruction": "lite"}}
ALIKE = 1e-3
"""Of the highest value: how far a float32 map on one device may be from that on another, or in another batch. Sums of
thousands of float32 products in another order differ by some 1e-6; squares of differences of unit vectors by more."""
MOST_MEMORY = 1.5e9  # bytes, of training 4 photos of 32x32; the workspace of convolutions included
MOST_LEFT = 5e7  # bytes on the card when a training is over and forgotten: libraries' workspaces


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Good photos of noise: nothing here asks how well a method learns."""
    folder = tmp_path_factory.mktemp("good")
    generator = np.random.default_rng(0)
    for i in range(12):
        Image.fromarray(generator.integers(0, 256, (SIZE, SIZE, 3), np.uint8)).save(folder / f"{i}.png")
    return folder


@pytest.fixture(scope="module", params=DETECTORS)
def method(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class First(NamedTuple):
    """The first training of a method, and what it did to the process."""

    artifact: Artifact
    before: dict[str, object]
    trained: dict[str, object]
    judged: dict[str, object]
    """Before and after training, and after judging: see `switches`."""
    memory: dict[str, float]


@pytest.fixture(scope="module")
def first(method: str, good: Path, seeded_resnet18: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[First]:
    run = tmp_path_factory.mktemp(method) / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.backends.cudnn, "allow_tf32", True)  # nothing that an earlier test may have left
        patch.setattr(torch.backends.cudnn, "deterministic", False)
        torch.manual_seed(12345)
        before = switches()
        with memory() as taken:
            artifact = train(method, good, run, seeded_resnet18)
        trained = switches()
        maps(run, sorted(good.iterdir())[:1])
        yield First(artifact, before, trained, switches(), taken)


@pytest.fixture
def trained(first: First) -> Artifact:
    return first.artifact


def train(method: str, good: Path, run: Path, teacher: Path, **options: Any) -> Artifact:
    settings: dict[str, Any] = {"steps": 7, "image_size": SIZE, "batch_size": 4, "check_every": 2, "device": DEVICE}
    settings |= {"checkpoint_every": 3, **SMALLEST.get(method, {}), **options}
    files = [teacher] * (2 if method == "rstpm" else 1)
    return blemish.train(method, good, run, teacher_weights=files, **settings)


def maps(run: Path, photos: list[Path], *, device: str = DEVICE, batch_size: int = 8) -> list[np.ndarray[Any, Any]]:
    predictor = blemish.open(run, runtime="torch", device=device)
    found = []
    for prediction in predictor.predict_many(photos, batch_size=batch_size):
        assert isinstance(prediction, blemish.Prediction)
        found.append(prediction.anomaly_map)
    return found


def assert_alike(found: list[np.ndarray[Any, Any]], expected: list[np.ndarray[Any, Any]]) -> None:
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other, rel=0, abs=ALIKE * float(np.abs(other).max()))


def test_the_same_seed_gives_the_same_weights(
    method: str, good: Path, trained: Artifact, tmp_path: Path, seeded_resnet18: Path
) -> None:
    assert train(method, good, tmp_path / "again", seeded_resnet18).weights_sha256 == trained.weights_sha256


def test_a_resumed_training_ends_as_an_uninterrupted_one(
    method: str, good: Path, trained: Artifact, tmp_path: Path, seeded_resnet18: Path
) -> None:
    last = next(reversed(rebuild(trained).stages()))

    def stop(progress: Progress) -> None:
        if (progress.activity, progress.done) == (last.name, 1):
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(InterruptionError):
        train(method, good, tmp_path / "run", seeded_resnet18, on_progress=stop)
    resumed = train(method, good, tmp_path / "run", seeded_resnet18, resume=True)
    assert resumed.weights_sha256 == trained.weights_sha256


def test_what_the_device_trained_the_processor_judges_alike(trained: Artifact, good: Path) -> None:
    photos = sorted(good.iterdir())[:5]
    assert_alike(maps(trained.folder, photos, device="cpu"), maps(trained.folder, photos))


def test_a_photo_is_judged_alike_alone_and_in_a_batch(trained: Artifact, good: Path) -> None:
    photos = sorted(good.iterdir())[:5]
    assert_alike(maps(trained.folder, photos, batch_size=1), maps(trained.folder, photos, batch_size=5))


def test_no_teacher_changes_by_a_bit(trained: Artifact, seeded_resnet18: Path) -> None:
    original = read_weights(seeded_resnet18)
    teachers = [module for module in rebuild(read_artifact(trained.folder)).modules() if isinstance(module, Teacher)]
    assert teachers
    for teacher in teachers:
        for name, value in teacher.backbone.state_dict().items():
            assert torch.equal(value, original[name]), name


def test_training_leaves_torch_as_it_was(first: First) -> None:
    assert not {name for name, value in first.before.items() if first.trained[name] != value}


def test_judging_leaves_torch_as_it_was_but_for_tf32(first: First) -> None:
    """Several threads may judge at a time, and torch has one switch for all of them."""
    changed = {name for name, value in first.trained.items() if first.judged[name] != value}
    assert changed <= {"tf32 of convolutions"}


def switches() -> dict[str, object]:
    """What is one for the whole process, which others share."""
    return {
        "tf32 of convolutions": torch.backends.cudnn.allow_tf32,
        "tf32 of products": torch.backends.cuda.matmul.allow_tf32,
        "cudnn benchmark": torch.backends.cudnn.benchmark,
        "cudnn deterministic": torch.backends.cudnn.deterministic,
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "gradients": torch.is_grad_enabled(),
        "type": torch.get_default_dtype(),
        "threads": torch.get_num_threads(),
        "random numbers": torch.get_rng_state().tolist(),
        "random numbers of the device": torch.cuda.get_rng_state().tolist() if DEVICE == "cuda" else [],
        "signals": [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)],
    }


def test_training_stays_within_its_memory_and_gives_it_back(first: First) -> None:
    assert first.memory["peak"] < MOST_MEMORY
    assert first.memory["left"] < MOST_LEFT


@contextmanager
def memory() -> Iterator[dict[str, float]]:
    """Bytes: the peak while open, and what is left afterwards, both above what was taken before.

    Of the process, where there is no GPU, the peak alone can be told.
    """
    taken: dict[str, float] = {"left": 0}
    gc.collect()
    if DEVICE == "cpu":
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        yield taken
        taken["peak"] = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
        return
    # What cuBLAS takes for each thread that asks it for the first time is nobody's to give back.
    product = torch.ones(64, 64, device=DEVICE, requires_grad=True)
    (product @ product).sum().backward()  # type: ignore[no-untyped-call]
    del product
    gc.collect()
    torch.cuda.reset_peak_memory_stats()
    held = torch.cuda.memory_allocated()
    yield taken
    gc.collect()
    taken |= {"peak": torch.cuda.max_memory_allocated() - held, "left": torch.cuda.memory_allocated() - held}
