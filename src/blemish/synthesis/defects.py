"""Perlin-noise defects: where noise is high, a texture covers the part (DRAEM, ICCV 2021; DeSTSeg, CVPR 2023)."""

import torch
from torch import Generator, Tensor

from blemish.synthesis.noise import FINEST, draw_noise
from blemish.synthesis.rotation import rotate

THRESHOLD = 0.5  # noise above it is defect
MOST_TRANSPARENT = 0.8  # of the textures: their opacity is 0.2 to 1 (the paper says 0.15 to 1, the code is followed)
MOST_TURNED = 90.0  # degrees to either side


def draw_defects(clean: Tensor, textures: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Returns photos with synthetic defects, and masks (B, 1, H, W) of 0 and 1, from photos and textures (B, 3, H, W).

    About one mask in twenty is empty, and the photo then as it was.
    """
    masks = draw_masks(len(clean), (clean.shape[-2], clean.shape[-1]), generator)
    transparency = MOST_TRANSPARENT * torch.rand((len(clean), 1, 1, 1), generator=generator, device=clean.device)
    return blend(clean, textures, masks, transparency), masks


def draw_masks(count: int, size: tuple[int, int], generator: Generator) -> Tensor:
    """Returns (B, 1, H, W) of 0 and 1, on the generator's device: 4.9 % of the pixels are 1 on average, and 4.6 % of
    the masks are empty (at 256x256)."""
    device = generator.device
    cells = 2 ** torch.randint(FINEST + 1, (count, 2), generator=generator, device=device)
    noise = draw_noise(cells, size, generator)
    degrees = MOST_TURNED * (2 * torch.rand(count, generator=generator, device=device) - 1)
    return (rotate(noise[:, None], degrees) > THRESHOLD).float()


def blend(clean: Tensor, textures: Tensor, masks: Tensor, transparency: Tensor) -> Tensor:
    """Lays the textures over the photos where the masks are 1: I (1 - M) + (1 - b) M A + b M I; channels last."""
    covered = torch.lerp(textures, clean, transparency)
    return torch.where(masks > 0, covered, clean).contiguous(memory_format=torch.channels_last)
