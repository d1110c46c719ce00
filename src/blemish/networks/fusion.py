"""How a decoder's map and a head's logits become one map, and how far good photos let the head be trusted."""

import torch
from torch import Tensor, nn

from blemish.networks.discrepancy import interpolate_map

TRUST = 0.05, 0.6
"""The least and the most: what a head is trusted before anything is known of it is the least."""


class Fusion(nn.Module):
    """Fusion makes one map: the head's odds are one more level of the product.

    The map is distance_1 * distance_2 * distance_3 * odds^trust. A sum of logarithms is calmer than the higher of two
    maps: where one of them is wrong about a good photo, the other holds it down. How far the head may be trusted
    differs from part to part, and good photos tell: `trust` is such that among them the head's share of the score
    spreads a share as wide as the decoder's. No defect is needed for that, be it real or synthetic.
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("trust", torch.tensor(TRUST[0]))

    trust: Tensor

    def forward(self, mended: Tensor, logits: Tensor | None) -> Tensor:
        """Returns the map (B, 1, h, w), at the resolution of the finer, of the logarithm of the product of distances
        (B, 1, h, w) and logits (B, 1, 2h, 2w)."""
        return mended.exp() if logits is None else self.with_trust(mended, logits, self.trust)

    def with_trust(self, mended: Tensor, logits: Tensor, trust: Tensor | float) -> Tensor:
        """Returns the same map where the head is trusted so far."""
        size = (logits.shape[-2], logits.shape[-1])
        return (interpolate_map(mended, size) + trust * logits).exp()

    def settle(self, mended: Tensor, logits: Tensor, *, share: float) -> None:
        """Takes the trust from what both say of good photos: their scores (N,)."""
        if len(mended) > 1:
            ratio = mended.std() / logits.std().clamp(min=1e-6)
            self.trust.copy_((share * ratio).clamp(*TRUST))
