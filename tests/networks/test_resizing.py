"""Resizing with repeatable gradients: the same numbers as torch's own."""

import pytest
import torch
from torch import Generator
from torch.nn import functional as F

from blemish.networks.resizing import RepeatableResize, resize_features


@pytest.mark.parametrize(("before", "after"), [((4, 4), (8, 8)), ((3, 5), (7, 9)), ((8, 6), (3, 5)), ((1, 1), (2, 3))])
def test_values_and_gradients_are_those_of_torch(before: tuple[int, int], after: tuple[int, int]) -> None:
    generator = Generator().manual_seed(0)
    features, direction = (
        torch.randn(2, 3, *before, generator=generator),
        torch.randn(2, 3, *after, generator=generator),
    )
    ours, theirs = features.clone().requires_grad_(), features.clone().requires_grad_()
    resized = RepeatableResize.apply(ours, after)  # type: ignore[no-untyped-call]
    expected = F.interpolate(theirs, size=after, mode="bilinear", align_corners=False)
    assert torch.equal(resized, expected)
    (resized * direction).sum().backward()
    (expected * direction).sum().backward()  # type: ignore[no-untyped-call]
    assert ours.grad is not None
    assert theirs.grad is not None
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-6, atol=1e-6)


def test_what_has_the_size_already_is_given_back() -> None:
    features = torch.rand(1, 2, 4, 6)
    assert resize_features(features, (4, 6)) is features


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_gradients_on_a_gpu_are_the_same_bits_each_time() -> None:
    features, direction = torch.randn(8, 64, 17, 17).cuda(), torch.randn(8, 64, 64, 64).cuda()
    gradients = []
    for _ in range(5):
        own = features.clone().requires_grad_()
        (resize_features(own, (64, 64)) * direction).sum().backward()  # type: ignore[no-untyped-call]
        gradients.append(own.grad)
    first, *others = [gradient for gradient in gradients if gradient is not None]
    assert len(others) == 4
    assert all(torch.equal(first, other) for other in others)
