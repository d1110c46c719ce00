"""STPM against oracles written independently, in float64 NumPy."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from blemish.detectors import Batch, ImageSize, LearnedPhotos
from blemish.detectors.stpm import STPM, STPMSettings
from blemish.errors import SettingsError
from blemish.networks.discrepancy import interpolate_map, multiply_maps, squared_distance, unit_vectors
from blemish.networks.one_cycle import OneCycleSGD

Array = NDArray[np.float64]


def unit(features: Array) -> Array:
    """(B, C, h, w) -> the same with channel vectors of length 1."""
    length: Array = np.sqrt((features**2).sum(axis=1, keepdims=True))
    unit_features: Array = features / length.clip(1e-12)
    return unit_features


def bilinear(image: Array, height: int, width: int) -> Array:
    """(h, w) -> (height, width), each output pixel's centre mapped back and its four neighbours weighed."""
    out = np.empty((height, width))
    h, w = image.shape
    for i in range(height):
        for j in range(width):
            y = min(max((i + 0.5) * h / height - 0.5, 0), h - 1)
            x = min(max((j + 0.5) * w / width - 0.5, 0), w - 1)
            y0, x0 = int(y), int(x)
            y1, x1 = min(y0 + 1, h - 1), min(x0 + 1, w - 1)
            fy, fx = y - y0, x - x0
            top = image[y0, x0] * (1 - fx) + image[y0, x1] * fx
            bottom = image[y1, x0] * (1 - fx) + image[y1, x1] * fx
            out[i, j] = top * (1 - fy) + bottom * fy
    return out


def levels_of(features: tuple[torch.Tensor, ...]) -> list[Array]:
    return [f.double().numpy() for f in features]


@pytest.fixture(scope="module")
def detector() -> STPM:
    torch.manual_seed(0)
    stpm = STPM(STPMSettings(image_size=ImageSize(64, 96), recipe="paper"))
    for module in stpm.modules():  # drawn batch norms are all alike; make them differ as trained ones do
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.uniform_(module.bias, -0.2, 0.2)
            torch.nn.init.uniform_(module.running_mean, -0.1, 0.1)  # type: ignore[arg-type]
    stpm.eval()
    return stpm


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(1))


def test_the_loss_is_the_official_codes_mean_of_squared_distances_summed_over_levels(
    detector: STPM, images: torch.Tensor
) -> None:
    (stage,) = detector.stages()
    assert stage.targets is not None
    with torch.no_grad():
        loss = stage.loss(Batch(images=images, clean=images, targets=stage.targets(images), global_size=2))
        teacher, student = levels_of(detector.teacher(images)), levels_of(detector.student(images))
    expected = [
        ((unit(t) - unit(s)) ** 2).sum(axis=1).mean(axis=(0, 1, 2)) for t, s in zip(teacher, student, strict=True)
    ]
    assert [float(part) for part in loss.values()] == pytest.approx(expected, rel=1e-5)


def test_the_map_is_the_product_at_the_finest_level_then_bilinear_and_the_score_its_maximum(
    detector: STPM, images: torch.Tensor
) -> None:
    with torch.no_grad():
        anomaly_map = detector(images)
        teacher, student = levels_of(detector.teacher(images)), levels_of(detector.student(images))
    for n in range(2):
        product = np.ones((16, 24))
        for t, s in zip(teacher, student, strict=True):
            product *= bilinear(((unit(t) - unit(s)) ** 2).sum(axis=1)[n], 16, 24)
        expected = bilinear(product, 64, 96)
        assert anomaly_map[n, 0].numpy() == pytest.approx(expected, rel=1e-4)
        assert detector.score.of(anomaly_map[n, 0].numpy()) == pytest.approx(expected.max(), rel=1e-4)


def test_multiplying_at_full_size_would_be_another_map(detector: STPM, images: torch.Tensor) -> None:
    """Guards the order of product and resize, which re-implementations swap (methods differ slightly)."""
    with torch.no_grad():
        pairs = zip(detector.teacher(images), detector.student(images), strict=True)
        maps = [squared_distance(unit_vectors(t), unit_vectors(s)) for t, s in pairs]
    swapped = torch.stack([interpolate_map(level, (64, 96)) for level in maps]).prod(dim=0)
    ours = interpolate_map(multiply_maps(maps), (64, 96))
    assert not torch.allclose(ours, swapped, rtol=1e-3)


