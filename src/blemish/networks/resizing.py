"""Bilinear resizing of features whose gradients are the same bits each time, on GPUs too."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


def resize_features(features: Tensor, size: tuple[int, int]) -> Tensor:
    """Returns (B, C, *size) of (B, C, h, w), bilinear, pixel centres aligned (not corners).

    On GPUs torch adds up this operation's gradients in whatever order they come, and a seed would not give the same
    weights; there the gradient is taken as matrix products instead. Values are torch's own everywhere.
    """
    if tuple(features.shape[-2:]) == tuple(size):
        return features
    if features.is_cuda and features.requires_grad and torch.is_grad_enabled():
        resized: Tensor = RepeatableResize.apply(features, size)  # type: ignore[no-untyped-call]
        return resized
    return _resize(features, size)


class RepeatableResize(torch.autograd.Function):
    """A bilinear F.interpolate that goes backward by two matrix products, which give the same bits every time."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, size: tuple[int, int]) -> Tensor:
        ctx.size = tuple(features.shape[-2:])
        return _resize(features, size)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (gradient,) = gradients
        with torch.autocast(gradient.device.type, enabled=False):
            rows = _weights(ctx.size[0], gradient.shape[-2], gradient.device)
            columns = _weights(ctx.size[1], gradient.shape[-1], gradient.device)
            taken = rows.T @ gradient.float() @ columns
        return taken.to(gradient.dtype), None


def _resize(features: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(features, size=size, mode="bilinear", align_corners=False)


def _weights(before: int, after: int, device: torch.device) -> Tensor:
    """Returns (after, before): how much each old pixel of a row counts in each new one."""
    unit = torch.eye(before, device=device)[None, None]  # its columns are rows of one pixel each
    return _resize(unit.expand(1, 1, before, before), (after, before))[0, 0]
