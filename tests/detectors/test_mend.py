"""Mend's own: what its map is made of, what it trusts its head, and what it learns from."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from blemish.data.dataset import Dataset
from blemish.detectors import Batch, ImageSize, LearnedPhotos
from blemish.detectors.mend import FEW, MANY, Mend, MendSettings
from blemish.errors import SettingsError
from blemish.model.score import Score
from blemish.networks.discrepancy import highest_mean, mean_of_hardest
from blemish.networks.fusion import TRUST, Fusion
from blemish.networks.mending import Judged
from blemish.training.settings import TrainingSettings
from blemish.training.train import train_detector

SIZE = ImageSize(64, 96)


def drawn(**settings: Any) -> Mend:
    torch.manual_seed(0)
    mend = Mend(MendSettings(image_size=SIZE, **settings))
    mend.eval()
    return mend


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.rand(2, 3, *SIZE, generator=torch.Generator().manual_seed(1))


def test_the_decoder_alone_gives_the_product_of_the_levels_distances(images: Tensor) -> None:
    mend = drawn(judges="decoder")
    assert mend.student.head is None
    with torch.no_grad():
        maps, anomaly_map = list(mend.level_maps(images).values()), mend(images)
    finest = [nn.functional.interpolate(m, size=(16, 24), mode="bilinear", align_corners=False) for m in maps]
    product = math.prod(2 * level for level in finest)  # ||t - s||^2 is twice 1 - cos
    assert isinstance(product, Tensor)
    expected = nn.functional.interpolate(product, size=tuple(SIZE), mode="bilinear", align_corners=False)
    torch.testing.assert_close(anomaly_map, expected, rtol=1e-4, atol=0)


def test_the_heads_odds_count_by_their_trust() -> None:
    fusion, mended, logits = Fusion(), torch.randn(2, 1, 4, 6), torch.randn(2, 1, 8, 12)
    fusion.trust.fill_(0.3)
    grown = nn.functional.interpolate(mended, size=(8, 12), mode="bilinear", align_corners=False)
    odds = torch.sigmoid(logits) / (1 - torch.sigmoid(logits))
    torch.testing.assert_close(fusion(mended, logits), grown.exp() * odds**0.3, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(
    ("restless", "trust"),
    [(1.0, 0.5 * 0.5), (1000.0, TRUST[0]), (0.001, TRUST[1]), (0.0, TRUST[1])],
)
def test_a_head_that_good_photos_make_restless_is_trusted_less(restless: float, trust: float) -> None:
    fusion, scores = Fusion(), torch.tensor([-1.0, 0.0, 1.0])
    fusion.settle(0.5 * scores, restless * scores, share=0.5)
    assert float(fusion.trust) == pytest.approx(trust)


def test_one_good_photo_says_nothing_of_trust() -> None:
    fusion = Fusion()
    fusion.settle(torch.zeros(1), torch.zeros(1), share=0.5)
    assert float(fusion.trust) == pytest.approx(TRUST[0])


class Familiar(nn.Module):
    """A decoder that good photos make restless, and a head that is so too, and more about other photos than one."""

    def __init__(self, known: Tensor) -> None:
        super().__init__()
        self.fusion, self.known = Fusion(), known

    def forward(self, _seen: tuple[Tensor], stem: Tensor) -> Judged:
        restless = torch.linspace(-1, 1, len(stem)).reshape(-1, 1, 1, 1).expand(-1, 1, *stem.shape[2:])
        differs = (stem - self.known).square().mean(dim=(1, 2, 3), keepdim=True)
        return Judged(rebuilt=(), mended=restless, logits=restless + 1e3 * differs)


def test_a_head_that_is_calm_about_the_photos_that_it_learned_alone_is_trusted_less(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    edge = torch.zeros(1, 3, 64, 64)
    edge[..., 32:] = 1
    found = {}
    for learns in ("decoder_first", "together"):  # which asks about photos as they are, and moved ones
        mend = drawn(learns=learns)
        settle = mend.stages()[-1].settle
        assert settle is not None
        monkeypatch.setattr(mend, "student", Familiar(edge))
        monkeypatch.setattr(mend, "_see", lambda images: ((images,), images))
        monkeypatch.setattr("blemish.detectors.mend.SHARE", dict.fromkeys(("together", "wide"), 0.5))
        settle([Batch(images=edge.expand(8, -1, -1, -1), clean=edge.expand(8, -1, -1, -1))])
        found[learns] = float(mend.student.fusion.trust)
    assert found["decoder_first"] == pytest.approx(0.5)
    assert found["together"] == pytest.approx(TRUST[0])


def test_a_region_that_is_moved_out_of_the_photo_counts_as_it_lies() -> None:
    mend, corner = drawn(), torch.zeros(4, 1, *SIZE)
    corner[..., 0, 0] = 1
    images = torch.rand(4, 3, *SIZE)
    settle = mend.stages()[-1].settle
    assert settle is not None
    with torch.no_grad():
        settle([Batch(images=images, clean=images, inside=corner)])
    assert math.isfinite(float(mend.student.fusion.trust))


def test_highest_means_are_what_scores_are() -> None:
    maps = torch.rand(3, 1, 40, 50)
    expected = [Score(kind="top_mean", share=0.01).of(each[0].numpy()) for each in maps]
    assert highest_mean(maps, 0.01).tolist() == pytest.approx(expected)
    inside = torch.zeros(3, 1, 40, 50)
    for number, columns in enumerate((40, 10, 1)):  # of the last fewer count than a score takes
        inside[number, :, 30:, :columns] = 1
    score, pairs = Score(kind="top_mean", share=0.01), zip(maps.numpy(), inside.numpy() > 0, strict=True)
    expected = [score.of(each[where], frame_pixels=40 * 50) for each, where in pairs]
    assert highest_mean(maps, 0.01, inside).tolist() == pytest.approx(expected)


def test_kept_features_are_all_that_a_decoder_on_unvaried_good_photos_needs(images: Tensor) -> None:
    mend = drawn(judges="decoder", defects="none")
    (stage,) = mend.stages()
    assert [stage.augment, stage.add_defects, stage.settle] == [None] * 3
    assert stage.targets is not None
    targets = stage.targets(images)
    nothing = torch.full_like(images, math.nan)
    losses = stage.loss(Batch(images=nothing, clean=nothing, targets=targets))
    assert list(losses) == ["level1", "level2", "level3"]
    assert all(0 < float(loss.detach()) < 2 for loss in losses.values())


def test_the_decoder_is_asked_for_the_good_photo_and_the_head_for_the_mask(images: Tensor) -> None:
    mend = drawn()
    (stage,) = mend.stages()
    assert stage.augment is None, "features of good photos are kept"
    assert stage.targets is not None
    masks = torch.zeros(2, 1, *SIZE)
    batch: dict[str, Any] = {"clean": images, "masks": masks, "targets": stage.targets(images)}
    same = stage.loss(Batch(images=images, **batch))
    other = stage.loss(Batch(images=1 - images, **batch))
    assert float(other["level1"].detach()) > float(same["level1"].detach())
    torch.autograd.backward(same["cross_entropy"] + same["dice"])
    assert all(p.grad is None for p in mend.student.decoder.parameters()), "the head does not bend the decoder"


def test_settings_of_a_model_from_when_light_was_among_them_are_read() -> None:
    assert MendSettings.from_json({**MendSettings(steps=7).to_json(), "light": 1.0}) == MendSettings(steps=7)


def test_a_head_without_defects_is_refused() -> None:
    with pytest.raises(SettingsError, match="set judges to decoder"):
        drawn(defects="none")


def test_parts_teach_the_decoder_first_where_there_are_more_than_a_few() -> None:
    few, more = (
        MendSettings().for_photos(LearnedPhotos(FEW - 1)),
        MendSettings().for_photos(LearnedPhotos(FEW)),
    )
    assert (few.learns, more.learns) == ("together", "decoder_first")
    assert [stage.name for stage in Mend(few).stages()] == ["mending"]
    assert [stage.name for stage in Mend(more).stages()] == ["mending", "segmenting"]
    assert MendSettings(learns="together").for_photos(LearnedPhotos(FEW)).learns == "together", (
        "what was asked for stays"
    )


def test_surfaces_teach_both_at_once_where_there_is_a_head() -> None:
    def learns(settings: MendSettings) -> str:
        return settings.for_photos(LearnedPhotos(1000, surface=lambda: True)).learns

    assert learns(MendSettings()) == "together"
    assert learns(MendSettings(judges="decoder")) == "decoder_first"
    assert learns(MendSettings(learns="decoder_first")) == "decoder_first", "what was asked for stays"


def test_a_decoder_that_learns_first_takes_steps_as_the_head_does_unless_told_or_narrow() -> None:
    def lengths(**values: Any) -> list[int]:
        return [stage.steps for stage in drawn(learns="decoder_first", **values).stages()]

    assert lengths() == [300, 300]
    assert lengths(bottleneck="narrow") == [1200, 300]
    assert lengths(steps=30, decoder_steps=7) == [7, 30]
    decided = [MendSettings(steps=30).for_photos(LearnedPhotos(count)).decoder_steps for count in (MANY - 1, MANY)]
    assert decided == [30, 120], "which model.json holds"
    assert MendSettings(steps=30, bottleneck="wide").for_photos(LearnedPhotos(MANY)).decoder_steps == 50
    assert MendSettings(decoder_steps=7).for_photos(LearnedPhotos(MANY)).decoder_steps == 7, "what was asked for stays"


def test_a_decoder_of_many_photos_of_parts_is_narrow() -> None:
    def decided(count: int, *, surface: bool = False, **values: Any) -> str:
        return MendSettings(**values).for_photos(LearnedPhotos(count, surface=lambda: surface)).bottleneck

    assert [decided(count) for count in (FEW - 1, MANY - 1, MANY)] == ["wide", "wide", "narrow"]
    assert decided(MANY, surface=True) == "wide"
    assert decided(MANY, learns="together") == "wide"
    assert (decided(MANY, bottleneck="wide"), decided(FEW, bottleneck="narrow")) == ("wide", "narrow")


def test_a_narrow_decoder_sees_half_the_coarsest_level_and_learns_from_four_photos_at_a_time() -> None:
    wide, narrow = (drawn(learns="decoder_first", bottleneck=kind) for kind in ("wide", "narrow"))
    assert [mend.stages()[0].batch_size for mend in (wide, narrow)] == [None, 4]
    sizes: dict[str, tuple[int, int]] = {}
    for name, mend in (("wide", wide), ("narrow", narrow)):

        def note(_module: nn.Module, _inputs: object, output: Tensor, name: str = name) -> None:
            sizes[name] = (output.shape[-2], output.shape[-1])

        mend.student.decoder.get_submodule("squeeze_coarse").register_forward_hook(note)
        with torch.no_grad():
            mend(torch.rand(1, 3, *SIZE))
    assert sizes == {"wide": (4, 6), "narrow": (2, 3)}


def test_a_decoder_that_learns_first_sees_good_photos_as_they_are_and_is_left_alone_then(images: Tensor) -> None:
    mend = drawn(learns="decoder_first", decoder_steps=5, steps=3)
    first, second = mend.stages()
    assert [first.augment, first.add_defects, first.settle] == [None] * 3, "its features are kept"
    assert (first.steps, second.steps) == (5, 3)
    decoder = {id(parameter) for parameter in mend.student.decoder.parameters()}
    assert {id(parameter) for parameter in first.trains.parameters()} == decoder
    assert decoder.isdisjoint(id(parameter) for parameter in second.trains.parameters())
    losses = second.loss(Batch(images=images, clean=images, masks=torch.zeros(2, 1, *SIZE)))
    assert list(losses) == ["cross_entropy", "dice"]
    assert second.settle is not None
    before = float(mend.student.fusion.trust)
    with torch.no_grad():
        second.settle([Batch(images=torch.rand(4, 3, *SIZE) ** 2, clean=images)])
    assert float(mend.student.fusion.trust) != before, "the stage's module holds what settling sets"
    assert any(buffer is mend.student.fusion.trust for buffer in second.trains.buffers())


def test_parts_that_lie_any_way_round_are_shown_so_to_a_decoder_that_learns_first_too(images: Tensor) -> None:
    for stage in drawn(learns="decoder_first", lie="any").stages():
        assert stage.moves_photos, "regions of interest would no longer fit them"
        assert stage.augment is not None
        laid = stage.augment(images, torch.Generator().manual_seed(0))
        assert not torch.equal(laid, images), stage.name


def test_a_decoder_alone_that_learns_first_learns_nothing_after() -> None:
    assert len(drawn(learns="decoder_first", judges="decoder").stages()) == 1


def test_pixels_that_are_mended_badly_count_by_a_power_of_their_distance() -> None:
    values = torch.tensor([1.0, 3.0]).reshape(1, 1, 1, 2).requires_grad_()
    mean = mean_of_hardest(values, None, power=2)
    assert float(mean.detach()) == pytest.approx((1 * 0.5**2 + 3 * 1.5**2) / 2)
    mean.backward()  # type: ignore[no-untyped-call]
    assert values.grad is not None
    assert values.grad.flatten().tolist() == pytest.approx([0.5**2 / 2, 1.5**2 / 2]), "weights are no way to learn"
    inside = torch.tensor([0.0, 1.0]).reshape(1, 1, 1, 2)
    assert float(mean_of_hardest(values.detach(), inside, power=2)) == pytest.approx(3.0)


def test_a_training_of_decoder_and_head_in_turn_is_written_down(
    parts: Dataset, seeded_resnet18: Path, tmp_path: Path
) -> None:
    settings = MendSettings(image_size=ImageSize(32, 32), learns="decoder_first", decoder_steps=2, steps=1)
    training = TrainingSettings(batch_size=4, check_every=1, held_out=0.3)
    artifact = train_detector(
        "mend", parts.train[:8], run=tmp_path, settings=settings, training=training, teacher_weights=[seeded_resnet18]
    )
    assert [(stage.name, stage.steps) for stage in artifact.training.stages] == [("mending", 2), ("segmenting", 1)]
    assert artifact.settings["learns"] == "decoder_first"


def test_a_narrow_bottleneck_of_a_single_value_is_refused_in_a_line() -> None:
    mend = Mend(MendSettings(teacher="efficientnet_lite0", learns="decoder_first", bottleneck="narrow"))
    stage = mend.stages()[0]
    assert stage.targets is not None
    stage.trains.train()
    for size, photos in ((32, 1), (32, 2), (64, 1)):
        images = torch.rand(photos, 3, size, size)
        batch = Batch(images=images, clean=images, targets=stage.targets(images), global_size=photos)
        if size * photos > 32:
            assert all(torch.isfinite(part) for part in stage.loss(batch).values())
        else:
            with pytest.raises(SettingsError, match=r"single value of 32x32 pixels.*raise --batch-size"):
                stage.loss(batch)