def test_squared_distance_is_two_minus_two_cosines_and_at_most_four() -> None:
    generator = torch.Generator().manual_seed(2)
    t, s = (torch.randn(2, 16, 5, 4, generator=generator) for _ in range(2))
    distance = squared_distance(unit_vectors(t), unit_vectors(s))
    cosine = torch.cosine_similarity(t, s, dim=1)
    torch.testing.assert_close(distance[:, 0], 2 - 2 * cosine, rtol=1e-4, atol=1e-5)
    assert float(squared_distance(unit_vectors(t), unit_vectors(-t)).max()) == pytest.approx(4, rel=1e-5)


def test_small_distances_keep_their_digits() -> None:
    t = torch.rand(1, 64, 2, 2, generator=torch.Generator().manual_seed(3))
    s = t + 1e-5 * torch.rand(1, 64, 2, 2, generator=torch.Generator().manual_seed(4))
    exact = ((unit(t.double().numpy()) - unit(s.double().numpy())) ** 2).sum(axis=1)
    assert squared_distance(unit_vectors(t), unit_vectors(s))[:, 0].numpy() == pytest.approx(exact, rel=0.05)


def test_by_recipe_paper_optimiser_and_counts_are_the_papers(detector: STPM) -> None:
    (stage,) = detector.stages()
    assert type(stage.optimizer(stage.trains)) is torch.optim.SGD, "at one rate"
    (group,) = stage.optimizer(stage.trains).param_groups
    assert (group["lr"], group["momentum"], group["weight_decay"], group["nesterov"]) == (0.4, 0.9, 1e-4, False)
    assert sum(p.numel() for p in detector.student.parameters()) == 2_782_784


def test_validation_loss_is_the_mean_of_the_product_map(detector: STPM, images: torch.Tensor) -> None:
    (stage,) = detector.stages()
    assert stage.targets is not None
    assert stage.validation_loss is not None
    with torch.no_grad():
        error = stage.validation_loss(Batch(images=images, clean=images, targets=stage.targets(images)))
        pairs = zip(detector.teacher(images), detector.student(images), strict=True)
        product = multiply_maps([squared_distance(unit_vectors(t), unit_vectors(s)) for t, s in pairs])
    torch.testing.assert_close(error, product.mean(dim=(1, 2, 3)))


def test_keeping_the_last_weights_selects_nothing() -> None:
    (stage,) = STPM(STPMSettings(recipe="paper", keep="last")).stages()
    assert stage.validation_loss is None


@pytest.mark.parametrize(("photos", "steps"), [(2, 100), (41, 100), (42, 200), (320, 800), (1000, 2500)])
def test_the_length_is_the_papers_hundred_epochs_of_four_fifths_of_the_photos(photos: int, steps: int) -> None:
    papers = STPMSettings(recipe="paper").for_photos(LearnedPhotos(photos))
    assert (papers.steps, papers.keep, papers.patience) == (steps, "best", None)
    assert STPMSettings().for_photos(LearnedPhotos(photos)).steps == min(max(steps, 280), 1600)
    assert STPMSettings(recipe="paper", steps=7).for_photos(LearnedPhotos(photos)).steps == 7, (
        "what was asked for stays"
    )


def test_by_default_the_rate_rises_and_falls_over_all_steps_and_the_last_weights_are_kept() -> None:
    with torch.device("meta"):
        (stage,) = STPM(STPMSettings(momentum=0.8)).stages()
        optimizer = stage.optimizer(stage.trains)
    assert isinstance(optimizer, OneCycleSGD)
    assert [(group["momentum"], group["weight_decay"]) for group in optimizer.param_groups] == [(0.8, 1e-4)]
    assert (stage.validation_loss, stage.patience) == (None, None)
    assert STPMSettings().for_photos(LearnedPhotos(31)) == STPMSettings(steps=stage.steps, keep="last")


def test_a_training_that_may_end_early_has_no_rate_that_falls_to_its_end() -> None:
    with pytest.raises(SettingsError, match="patience is 300: recipe one-cycle takes all its steps"):
        STPM(STPMSettings(patience=300))


def test_a_record_that_is_older_than_recipes_means_the_papers() -> None:
    before = STPMSettings(steps=1600, patience=300, keep="best").to_json()
    del before["recipe"]
    assert STPMSettings.from_json(before).recipe == "paper"
    assert STPMSettings.from_json(STPMSettings().for_photos(LearnedPhotos(9)).to_json()).recipe == "one-cycle"
    assert STPMSettings.from_json({"steps": 7, "learning_rate": 0.1}).recipe == "one-cycle"
