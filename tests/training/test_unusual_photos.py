"""Wrong photos among the good ones: named before training and after it, and left out by name."""

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import blemish
from blemish.data.dataset import Dataset, Sample
from blemish.data.images import read_image, save_png
from blemish.errors import DataError, OutputError, WeightsError
from blemish.model.artifact import read_artifact
from blemish.training.unusual_photos import ComparedPhotos, own_shape
from copies import copied

QUICK: Any = {"teacher": "efficientnet_lite0", "image_size": 64, "steps": 10, "batch_size": 4}


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos of grey plates, and one of stripes."""
    folder, rng = tmp_path_factory.mktemp("mixed"), np.random.default_rng(0)
    for number in range(12):
        save_png(folder / f"{number:02}.png", np.repeat(rng.normal(128, 4, (64, 64, 1)), 3, axis=2).astype(np.uint8))
    save_png(folder / "stripes.png", stripes())
    return folder


def stripes() -> NDArray[np.uint8]:
    row = np.where(np.arange(64) // 8 % 2, 255, 0).astype(np.uint8)
    return np.repeat(np.repeat(row[None], 64, axis=0)[..., None], 3, axis=2)


@pytest.fixture(scope="module")
def left_out(mixed: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A model of the plates alone, by a file that names the other photo, and what its training said."""
    folder = tmp_path_factory.mktemp("left_out")
    (folder / "out.txt").write_text("stripes.png\n")
    log, handler = logging.getLogger("blemish"), Heard()
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    blemish.train("stpm", mixed, folder / "run", leave_out=folder / "out.txt", held_out=0.5, **QUICK)
    log.setLevel(level)
    log.removeHandler(handler)
    return folder / "run", handler.lines


