"""One budget for all that is kept."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from blemish.detectors import Stage
from blemish.detectors.destseg import DeSTSeg, DeSTSegSettings
from blemish.detectors.stpm import STPM, STPMSettings
from blemish.training.memory import PIECES_MEMORY, MemoryBudget, memory_budget
from blemish.training.processes import Processes
from blemish.training.settings import TrainingSettings

PROCESSES = Processes(device=torch.device("cpu"), precision="fp32")


def budget_of(stages: Sequence[Stage], gigabytes: float) -> MemoryBudget:
    return memory_budget(TrainingSettings(cache_memory=gigabytes), stages, PROCESSES)


@pytest.mark.parametrize("gigabytes", [0.0, 0.3, 4.0, 100.0])
@pytest.mark.parametrize("textures", [None, "dtd"])
def test_photos_textures_and_features_together_take_what_is_allowed(gigabytes: float, textures: str | None) -> None:
    budget = budget_of(DeSTSeg(DeSTSegSettings(textures=textures)).stages(), gigabytes)
    features = budget.features(photos=budget.photos, textures=budget.textures)
    assert budget.photos + budget.textures + features <= gigabytes * 1e9 + 1
    assert textures is not None or budget.textures <= PIECES_MEMORY
    fewer = budget.features(photos=budget.photos // 2, textures=budget.textures)
    assert fewer - features == pytest.approx(budget.photos / 2, abs=1)


def test_a_method_that_draws_no_defects_reserves_nothing_for_textures() -> None:
    budget = budget_of(STPM(STPMSettings()).stages(), 4.0)
    assert (budget.photos, budget.textures) == (4_000_000_000, 0)
    assert budget.features(photos=1_000_000_000, textures=0) == 3_000_000_000


def test_what_lies_on_a_gpu_is_counted_apart_from_photos() -> None:
    budget = MemoryBudget(photos=4_000, textures=1_000, device=3_000, apart=True)
    assert budget.features(photos=4_000, textures=500) == 2_500


def test_stages_name_their_textures_by_path() -> None:
    assert {stage.textures for stage in DeSTSeg(DeSTSegSettings(textures="dtd")).stages()} == {Path("dtd")}
