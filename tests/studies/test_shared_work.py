"""What cells of a benchmark have in common is done once, and changes no bit of what is measured."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor

from blemish import api
from blemish.data.dataset import Dataset
from blemish.data.images import decode_image
from blemish.data.shared_photos import decoded_once, photos_shared
from blemish.model.artifact import read_artifact
from blemish.studies import shared_work
from blemish.studies.cell import Cell, limited, measure_cell
from blemish.studies.pools import measured_here
from blemish.studies.shared_work import SharedWork, begin_cell, work_shared
from blemish.studies.speed import Latency
from blemish.training.batches import TargetCache
from blemish.training.processes import open_processes
from blemish.training.settings import TrainingSettings
from blemish.training.shared_features import SharedFeatures, features_shared

BATCH = 4


def measured(parts: Dataset, weights: Path, output: Path, seeds: tuple[int, ...]) -> list[Any]:
    settings = {"image_size": 32, "steps": 2, "batch_size": BATCH, "teacher_weights": (weights,)}
    cells = [Cell(method="stpm", category=None, seed=seed, found=parts, settings=settings) for seed in seeds]
    found = [measure_cell(cell, output, train=api.train, evaluate=api.evaluate) for cell in cells]
    artifacts = [read_artifact(output / "runs" / result.name) for result in found]
    return [(r.metrics, a.weights_sha256, a.calibration) for r, a in zip(found, artifacts, strict=True)]


def test_cells_that_share_measure_the_same_bit_for_bit(parts: Dataset, seeded_resnet18: Path, tmp_path: Path) -> None:
    few = limited(parts, 14)
    photos = len(few.train) + len(few.test)
    with work_shared() as shared:
        first = measured(few, seeded_resnet18, tmp_path / "shared", (0, 1))
        assert shared.photos.decoded == photos, "every file once, for two seeds"
        learned = 4 * BATCH  # 14 photos of which a fifth is held out, the last batch filled up
        assert shared.features.computed <= learned + BATCH, "of the second seed the first batch, and what is new"
    assert first[1:] == measured(few, seeded_resnet18, tmp_path / "alone", (1,))


def test_what_is_shared_is_not_left_out_of_the_time_that_a_photo_takes(
    stpm_run: Path, parts: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded, while_timed = list[str](), list[str]()

    def decode(data: bytes, **how: Any) -> Any:
        decoded.append(how["name"])
        return decode_image(data, **how)

    def time_each(work: Any, photos: Any, *, seconds: float) -> Latency:
        before = len(decoded)
        for photo in photos:
            work(photo)
        while_timed.extend(decoded[before:])
        return Latency(p50=seconds, p95=seconds, times=1)

    def copy(_method: str, _photos: Dataset, run: Path, **_: Any) -> None:
        shutil.copytree(stpm_run, run)

    monkeypatch.setattr("blemish.data.photo.decode_image", decode)
    monkeypatch.setattr("blemish.studies.cell.latency", time_each)
    few = limited(parts, 4)
    with work_shared() as shared:
        measure_cell(Cell(method="stpm", category=None, seed=0, found=few), tmp_path, train=copy, evaluate=api.evaluate)
        assert shared.photos.decoded == len(few.test)
    assert while_timed == [str(sample.image) for sample in few.test]


def test_cells_measured_here_share_what_they_have_in_common(tmp_path: Path) -> None:
    def measure(_cell: Cell, _output: Path) -> Any:
        return list(shared_work._open)

    cells: Any = ["a cell", "another"]
    (_, first), (_, second) = measured_here(cells, measure, tmp_path)
    assert len(cast(Any, first)) == 1 and first == second
    assert shared_work._open == []


class Brightness:
    """Stands for a teacher: features are the images, smaller."""

    def __init__(self, identity: object = "brightness") -> None:
        self.identity, self.asked = identity, list[int]()

    def __call__(self, images: Tensor) -> tuple[Tensor, ...]:
        self.asked.append(len(images))
        return (images[:, :2, ::2, ::2] * 3, images.mean(dim=(2, 3), keepdim=True))


def cached(compute: Any, images: Tensor, *, batch_size: int = BATCH, budget: int = 10**6) -> tuple[Tensor, ...]:
    with open_processes(TrainingSettings(device="cpu", precision="fp32")) as runtime:
        found = TargetCache(compute, lambda places: images[torch.as_tensor(places)], runtime, budget=budget)
        found.load(len(images), batch_size, lambda _done, _of: None)
        return found._cached


def test_features_are_computed_once_whatever_the_order_and_in_batches_of_one_size() -> None:
    images = torch.rand(18, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    other = torch.cat([images.flip(0), torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(1))])
    with features_shared(10**6):
        compute = Brightness()
        assert all(map(torch.equal, cached(compute, images), cached(Brightness(), images)))
        assert compute.asked == [4, 4, 4, 4, 2]
        again = Brightness()
        found = cached(again, other)
        assert again.asked == [4, 1, 4], "the first batch; the rest; what is new, or was in no whole batch"
        for identity, size in (("another", BATCH), ("brightness", 5), (None, BATCH)):
            unlike = Brightness(identity)
            cached(unlike, images, batch_size=size)
            assert sum(unlike.asked) == len(images)
        assert all(map(torch.equal, found, cached(Brightness(None), other)))
        few = cached(Brightness(), other, budget=6 * (2 * 4 * 4 + 3) * 2)
        assert [len(values) for values in few] == [6, 6]
        assert all(torch.equal(a, b[:6]) for a, b in zip(few, found, strict=True))


def test_features_that_depend_on_the_others_of_their_batch_are_not_shared() -> None:
    class Ranked(Brightness):
        def __call__(self, images: Tensor) -> tuple[Tensor, ...]:
            return (super().__call__(images)[0] - images.mean(),)

    images = torch.rand(12, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    alone = cached(Ranked(), images.flip(0).roll(1, 0))
    with features_shared(10**6):
        cached(Ranked(), images)
        assert all(map(torch.equal, cached(Ranked(), images.flip(0).roll(1, 0)), alone))


def test_no_more_is_held_than_the_budget_and_nothing_of_another_data_set(parts: Dataset, tmp_path: Path) -> None:
    features = SharedFeatures(100)
    for place in range(5):
        features.hold_frame(("a", bytes([place])), (torch.zeros(10),))
    assert [features.held(("a", bytes([place]))) is not None for place in range(5)] == [True, True, False, False, False]
    photo = Path(shutil.copy(parts.train[0].image, tmp_path))
    with photos_shared(1000) as photos:
        made = [decoded_once(photo, how, lambda: np.zeros(600, np.uint8), size=lambda m: m.nbytes) for how in "aabb"]
        assert (made[0] is made[1], made[2] is made[3], photos.decoded) == (True, False, 3)
        photo.write_bytes(photo.read_bytes() + b"more")
        assert decoded_once(photo, "a", lambda: None, size=lambda _: 0) is None, "a file that changed is read anew"
        work = SharedWork(photos=photos, features=features, of=[])
        for found, held in ((parts, True), (parts, True), (replace(parts), False)):
            work.begin(found)
            assert (features.held(("a", b"\0")) is not None) == held
    begin_cell(parts)  # where nothing is shared, nothing is to be let go
