"""Bilinear resizing whose gradients are the same every time, on GPUs too."""

import torch
from torch import Tensor
from torch.nn import functional as F


def interpolate(values: Tensor, size: tuple[int, int]) -> Tensor:
    """Resizes (B, C, h, w) to (B, C, *size), bilinear, pixel centres aligned (not corners).

    CUDA adds up the gradients of torch's own function in no fixed order, so that a seed would not give the same weights
    twice: where gradients are wanted there, two matrix products take its place.
    """
    if values.is_cuda and values.requires_grad:
        return interpolate_by_products(values, size)
    return F.interpolate(values, size=size, mode="bilinear", align_corners=False)


def interpolate_by_products(values: Tensor, size: tuple[int, int]) -> Tensor:
    """Does the same as matrix products along height and width, of the weights that torch itself takes."""
    rows, columns = (_weights(old, new, like=values) for old, new in zip(values.shape[-2:], size, strict=True))
    resized = rows.T @ values @ columns  # (H, h) @ (B, C, h, w) @ (w, W)
    return resized.contiguous(memory_format=torch.channels_last)


def _weights(old: int, new: int, *, like: Tensor) -> Tensor:
    """Returns (old, new): how much each old place counts at each new one."""
    each = torch.eye(old, device=like.device)[None]
    return F.interpolate(each, size=new, mode="linear", align_corners=False)[0].to(like.dtype)
