"""Where textures come from, and what training does with them."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Generator

import permissions
from blemish.data.framing import Framing
from blemish.data.images import save_png
from blemish.detectors import Stage
from blemish.errors import DataError
from blemish.training.photo_store import PhotoStore
from blemish.training.texture_store import FEWEST_PICTURES, Textures, open_textures

SIZE = (32, 48)


def save_flat(path: Path, level: int) -> Path:
    save_png(path, np.full((*SIZE, 3), level, np.uint8))
    return path


def opened(paths: Sequence[Path], *, train: Sequence[int], folder: Path | None = None, budget: int = 10**9) -> Textures:
    photos = PhotoStore(paths, Framing(image_size=SIZE), budget=10**8, workers=1)
    photos.load(lambda _done, _of: None)
    stage = Stage(
        name="any",
        steps=1,
        trains=torch.nn.Identity(),
        loss=lambda _: {},
        optimizer=lambda _: torch.optim.SGD([torch.zeros(1)]),
        add_defects=lambda clean, textures, _: (clean, textures),
        textures=folder,
    )
    textures = open_textures(
        [stage, stage],
        photos,
        np.array(train),
        seed=0,
        budget=budget,
        device=torch.device("cpu"),
        on_picture=lambda _done, _of: None,
    )
    photos.close()
    assert list(textures) == [folder]
    return textures[folder]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return save_flat(tmp_path / "photo.png", 7)


def test_a_folders_pictures_are_drawn_as_they_are_from_every_sub_folder(tmp_path: Path, photo: Path) -> None:
    for kind, level in (("banded", 51), ("bubbly", 102), ("bubbly", 153)):
        save_flat(tmp_path / "dtd" / "images" / kind / f"{level}.png", level)
    drawn = opened([photo], train=[0], folder=tmp_path / "dtd").draw(200, Generator().manual_seed(0))
    assert drawn.shape == (200, 3, *SIZE)
    levels, counts = np.unique(drawn.flatten(1).mean(dim=1).mul(255).round().numpy(), return_counts=True)
    assert levels.tolist() == [51, 102, 153]
    assert min(counts) > 40  # of 67 expected


def test_a_picture_that_cannot_be_read_is_named_and_left_out(
    tmp_path: Path, photo: Path, caplog: pytest.LogCaptureFixture
) -> None:
    save_flat(tmp_path / "dtd" / "good.png", 9)
    (tmp_path / "dtd" / "broken.jpg").write_text("no picture")
    with caplog.at_level(logging.WARNING, logger="blemish"):
        textures = opened([photo], train=[0], folder=tmp_path / "dtd")
    assert "broken.jpg" in caplog.text
    assert textures.contents.startswith("1 pictures")


def test_a_sub_folder_that_may_not_be_read_is_named_and_left_out(
    tmp_path: Path, photo: Path, caplog: pytest.LogCaptureFixture
) -> None:
    save_flat(tmp_path / "dtd" / "good.png", 9)
    locked = tmp_path / "dtd" / "locked"
    locked.mkdir(mode=0)
    with permissions.obeyed(), caplog.at_level(logging.WARNING, logger="blemish"):
        textures = opened([photo], train=[0], folder=tmp_path / "dtd")
    assert f"{locked}: cannot be listed" in caplog.text
    assert textures.contents.startswith("1 pictures")


@pytest.mark.parametrize("exists", [True, False])
def test_a_folder_without_pictures_is_one_clear_line(tmp_path: Path, photo: Path, exists: bool) -> None:
    folder = tmp_path / "textures"
    if exists:
        folder.mkdir()
    with pytest.raises(DataError, match=r"textures: (holds no readable pictures|no such folder)"):
        opened([photo], train=[0], folder=folder)


def test_memory_bounds_how_many_pictures_are_kept_and_the_log_says_so(
    tmp_path: Path, photo: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(FEWEST_PICTURES + 20):
        save_flat(tmp_path / "dtd" / f"{number}.png", number)
    one = SIZE[0] * SIZE[1] * 3
    with caplog.at_level(logging.WARNING, logger="blemish"):
        textures = opened([photo], train=[0], folder=tmp_path / "dtd", budget=(FEWEST_PICTURES + 5) * one + 1)
    assert textures.bytes == (FEWEST_PICTURES + 5) * one
    assert f"{FEWEST_PICTURES + 5} of {FEWEST_PICTURES + 20} textures" in caplog.text
    assert opened([photo], train=[0], folder=tmp_path / "dtd", budget=0).bytes == FEWEST_PICTURES * one


def test_without_a_folder_half_are_patterns_and_half_pieces_of_the_photos_that_are_trained_on(tmp_path: Path) -> None:
    noisy = tmp_path / "calibrating.png"
    save_png(noisy, np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8))
    paths = [noisy, save_flat(tmp_path / "a.png", 80), save_flat(tmp_path / "b.png", 160)]
    textures = opened(paths, train=[1, 2])
    drawn = textures.draw(40, Generator().manual_seed(1))
    assert drawn.shape == (40, 3, *SIZE)
    uneven = drawn.std(dim=(2, 3)).mean(dim=1)
    assert (uneven[:20] > 1e-3).sum() >= 18  # patterns
    assert (uneven[20:] < 1e-3).all()  # pieces of flat photos, never of the noisy one
    assert textures.contents == "noise and pieces of 2 training photos"
    assert textures.draw(1, Generator().manual_seed(1)).shape == (1, 3, *SIZE)
