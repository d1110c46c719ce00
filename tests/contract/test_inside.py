"""What regions of interest ask of every method: its losses are taken where photos count, and nowhere else."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from blemish.data.dataset import Dataset
from blemish.detectors import DETECTORS, Batch, Stage, destseg
from contract.methods import NARROW, SIZE, drawn, images

pytestmark = pytest.mark.usefixtures("small")

NOT_A_MEAN = ("dice",)
PHOTOS = 4


@pytest.fixture(scope="module", autouse=True)
def _narrow() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(destseg, "_WIDTH", NARROW)
        yield


def batch_of(stage: Stage, parts: Dataset) -> Batch:
    clean = images(parts.train[:PHOTOS])
    targets = () if stage.targets is None else stage.targets(clean)
    masks = None
    if stage.add_defects is not None:
        masks = (torch.rand(PHOTOS, 1, *SIZE, generator=torch.Generator().manual_seed(1)) > 0.8).float()
    return Batch(images=clean.flip(-1), clean=clean, targets=targets, masks=masks, global_size=PHOTOS)


def part(rows: slice, columns: slice) -> Tensor:
    inside = torch.zeros(PHOTOS, 1, *SIZE)
    inside[..., rows, columns] = 1
    return inside


@pytest.mark.parametrize("method", DETECTORS)
@torch.no_grad()
def test_losses_are_means_over_what_is_inside(method: str, parts: Dataset) -> None:
    assert DETECTORS[method].learns_inside
    everything = part(slice(None), slice(None))
    top = part(slice(11), slice(None))
    for stage in drawn(method).stages():
        batch = batch_of(stage, parts)
        whole, above, below = (
            stage.loss(replace(batch, inside=inside)) for inside in (everything, top, everything - top)
        )
        share = float(top.mean())
        for name, value in stage.loss(batch).items():
            torch.testing.assert_close(whole[name], value, rtol=1e-4, atol=1e-6)
            if name not in NOT_A_MEAN:
                mean = share * above[name] + (1 - share) * below[name]
                torch.testing.assert_close(mean, value, rtol=1e-4, atol=1e-6)
                assert abs(above[name] - below[name]) > 1e-4 * value
        if batch.masks is not None:  # a truth outside is none
            others = replace(batch, inside=top, masks=batch.masks * part(slice(16), slice(None)))
            assert stage.loss(others) == above
        if stage.validation_loss is not None:
            each = [stage.validation_loss(replace(batch, inside=inside)) for inside in (None, top, everything - top)]
            torch.testing.assert_close(share * each[1] + (1 - share) * each[2], each[0], rtol=1e-4, atol=1e-6)
