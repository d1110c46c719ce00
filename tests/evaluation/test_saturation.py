"""How much of each defect is enough goes from the data set's masks into sPRO, at the map's size."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from blemish.data.dataset import Sample, Saturation, dataset_of
from blemish.data.images import save_png
from blemish.data.masks import saturated_masks
from blemish.errors import DataError
from blemish.evaluation.evaluate import evaluate_predictor
from evaluation.test_evaluate import predictor

SATURATIONS = (
    Saturation(value=255, threshold=40, relative=False),
    Saturation(value=254, threshold=0.25, relative=True),
)


def defective(folder: Path, *, found: bool) -> Sample:
    """A photo of 64x64 with two masks: 8x8 pixels of which 40 are enough, 16x16 of which a quarter is."""
    photo = np.full((64, 64, 3), 60, np.uint8)
    if found:
        photo[0:8, 0:8] = 220
        photo[32:40, 32:40] = 220
    small, large = np.zeros((64, 64), np.uint8), np.zeros((64, 64), np.uint8)
    small[0:8, 0:8], large[32:48, 32:48] = 255, 254
    for name, pixels in (("photo", photo), ("small", small), ("large", large)):
        save_png(folder / f"{name}.png", pixels)
    masks = (folder / "small.png", folder / "large.png")
    return Sample(
        image=folder / "photo.png",
        defect_type="logical_anomalies",
        masks=masks,
        mask_values="any",
        saturations=SATURATIONS,
    )


def test_a_share_of_each_mask_is_enough(tmp_path: Path) -> None:
    sample = defective(tmp_path, found=True)
    (small, of_small), (large, of_large) = saturated_masks(sample)
    assert (small.sum(), of_small, large.sum(), of_large) == (64, 40 / 64, 256, 0.25)
    assert saturated_masks(replace(sample, saturations=())) == []
    with pytest.raises(DataError, match=r"large.png: has the value 254, of which the data set does not say"):
        saturated_masks(replace(sample, saturations=SATURATIONS[:1]))


def test_an_evaluation_of_such_a_data_set_has_spro_of_it_and_of_each_type(tmp_path: Path) -> None:
    save_png(tmp_path / "good.png", np.full((64, 64, 3), 50, np.uint8))
    good, bad = Sample(image=tmp_path / "good.png"), defective(tmp_path, found=True)
    found = evaluate_predictor(predictor(), dataset_of(test=(good, bad)))
    assert found.metrics["spro_05"] == pytest.approx(1, abs=0.02)
    assert (found.metrics["pro_05"] or 0) < 0.8, "three quarters of the larger mask are not found"
    assert found.defect_types["logical_anomalies"].metrics["spro_05"] == found.metrics["spro_05"]
    without = evaluate_predictor(predictor(), dataset_of(test=(good, replace(bad, saturations=()))))
    assert "spro_05" not in without.metrics
