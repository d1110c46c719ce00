"""The stream of batches: bounded, shuffled, repeatable."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from blemish.data.framing import Framing
from blemish.training.batches import TargetCache, read_ahead, step_indices
from blemish.training.photo_store import PhotoStore
from blemish.training.processes import Processes

RUNTIME = Processes(device=torch.device("cpu"), precision="fp32")


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """1,000 small files, each of one colour that tells which it is."""
    folder = tmp_path_factory.mktemp("many")
    paths = [folder / f"{i:04}.bmp" for i in range(1000)]
    for i, path in enumerate(paths):
        Image.new("RGB", (16, 16), (i % 256, i // 256, 7)).save(path)
    return paths


def nothing(_done: int, _of: int) -> None:
    pass


def opened(paths: list[Path], *, budget: int, side: int = 16) -> PhotoStore:
    photos = PhotoStore(paths, Framing(image_size=(side, side)), budget=budget, workers=2)
    photos.load(nothing)
    return photos


def number_of(pixels: np.ndarray) -> list[int]:
    return [int(p[0, 0, 0]) + 256 * int(p[0, 0, 1]) for p in pixels]


@given(st.integers(1, 50), st.integers(1, 20), st.integers(0, 3))
def test_every_epoch_meets_every_photo_once(count: int, batch_size: int, seed: int) -> None:
    steps = -(-3 * count // batch_size)
    met = np.concatenate([step_indices(count, batch_size, seed=seed, stage=0, step=step) for step in range(steps)])
    for epoch in range(3):
        assert sorted(met[epoch * count : (epoch + 1) * count]) == list(range(count))


def test_shuffling_is_whole_and_differs_by_epoch_and_seed() -> None:
    count = 100_000
    first = step_indices(count, count, seed=0, stage=0, step=0)
    # Neighbours in an epoch are on average as far apart in the folder as chance has it: a third of all photos.
    assert abs(np.abs(np.diff(first)).mean() / count - 1 / 3) < 0.01
    assert abs(np.corrcoef(first, np.arange(count))[0, 1]) < 0.02
    assert not np.array_equal(first, step_indices(count, count, seed=0, stage=0, step=1))
    assert not np.array_equal(first, step_indices(count, count, seed=1, stage=0, step=0))


def test_no_two_seeds_stages_or_epochs_share_an_order() -> None:
    places = [(seed, stage, epoch) for seed in range(4) for stage in range(3) for epoch in range(3)]
    orders = {tuple(step_indices(50, 50, seed=seed, stage=stage, step=epoch)) for seed, stage, epoch in places}
    assert len(orders) == len(places)


def test_photos_beyond_the_budget_are_read_again_and_are_the_same(many: list[Path]) -> None:
    per_photo = 16 * 16 * 3
    some = opened(many[:500], budget=100 * per_photo)
    assert some.bytes_in_memory == 100 * per_photo
    indices = np.array([3, 499, 99, 100, 101, 3])
    assert number_of(some.read(indices)) == [3, 499, 99, 100, 101, 3]
    assert np.array_equal(some.read(indices), opened(many[:500], budget=10**9).read(indices))


def test_memory_stays_bounded_however_many_photos_there_are(many: list[Path]) -> None:
    per_photo = 48 * 48 * 3

    def read(paths: list[Path], *, epoch: int) -> set[int]:
        photos, met = opened(paths, budget=50 * per_photo, side=48), set[int]()
        shares = (step_indices(len(photos), 32, seed=0, stage=0, step=step) for step in range(epoch))
        for indices, pixels in read_ahead(photos.read, shares):
            assert number_of(pixels) == list(indices)
            met.update(indices.tolist())
        return met

    read(many[:64], epoch=2)  # what is imported on the way is none of theirs
    tracemalloc.start()
    met = read(many, epoch=32)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert met == set(range(1000))
    assert peak < 0.5 * len(many) * per_photo  # what is known of each photo is a tenth


def test_unreadable_photos_are_left_out_and_named(many: list[Path], tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"not a picture")
    photos = opened([many[0], broken, many[1]], budget=10**6)
    assert number_of(photos.read(np.arange(2))) == [0, 1]
    assert ["broken.png" in str(error) for error in photos.unreadable] == [True]


def test_images_are_rgb_from_zero_to_one(many: list[Path]) -> None:
    images = opened(many[:2], budget=10**6).images(np.array([1]), torch.device("cpu"))
    assert images.shape == (1, 3, 16, 16)
    assert images[0, :, 0, 0].tolist() == pytest.approx([1 / 255, 0, 7 / 255])
    assert images.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("cached_photos", [0, 5, 40, 1000])
def test_targets_are_the_same_kept_or_computed_and_the_teacher_is_asked_once(
    many: list[Path], cached_photos: int
) -> None:
    photos = opened(many[:40], budget=10**6)
    asked: list[int] = []

    def teacher(clean: torch.Tensor) -> tuple[torch.Tensor, ...]:
        asked.append(len(clean))
        return clean[:, :2, ::4, ::4], clean[:, :, ::8, ::8] * 3

    bytes_each = (2 * 4 * 4 + 3 * 2 * 2) * 2
    targets = TargetCache(
        teacher, lambda frames: photos.images(frames, RUNTIME.device), RUNTIME, budget=cached_photos * bytes_each
    )
    targets.load(40, 16, nothing)
    asked.clear()
    indices = np.array([0, 39, 4, 5, 17])
    clean = photos.images(indices, torch.device("cpu"))
    found = targets.of(indices, clean)
    for value, expected in zip(found, teacher(clean), strict=True):
        assert value.dtype == torch.float16
        assert torch.equal(value, expected.half())
    assert sum(asked[:-1]) == int((indices >= cached_photos).sum())