class Heard(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def test_check_names_the_most_unusual_photo_first_and_draws_it(mixed: Path, tmp_path: Path) -> None:
    sheet, names = tmp_path / "sheet.png", tmp_path / "out.txt"
    with pytest.raises(OutputError, match="would lie among the photos"):
        blemish.check(mixed, teacher="efficientnet_lite0", contact_sheet=mixed / "sheet.png", image_size=64)
    found = blemish.check(mixed, teacher="efficientnet_lite0", contact_sheet=sheet, write_unusual=names, image_size=64)
    (line,) = [line for line in found.lines if "most unusual first" in line]
    assert f"first: {mixed / 'stripes.png'}, " in line
    assert ["stripes.png" in warning for warning in found.warnings] == [True]
    assert names.read_text().splitlines()[1:] == [str(mixed / "stripes.png")]
    page = read_image(sheet)
    assert (page == (190, 20, 20)).all(axis=2).any()  # its red frame
    assert page.shape[1] > 5 * 240


def test_long_photos_are_compared_in_their_own_shape(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(10):
        photo = rng.normal(128, 3, (64, 256, 1))
        if number == 6:  # stripes so close that nothing is left of them where 256 pixels become 64
            photo += np.where(np.arange(256) % 4 < 2, 12, -12)[None, :, None]
        save_png(tmp_path / f"{number}.png", np.repeat(photo, 3, axis=2).astype(np.uint8))
    found = blemish.check(tmp_path, teacher="efficientnet_lite0", image_size=64)
    (line,) = [line for line in found.lines if "most unusual first" in line]
    assert f"first: {tmp_path / '6.png'}, " in line


@pytest.mark.parametrize(
    ("sizes", "seen"),
    [
        ([(640, 256)] * 3, (640, 256)),
        ([(100, 130)] * 3, (256, 256)),  # squeezed by less than a third
        ([(64, 6400), (64, 6400), (64, 64)], (256, 1024)),  # at most so long
        ([], (256, 256)),
    ],
)
def test_the_longer_side_of_long_photos_is_longer(sizes: list[tuple[int, int]], seen: tuple[int, int]) -> None:
    assert own_shape(sizes, (256, 256)) == seen


def test_two_products_in_one_folder_are_told_with_a_photo_of_each(mixed: Path, tmp_path: Path) -> None:
    photos, rng = Path(shutil.copytree(mixed, tmp_path / "photos")), np.random.default_rng(1)
    for number in range(4):
        save_png(
            photos / f"stripes{number}.png", np.clip(stripes() + rng.normal(0, 8, (64, 64, 1)), 0, 255).astype("u1")
        )
    said = [blemish.check(where, teacher="efficientnet_lite0", image_size=64).warnings for where in (mixed, photos)]
    assert not any("two kinds" in warning for warning in said[0])
    (line,) = [warning for warning in said[1] if "two kinds" in warning]
    assert f"12 photos such as {photos / '00.png'}, and 5 photos such as {photos / 'stripes.png'}: two products" in line


def test_check_compares_nothing_without_weights_and_says_so(
    mixed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLEMISH_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert "weights of teacher resnet18 are not on this machine" in blemish.check(mixed).lines[-1]
    with pytest.raises(WeightsError):
        blemish.check(mixed, contact_sheet=tmp_path / "sheet.png")
    assert not (tmp_path / "sheet.png").exists()


def test_training_names_unusual_photos_and_leaves_a_contact_sheet(left_out: tuple[Path, list[str]]) -> None:
    run, said = left_out
    (line,) = [message for message in said if "most unusual first" in message]
    assert "stripes" not in line
    assert str(run / "unusual.png") in line
    assert read_image(run / "unusual.png").ndim == 3
    assert not [message for message in said if "times as far" in message]


def test_what_is_left_out_is_recorded_and_left_out_again(
    left_out: tuple[Path, list[str]], mixed: Path, tmp_path: Path
) -> None:
    run, again = left_out[0], tmp_path / "again"
    blemish.train_again(run / "run.json", again)
    for folder in (run, again):
        training = read_artifact(folder).training
        assert training.left_out == [str(mixed / "stripes.png")]
        assert not any("stripes" in file for file in training.files)
        assert json.loads((folder / "run.json").read_text())["left_out"] == [str(mixed / "stripes.png")]
    assert read_artifact(again).weights_sha256 == read_artifact(run).weights_sha256
    with pytest.raises(DataError, match="there is no other"):
        blemish.train("stpm", mixed, tmp_path / "new", leave_out=[Path("other")], **QUICK)


def test_a_far_calibration_photo_is_named_with_its_overlay_and_stays(
    mixed: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    photos = [Sample(image=path) for path in sorted(mixed.iterdir())]
    good = Dataset(name="folder", root=mixed, train=tuple(photos[:6]), validation=tuple(photos[6:]))
    run = tmp_path / "run"
    blemish.train("stpm", good, run, keep="last", patience=None, **QUICK)
    _far_photo_is_named(caplog, run, mixed / "stripes.png")
    (line,) = [message for message in caplog.messages if "times as far from the other" in message]
    assert line.startswith(f"{mixed / 'stripes.png'}: is ")


def _far_photo_is_named(caplog: pytest.LogCaptureFixture, run: Path, photo: Path) -> str:
    (line,) = [message for message in caplog.messages if "where the next calibration photo scores" in message]
    assert line.startswith(f"{photo}: ")
    calibration = read_artifact(run).calibration
    assert calibration.image.value > calibration.scores[-2] * 3
    assert f"without it {calibration.scores[-2] * 1.0001:.4g}" in line
    assert (read_image(run / "far_photos" / "1_stripes.png") != stripes()).any()
    return line


def test_so_is_one_given_to_calibrate_which_can_be_undone(
    left_out: tuple[Path, list[str]], mixed: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = copied(left_out[0], tmp_path / "run")
    before = (run / "model.json").read_bytes()
    with pytest.raises(DataError, match="1 of 1 photos given as good score above the threshold"):
        blemish.calibrate(run, good=mixed / "stripes.png")
    assert (run / "model.json").read_bytes() == before
    done = blemish.calibrate(run, good=mixed / "stripes.png", accept=True)
    assert (done.added, done.far is not None) == (1, True)
    assert "--undo" in _far_photo_is_named(caplog, run, mixed / "stripes.png")
    blemish.calibrate(run, undo=True)
    assert (run / "model.json").read_bytes() == before


def test_a_name_that_is_no_text_is_written_all_the_same(tmp_path: Path) -> None:
    far = (Path("/gr\udcf6n.png"),)
    unusual = ComparedPhotos(photos=far, far=far, times=(2.0,), looked_at=1, of=1, white_level=65535)
    unusual.write_names(tmp_path / "out.txt")
    assert (tmp_path / "out.txt").read_text().splitlines()[1:] == ["/gr\\udcf6n.png"]
