"""How photos vary in training: which views are kept, what a step sees, and that the teacher sees the same."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Generator, Tensor

from blemish.data.framing import Framing
from blemish.detectors import ImageSize
from blemish.detectors.mend import Mend, MendSettings
from blemish.detectors.stpm import STPM, STPMSettings
from blemish.training.photo_store import PhotoStore
from blemish.training.settings import TrainingSettings
from blemish.training.split import Split
from blemish.training.views import ENOUGH_VIEWS, FEWEST_EACH, MOST_EACH, Views, views_of_each, what_varies

CPU = torch.device("cpu")
VALIDATION, TRAINED, CALIBRATING = 2, 5, 3
SPLIT = Split(
    validation=np.arange(VALIDATION),
    train=np.arange(VALIDATION, VALIDATION + TRAINED),
    calibrating=np.arange(VALIDATION + TRAINED, VALIDATION + TRAINED + CALIBRATING),
)
VARIED = TrainingSettings(light="mild", pose="mild")
KEPT = STPM(STPMSettings(image_size=ImageSize(32, 32))).stages()[0]
ANEW = Mend(MendSettings(image_size=ImageSize(32, 32), learns="decoder_first")).stages()[1]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PhotoStore]:
    folder, numbers = tmp_path_factory.mktemp("views"), np.random.default_rng(0)
    paths: list[Path] = []
    for place in range(VALIDATION + TRAINED + CALIBRATING):
        paths.append(folder / f"{place}.png")
        small = Image.fromarray(numbers.integers(60, 190, (4, 4, 3), np.uint8))
        small.resize((32, 32), Image.Resampling.BICUBIC).save(paths[-1])
    store = PhotoStore(paths, Framing(image_size=(32, 32)), budget=10**7, workers=1)
    store.load(lambda _done, _of: None)
    yield store
    store.close()


def shown(photos: PhotoStore, views: Views, step: int, batch_size: int = TRAINED) -> tuple[np.ndarray, Tensor]:
    chosen = views.of_step(step, batch_size)
    frames = photos.to_images(views.read(chosen), CPU)
    return chosen, views.vary(chosen, frames, None, Generator().manual_seed(step))[0]


def test_views_that_the_teacher_saw_are_what_steps_show(photos: PhotoStore) -> None:
    views = Views(KEPT, photos, SPLIT, VARIED, place=0, device=CPU)
    assert len(views) == VALIDATION + MOST_EACH * TRAINED, "validation photos are met as they are alone"
    as_they_are = np.arange(VALIDATION + TRAINED)
    assert torch.allclose(views.images(as_they_are), photos.images(as_they_are, CPU), atol=1e-5)
    seen = set()
    for step in range(MOST_EACH):
        chosen, images = shown(photos, views, step)
        assert torch.equal(images, views.images(chosen))
        seen.update(chosen.tolist())
    assert seen == set(range(VALIDATION, len(views))), "every view of every photo to train on, and no other"
    again, _ = shown(photos, views, MOST_EACH)
    assert set(again.tolist()) == set(range(VALIDATION, VALIDATION + TRAINED))
    every = views.images(np.arange(VALIDATION, len(views))).reshape(MOST_EACH, TRAINED, 3, 32, 32)
    apart = (every[:, None] - every[None, :]).abs().amax(dim=(2, 3, 4, 5))
    assert float(apart[~torch.eye(MOST_EACH, dtype=torch.bool)].min()) > 0.01, "no two copies are alike"


def test_views_depend_on_the_seed_and_the_stage_alone(photos: PhotoStore) -> None:
    varied = np.arange(VALIDATION + TRAINED, VALIDATION + 2 * TRAINED)

    def images(seed: int, place: int) -> Tensor:
        return Views(KEPT, photos, SPLIT, replace(VARIED, seed=seed), place=place, device=CPU).images(varied)

    assert torch.equal(images(0, 0), images(0, 0))
    assert not torch.equal(images(0, 0), images(1, 0))
    assert not torch.equal(images(0, 0), images(0, 1))


def test_without_features_to_keep_every_step_draws_anew(photos: PhotoStore) -> None:
    views = Views(ANEW, photos, SPLIT, VARIED, place=0, device=CPU)
    assert len(views) == VALIDATION + TRAINED
    (first, one), (second, other) = (shown(photos, views, step) for step in (0, 1))
    assert set(first.tolist()) == set(second.tolist())
    assert not torch.equal(one[np.argsort(first)], other[np.argsort(second)])


def test_off_shows_photos_as_they_are(photos: PhotoStore) -> None:
    for stage in (KEPT, ANEW):
        views = Views(stage, photos, SPLIT, TrainingSettings(), place=0, device=CPU)
        chosen, images = shown(photos, views, 0)
        assert len(views) == VALIDATION + TRAINED
        assert torch.equal(images, photos.images(chosen, CPU))


@pytest.mark.parametrize("stage", [KEPT, ANEW], ids=["kept", "anew"])
def test_what_counts_moves_with_the_photo(photos: PhotoStore, stage: object) -> None:
    settings = TrainingSettings(pose="strong")
    views = Views(stage, photos, SPLIT, settings, place=0, device=CPU)  # type: ignore[arg-type]
    chosen = views.of_step(1, 8)
    inside = np.zeros((8, 32, 32), np.bool_)
    inside[:, 8:20, 8:20] = True
    marked = torch.from_numpy(inside[:, None]).float().expand(-1, 3, -1, -1)
    moved, counts = views.vary(chosen, marked, inside, Generator().manual_seed(1))
    assert counts is not None
    assert counts.any(axis=(1, 2)).all()
    assert (counts != inside).any()
    assert (np.abs(moved[:, 0].numpy() - counts) < 0.51).mean() > 0.995
    assert Views(stage, photos, SPLIT, VARIED, place=0, device=CPU).inside(chosen) is None  # type: ignore[arg-type]


def test_what_varies_and_what_it_costs_is_said_in_a_line() -> None:
    assert what_varies(TrainingSettings(), [KEPT], learned=9) is None
    assert what_varies(replace(VARIED, pose="off"), [ANEW], learned=9) == (
        "photos vary in training: brightness x0.90 to x1.12 (light mild)"
    )
    said = what_varies(VARIED, [ANEW, KEPT], learned=9)
    assert said is not None
    assert "moved by up to 1.6% of their sides and 2 degrees, size x0.98 to x1.02 (pose mild), which softens" in said
    assert said.endswith(f"; the teacher looks at {MOST_EACH} views of each beforehand")


def test_of_many_photos_fewer_views_are_kept() -> None:
    found = [views_of_each(count, KEPT, VARIED) for count in (1, 100, 256, 10**5)]
    assert found == [MOST_EACH, MOST_EACH, ENOUGH_VIEWS // 256, FEWEST_EACH]
    assert views_of_each(10, ANEW, VARIED) == views_of_each(10, KEPT, TrainingSettings()) == 1
