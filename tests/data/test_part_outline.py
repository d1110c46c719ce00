"""A region of interest is proposed where parts stand out from their background, and nowhere else."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import blemish
from blemish.cli import app
from blemish.data.drawn_regions import AskedInterest, read_drawn
from blemish.data.images import read_image, save_png
from blemish.data.part_outline import outline_part
from blemish.errors import DataError, OutputError, SettingsError

SIZE = (120, 160)


def photo(x: int, y: int, *, seed: int = 0, specks: int = 2) -> NDArray[np.uint8]:
    """A grey ring of radius 30 around (x, y), on a bright background with noise and a few specks."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    away = np.hypot(columns - x, rows - y)
    grey = np.where((away <= 30) & (away >= 12), 90.0, 200.0) + generator.normal(0, 4, SIZE)
    for _ in range(specks):
        top, left = generator.integers(0, 110), generator.integers(0, 12)
        grey[top : top + 3, left : left + 3] = 20
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def test_the_region_holds_the_part_of_every_photo_its_holes_and_a_margin_and_no_specks() -> None:
    places = [(70, 60), (90, 55), (80, 70)]
    mask = outline_part([photo(*place, seed=seed) for seed, place in enumerate(places)], margin=0.025).mask
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    nearest = np.min([np.hypot(columns - x, rows - y) for x, y in places], axis=0)
    assert mask[nearest <= 30 + 2].all()
    assert not mask[nearest > 30 + 4 + 4].any()


def test_no_region_is_proposed_where_nothing_stands_out() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (60, 60, 3), dtype=np.uint8)
    with pytest.raises(DataError, match="no part stands out"):
        outline_part([noise])
    with pytest.raises(DataError, match="no part stands out"):
        outline_part([np.full((60, 60, 3), 90, np.uint8)])


def test_a_proposal_is_written_as_training_takes_it_with_a_picture_to_look_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in range(3):
        save_png(tmp_path / "good" / f"{seed}.png", photo(75 + 3 * seed, 60, seed=seed))
    save_png(tmp_path / "good" / "other.png", np.zeros((20, 20, 3), np.uint8))
    file = tmp_path / "lid.json"
    with pytest.raises(SystemExit, match="2"):
        app(["roi", str(tmp_path / "good"), "--output", str(file), "--name", "lid"])
    shown = capsys.readouterr()
    assert "other.png: is 20x20" in shown.err
    assert "--roi" in shown.out
    drawn = read_drawn(AskedInterest(roi=(str(file),)))
    assert drawn is not None
    found = drawn.on(SIZE)
    assert found.names == ("lid",)
    np.testing.assert_array_equal(found.inside(SIZE), read_image(tmp_path / "lid_mask.png")[..., 0] > 0)
    sheet = read_image(tmp_path / "lid.png")
    assert (sheet == (255, 235, 0)).all(axis=2).sum() > 200
    with pytest.raises(SettingsError, match="is there already"):
        blemish.roi(tmp_path / "good", output=file)
    assert json.loads(file.read_text())["photo_size"] == [160, 120]
    with pytest.raises(OutputError, match="would lie among the photos"):
        blemish.roi(tmp_path / "good", output=tmp_path / "good" / "lid.json")
