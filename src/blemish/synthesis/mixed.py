"""Painted defects on one half of the photos, Perlin-noise defects on the other: what one kind does not teach, the other
may."""

import torch
from torch import Generator, Tensor

from blemish.synthesis.defects import draw_defects
from blemish.synthesis.painting import paint_defects


def mix_defects(clean: Tensor, textures: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Returns photos with synthetic defects, and masks (B, 1, H, W) of 0 and 1, from photos and textures (B, 3, H, W).

    Of an odd number, chance gives the last photo to either kind.
    """
    half, odd = divmod(len(clean), 2)
    if odd and torch.rand((), generator=generator, device=clean.device) < 0.5:
        half += 1
    kinds = ((paint_defects, slice(None, half)), (draw_defects, slice(half, None)))
    drawn = [draw(clean[some], textures[some], generator) for draw, some in kinds if len(clean[some])]
    images, masks = (torch.cat(parts) for parts in zip(*drawn, strict=True))
    return images.contiguous(memory_format=torch.channels_last), masks
