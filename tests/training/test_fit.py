"""How many photos a step takes."""

import pytest
import torch
from torch import nn

from blemish.detectors import Stage
from blemish.training.fit import frames_per_step
from blemish.training.settings import TrainingSettings


@pytest.mark.parametrize(
    ("asked", "of_stage", "learned", "processes", "expected"),
    [
        (12, None, 100, 1, 12),
        (12, None, 100, 5, 10),
        (12, None, 8, 1, 8),
        (12, 4, 100, 1, 4),
        (12, 4, 3, 1, 3),
        (2, 4, 100, 1, 2),
        (12, 4, 100, 3, 3),
        (12, 4, 100, 6, 6),
        (4, 2, 100, 6, 0),
    ],
)
def test_a_stage_may_take_fewer_photos_than_were_asked_for_but_one_for_each_process(
    asked: int, of_stage: int | None, learned: int, processes: int, expected: int
) -> None:
    stage = Stage(
        name="mending",
        steps=1,
        trains=nn.Identity(),
        loss=lambda _batch: {},
        optimizer=lambda module: torch.optim.SGD(module.parameters(), lr=1.0),
        batch_size=of_stage,
    )
    settings = TrainingSettings(batch_size=asked, light="off")
    assert frames_per_step(stage, learned, settings, world_size=processes) == expected
