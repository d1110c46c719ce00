"""Photos under every condition: what each one does to pixels, and what it leaves alone."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from blemish.errors import SettingsError
from blemish.synthesis.conditions import CONDITIONS, strength_typed
from blemish.synthesis.photo_changes import KERNELS, Capture, Photograph

SEEN = (20, 28)


def photo_of(*, bits: int = 8, grey: bool = False) -> Photograph:
    """A smooth photo (48, 64, 3) of all brightnesses, so that it may be moved and turned without surprise."""
    values = ndimage.gaussian_filter(np.random.default_rng(0).random((48, 64, 3)), (4, 4, 0))
    values = (values - values.min()) / np.ptp(values)
    values = np.repeat(values[:, :, :1], 3, axis=2) if grey else values
    white = 255 if bits == 8 else 4095
    photo: Photograph = np.rint(values * white).astype(np.uint8 if bits == 8 else np.uint16)
    return photo


def changed(
    photo: Photograph, name: str, strength: float, *, seed: int = 0, seen: tuple[int, int] = SEEN
) -> Photograph:
    white = 255 if photo.dtype == np.uint8 else 4095
    capture = Capture(white=white, seen=seen, generator=np.random.default_rng(seed))
    before = photo.copy()
    assert CONDITIONS[name].unfit(photo, capture) is None
    after = CONDITIONS[name].change(photo, strength, capture)
    assert (photo == before).all(), "a change is made to a copy"
    return after


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("name", CONDITIONS)
def test_a_changed_photo_is_a_photo_like_the_one_before_and_no_strength_is_idle(name: str, bits: int) -> None:
    photo, kind = photo_of(bits=bits), CONDITIONS[name]
    if bits == 16 and name == "jpeg":
        return
    size = SEEN if kind.resizes else photo.shape[:2]
    seen = [changed(photo, name, strength) for strength in kind.strengths]
    assert all(after.dtype == photo.dtype and after.shape == (*size, 3) for after in seen)
    assert all(int(after.max()) <= (255 if bits == 8 else 4095) for after in seen)
    assert len({after.tobytes() for after in [photo, *seen]}) == len(seen) + 1


@pytest.mark.parametrize("name", [name for name, kind in CONDITIONS.items() if kind.unchanged is not None])
def test_the_strength_that_is_called_unchanged_changes_nothing(name: str) -> None:
    unchanged = CONDITIONS[name].unchanged
    assert unchanged is not None
    assert (changed(photo_of(), name, unchanged) == photo_of()).all()


@pytest.mark.parametrize("name", [name for name, kind in CONDITIONS.items() if not kind.names])
def test_stronger_changes_photos_more(name: str) -> None:
    photo, kind = photo_of().astype(int), CONDITIONS[name]
    start = kind.bounds[1] if kind.unchanged is None else kind.unchanged
    for side in (-1, 1):
        outward = sorted((s for s in kind.strengths if (s - start) * side > 0), key=lambda s: abs(s - start))
        far = [float(np.abs(changed(photo_of(), name, strength) - photo).mean()) for strength in outward]
        assert far == sorted(far)


def test_more_light_clips_at_white_and_keeps_what_is_below() -> None:
    photo = photo_of(bits=16)
    brighter = changed(photo, "brightness", 1.4)
    assert int(brighter.max()) == 4095 and (brighter == 4095).sum() > (photo == 4095).sum()
    below = photo < 2900
    assert np.allclose(brighter[below], 1.4 * photo[below], atol=0.51)


def test_light_from_a_side_leaves_the_mean_and_comes_from_another_side_each_time() -> None:
    flat = np.full((48, 64, 3), 100, np.uint8)
    lit = [changed(flat, "gradient", 0.2, seed=seed) for seed in range(5)]
    assert all(abs(float(each.mean()) - 100) < 0.5 and each.min() == 80 and each.max() == 120 for each in lit)
    assert len({each.tobytes() for each in lit}) == 5


def test_a_shift_moves_by_whole_pixels_and_mirrors_the_edge() -> None:
    photo = photo_of()
    moved = changed(photo, "shift", 8)
    places = [
        (down, across)
        for down in range(-8, 9)
        for across in range(-8, 9)
        if (np.roll(photo, (down, across), (0, 1))[8:-8, 8:-8] == moved[8:-8, 8:-8]).all()
    ]
    assert len(places) == 1 and abs(float(np.hypot(*places[0])) - 8) < 1
    assert {*np.unique(moved)} <= {*np.unique(photo)}


def test_a_turn_is_about_the_middle_either_way() -> None:
    square = photo_of()[:, :48]
    turned = [changed(square, "rotation", 90, seed=seed).astype(int) for seed in range(6)]
    ways = {min((1, 3), key=lambda k: np.abs(np.rot90(square, k).astype(int) - each).max()) for each in turned}
    assert ways == {1, 3}
    assert max(min(np.abs(np.rot90(square, k).astype(int) - each).max() for k in (1, 3)) for each in turned) <= 1


def test_a_larger_part_is_the_middle_of_the_photo_enlarged() -> None:
    photo = photo_of()
    larger, smaller = (changed(photo, "scale", strength).astype(float) for strength in (2, 0.5))
    middle = np.array(Image.fromarray(photo[12:36, 16:48]).resize((64, 48), Image.Resampling.BICUBIC)).astype(float)
    assert np.abs(larger - middle)[8:-8, 8:-8].mean() < 1
    whole = np.array(Image.fromarray(photo).resize((32, 24), Image.Resampling.BICUBIC)).astype(float)
    assert np.abs(smaller[12:36, 16:48] - whole)[2:-2, 2:-2].max() < 12


@pytest.mark.parametrize("name", ["noise", "jpeg", "blur", "gradient"])
def test_grey_stays_grey(name: str) -> None:
    after = changed(photo_of(grey=True), name, CONDITIONS[name].strengths[0])
    assert (after == after[:, :, :1]).all()


def test_noise_is_as_strong_as_it_says_and_each_photo_has_its_own() -> None:
    flat = np.full((64, 64, 3), 2000, np.uint16)
    one, other = (changed(flat, "noise", 0.02, seed=seed).astype(float) for seed in (0, 1))
    assert float(one.std()) / 4095 == pytest.approx(0.02, rel=0.05) and (one != other).mean() > 0.9


def test_the_kernels_are_those_of_pillow_and_of_opencv() -> None:
    photo = photo_of()
    for place, (name, kernel) in enumerate(KERNELS.items()):
        found = changed(photo, "resize", place, seen=(24, 32))
        if kernel is not None:
            assert (found == np.array(Image.fromarray(photo).resize((32, 24), kernel))).all(), name
        else:  # half as large: between the middle two pixels of each four
            assert np.abs(found.astype(float) - photo.reshape(24, 2, 32, 2, 3).mean((1, 3))).max() <= 1
    deep = changed(photo_of(bits=16), "resize", 4)
    assert np.abs(deep / 4095 - changed(photo, "resize", 4) / 255).max() < 0.01


def test_what_cannot_happen_to_a_photo_is_said() -> None:
    capture = Capture(white=255, seen=(48, 64), generator=np.random.default_rng(0))
    said = {
        "colour": CONDITIONS["colour"].unfit(photo_of(grey=True), capture),
        "jpeg": CONDITIONS["jpeg"].unfit(photo_of(bits=16), replace(capture, white=4095)),
        "resize": CONDITIONS["resize"].unfit(photo_of(), capture),
    }
    words = {"colour": "no colour", "jpeg": "16 bits", "resize": "at their own size"}
    assert all(said[name] is not None and words[name] in str(said[name]) for name in words)


def test_strengths_in_pixels_grow_with_photos() -> None:
    shift = CONDITIONS["shift"]
    assert [shift.of_side(side) for side in (64, 256, 1000)] == [(2, 4, 8, 16), (2, 4, 8, 16), (8, 16, 32, 64)]
    assert CONDITIONS["noise"].of_side(4096) == CONDITIONS["noise"].strengths


def test_strengths_are_read_as_they_are_written() -> None:
    for name, kind in CONDITIONS.items():
        assert [strength_typed(name, kind.key(strength)) for strength in kind.strengths] == list(kind.strengths)
    for name, key in (("shift", "x"), ("shift", "0"), ("jpeg", "101"), ("resize", "mitchell"), ("noise", "nan")):
        with pytest.raises(SettingsError, match=f"{name} {key} is no strength"):
            strength_typed(name, key)
    with pytest.raises(SettingsError, match="give some of brightness, gradient"):
        strength_typed("fog", "1")


def test_a_photo_of_more_pixels_than_pillow_opens_unasked_is_saved_as_jpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    photo = photo_of()
    usual = changed(photo, "jpeg", 50)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert (changed(photo, "jpeg", 50) == usual).all()


def test_a_photo_longer_than_any_jpeg_is_not_tried() -> None:
    capture = Capture(white=255, seen=SEEN, generator=np.random.default_rng(0))
    assert CONDITIONS["jpeg"].unfit(np.zeros((1, 65_500, 3), np.uint8), capture) is None
    assert "65500 pixels" in str(CONDITIONS["jpeg"].unfit(np.zeros((65_501, 1, 3), np.uint8), capture))
