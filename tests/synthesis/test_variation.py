"""Light and pose of good photos: how far they vary, and that masks move with the photos."""

import math

import pytest
import torch
from torch import Generator, Tensor

from blemish.synthesis.variation import LIGHTS, POSES, STILL, Variation, lay_at_random

COUNT = 64


def seeded() -> Generator:
    return Generator().manual_seed(5)


@pytest.fixture
def photos() -> Tensor:
    smooth = torch.nn.functional.interpolate(
        torch.rand(COUNT, 3, 6, 8, generator=seeded()), size=(48, 64), mode="bicubic"
    )
    return (0.3 + 0.3 * smooth).clamp(0.1, 0.8)


def varied(photos: Tensor, *, light: str = "off", pose: str = "off") -> Tensor:
    return Variation.drawn(len(photos), seeded(), light=light, pose=pose).photos(photos)


def one_pose(shift: tuple[float, float] = (0, 0), *, degrees: float = 0, scale: float = 1) -> Variation:
    values = [*shift, math.radians(degrees), math.log(scale)]
    return Variation(light=None, pose=torch.tensor([values]))


def test_off_changes_nothing(photos: Tensor) -> None:
    assert torch.equal(varied(photos), photos)


@pytest.mark.parametrize(("light", "least", "most"), [("mild", 0.08, 0.135), ("strong", 0.16, 0.27)])
def test_light_varies_each_photo_by_itself_and_by_so_much(
    photos: Tensor, light: str, least: float, most: float
) -> None:
    factors = (varied(photos, light=light).mean(dim=(1, 2, 3)) / photos.mean(dim=(1, 2, 3))).log()
    assert least < float(factors.max()) < most
    assert least < -float(factors.min()) < most
    assert LIGHTS[light].gain < most
    colours = varied(photos, light=light).mean(dim=(2, 3)) / photos.mean(dim=(2, 3))
    assert 0 < float((colours.amax(dim=1) / colours.amin(dim=1)).log().max()) <= 2 * LIGHTS[light].tint + 1e-4


def test_pose_is_where_it_says_across_down_turned_and_larger(photos: Tensor) -> None:
    photo = photos[:1]
    moved = one_pose((4 / 64, 6 / 48)).photos(photo)
    assert torch.allclose(moved[..., 6:, 4:], photo[..., :-6, :-4], atol=1e-4)
    assert torch.allclose(moved[..., 6:, :4], photo[..., :-6, :4].flip(-1), atol=1e-4), "mirrored beyond the edge"
    square = photo[..., :48]
    assert torch.allclose(one_pose(degrees=90).photos(square), square.rot90(1, (-2, -1)), atol=1e-4)
    spot = torch.zeros(1, 1, 48, 64)
    spot[..., 12:36, 20:44] = 1
    assert float(one_pose(scale=1.5).masks(spot).sum()) == pytest.approx(float(spot.sum()) * 1.5**2, rel=0.03)


def test_some_photos_keep_their_pose_and_the_others_stay_within_it(photos: Tensor) -> None:
    pose = Variation.drawn(4000, seeded(), light="off", pose="mild").pose
    assert pose is not None
    still = (pose == 0).all(dim=1)
    assert float(still.float().mean()) == pytest.approx(STILL, abs=0.03)
    mild = POSES["mild"]
    most = torch.tensor([mild.shift, mild.shift, math.radians(mild.degrees), mild.scale])
    assert torch.allclose(pose.abs().amax(dim=0), most, rtol=0.02)
    drawn = Variation.drawn(COUNT, seeded(), light="off", pose="mild")
    assert drawn.pose is not None
    same = (drawn.photos(photos) - photos).abs().amax(dim=(1, 2, 3)) < 1e-5
    assert torch.equal(same, (drawn.pose == 0).all(dim=1))


def test_masks_move_with_the_photos_and_count_nothing_that_no_photo_shows() -> None:
    masks = torch.zeros(1, 1, 48, 64)
    masks[..., :10, :20] = 1
    moved = one_pose((-8 / 64, 6 / 48)).masks(masks)
    expected = torch.zeros(1, 1, 48, 64)
    expected[..., 6:16, :12] = 1
    assert torch.equal(moved, expected)
    everywhere = one_pose((8 / 64, 0)).masks(torch.ones(1, 1, 48, 64))
    assert everywhere.sum() == 48 * 56, "what is mirrored there is unknown"


def test_parts_that_lie_anyhow_are_turned_by_quarters_and_mirrored(photos: Tensor) -> None:
    square = photos[:, :, :, :48]
    turns = [square.rot90(quarters, (-2, -1)) for quarters in range(4)]
    for mirrored, ways in ((False, turns), (True, [*turns, *(way.flip(-1) for way in turns)])):
        laid = lay_at_random(square, seeded(), mirrored=mirrored)
        found = [i for n in range(COUNT) for i, way in enumerate(ways) if torch.equal(laid[n], way[n])]
        assert len(found) == COUNT
        assert set(found) == set(range(len(ways)))
    assert lay_at_random(photos, seeded(), mirrored=True).shape == photos.shape
