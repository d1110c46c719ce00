"""Training asks what the photos show where that decides how a method learns, and only then."""

import logging
from pathlib import Path

import numpy as np
import pytest

from blemish.data.dataset import Sample
from blemish.data.images import save_png
from blemish.data.reading import FIRST_PAGE
from blemish.detectors.mend import FEW, MendSettings
from blemish.errors import SettingsError
from blemish.progress import say_nothing
from blemish.training import train
from blemish.training.surface_look import MOST_LOOKED_AT_FIRST, show_a_surface


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    folder, rng = tmp_path_factory.mktemp("noise"), np.random.default_rng(0)
    paths = [folder / f"{place}.png" for place in range(MOST_LOOKED_AT_FIRST)]
    for path in paths:
        save_png(path, rng.integers(0, 256, (48, 48, 3), dtype=np.uint8))
    return [Sample(image=path) for path in paths]


def test_a_surface_is_told_and_said_though_a_photo_cannot_be_read(
    photos: list[Sample], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    with caplog.at_level(logging.INFO, "blemish"):
        assert show_a_surface([*photos, Sample(image=broken)], FIRST_PAGE, seed=0, on_progress=say_nothing)
    assert "show a surface" in caplog.text


def test_photos_of_a_surface_teach_both_at_once_and_those_of_a_part_the_decoder_first(
    photos: list[Sample], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert decided(photos, tmp_path, monkeypatch).learns == "together"
    monkeypatch.setattr("blemish.training.surface_look.is_surface", lambda _pictures: False)
    assert decided(photos, tmp_path, monkeypatch).learns == "decoder_first"


def test_few_photos_are_not_looked_at_for_it(
    photos: list[Sample], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "blemish"):
        assert decided(photos[: FEW - 1], tmp_path, monkeypatch).learns == "together"
    assert "show a surface" not in caplog.text


def decided(photos: list[Sample], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MendSettings:
    """Returns the settings that a training would have, and ends it there."""
    found = []

    def ends(_method: str, settings: MendSettings, *_others: object) -> None:
        found.append(settings)
        raise SettingsError("far enough")

    monkeypatch.setattr(train, "_untrained", ends)
    with pytest.raises(SettingsError, match="far enough"):
        train.train_detector("mend", photos, run=tmp_path / "run")
    return found[0]
