"""What MVTec AD 2's server is given, by its publishers' layout."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

import blemish
from blemish.cli.submission import submission
from blemish.data.dataset import Dataset
from blemish.data.images import resize_map
from blemish.errors import DataError, MissingExtraError


def test_maps_and_masks_lie_where_the_server_looks_for_them(
    stpm_run: Path, parts: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, photos = tmp_path / "out", [sample.image for sample in parts.test[:2]]
    for part, name in (("test_private", "000_regular"), ("test_private_mixed", "000_mixed")):
        (tmp_path / "can" / part).mkdir(parents=True)
        shutil.copy(photos[0], tmp_path / "can" / part / f"{name}.png")
    (tmp_path / "can" / "test_private_mixed" / "001_mixed.png").write_bytes(b"none")
    assert submission(stpm_run, tmp_path / "can", out) == 2
    said = capsys.readouterr()
    assert "maps and masks of 2 photos" in said.out
    assert "still to come: can, fabric, fruit_jelly, rice, sheet_metal, vial, wallplugs, walnuts" in said.out
    assert "can/test_private holds 1 photos, of 321" in said.err and "001_mixed.png" in said.err
    seen = blemish.open(stpm_run).predict(photos[0])
    whole = resize_map(seen.anomaly_map, seen.photo_size)
    for place in ("can/test_private/000_regular", "can/test_private_mixed/000_mixed"):
        found = tifffile.imread(out / "anomaly_images" / f"{place}.tiff")
        assert found.shape == seen.photo_size
        assert found.dtype == np.float16
        assert np.allclose(found, whole / seen.thresholds.pixel, rtol=1e-3)
        mask = np.array(Image.open(out / "anomaly_images_thresholded" / f"{place}.png"))
        assert mask.dtype == np.uint8
        assert np.array_equal(mask, np.where(whole > seen.thresholds.pixel, 255, 0))
    (tmp_path / "lid" / "test_private").mkdir(parents=True)
    with pytest.raises(DataError, match="is no object of MVTec AD 2: give a folder called can, fabric"):
        blemish.submission(stpm_run, tmp_path / "lid", out)
    shutil.rmtree(tmp_path / "can" / "test_private")
    with pytest.raises(DataError, match="has no test_private"):
        blemish.submission(stpm_run, tmp_path / "can", out)


def test_without_tifffile_nothing_is_judged(stpm_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for part in ("test_private", "test_private_mixed"):
        (tmp_path / "can" / part).mkdir(parents=True)
    monkeypatch.setitem(sys.modules, "tifffile", None)
    with pytest.raises(MissingExtraError, match=r"a submission needs tifffile.*blemish\[tiff\]"):
        blemish.submission(stpm_run, tmp_path / "can", tmp_path / "out")
