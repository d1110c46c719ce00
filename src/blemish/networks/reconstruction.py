"""Students that grow one network's deepest features, stage by stage, into the features of another, with attention.

Both take the deepest features and, per level, those of the network that is to be reconstructed: attention looks at
them, and their height and width say how large a stage's result must be.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from blemish.networks.backbone import draw_weights
from blemish.networks.blocks import LinearBlock, conv_norm_relu
from blemish.networks.resizing import resize_features
from blemish.networks.resnet import BasicBlock

LEAST = 0.1  # share of what comes in that a shut input gate lets through


class Gate(nn.Module):
    """A layer that says which pixels count, from a network's features: (B, C, h, w) -> (B, 1, h, w), 0 to 1."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            conv_norm_relu(channels, hidden, kernel=3), nn.Conv2d(hidden, 1, 1, bias=False), nn.Sigmoid()
        )

    def forward(self, features: Tensor) -> Tensor:
        gate: Tensor = self.layers(features)
        return gate


class Growth(nn.Module):
    """A transposed convolution that gives the finer level's height and width: twice what they are, or one less."""

    def __init__(self, in_channels: int, channels: int, *, bias: bool = False, activates: bool = True) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(in_channels, channels, 3, stride=2, padding=1, output_padding=1, bias=bias)
        self.norm = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True) if activates else nn.Identity()

    def forward(self, x: Tensor, finer: Tensor) -> Tensor:
        """Returns (B, channels, h', w') of (B, in_channels, h, w), where (h', w') are those of `finer`."""
        height, width = finer.shape[-2:]
        activated: Tensor = self.relu(self.norm(self.conv(x)[..., :height, :width]))
        return activated


class GatedStage(nn.Module):
    """A stage that lets the gate weaken what comes in, to LEAST at the most, grows it, and filters.

    A gate on the result would not matter: what is compared is the direction of each pixel's vector, which a factor of
    the pixel does not change. One on what has grown, at the resolution of the very features that are to be
    reconstructed, tells the student where these are unlike good ones, and what it is told it reconstructs.

    A gate that could shut wholly came to shut everywhere but in a corner. Batch norm then stretches the few pixels
    that pass, and where a defect shuts these too, everything that grows from the corner is wrong.
    """

    def __init__(self, grow: Growth, blocks: nn.Module, gate: Gate | None) -> None:
        super().__init__()
        self.grow = grow
        self.blocks = blocks
        self.gate = gate

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        if self.gate is not None:
            gate = resize_features(self.gate(features), (x.shape[-2], x.shape[-1]))
            x = x * (LEAST + (1 - LEAST) * gate)
        filtered: Tensor = self.blocks(self.grow(x, features))
        return filtered


class GrowingPyramid(nn.Module):
    """A row of stages that each pass a gate, grow, and filter."""

    def __init__(
        self, deepest: int, channels: Sequence[int], *, gated: bool, blocks: int, squeeze: int, nonnegative: bool
    ) -> None:
        """Takes `channels` to be reconstructed, finest level first, from `deepest` channels. Each stage has `blocks`
        residual ones; a gate has `squeeze` times fewer channels inside than it looks at; with `nonnegative` results end
        in a ReLU."""
        super().__init__()
        self.stages = nn.ModuleList(
            GatedStage(
                Growth(below, here),
                _residual_blocks(here, count=blocks, nonnegative=nonnegative),
                Gate(here, max(1, here // squeeze)) if gated else None,
            )
            for below, here in _steps(deepest, channels)
        )

    def forward(self, deepest: Tensor, features: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Returns features of the same shapes, finest level first as those given."""
        x, results = deepest, []
        for stage, level in zip(self.stages, reversed(features), strict=True):
            x = stage(x, level)
            results.append(x)
        return tuple(results[::-1])


class GatesBetweenStages(nn.Module):
    """A row of stages with gates on what one hands to the next, as the one public re-implementation that runs has it.

    A first block before the stages grow; biases in the transposed convolutions; a convolution in the shortcut of every
    stage's first block but the coarsest's; no ReLU after the last growth; the first gate weakens, later ones stress.
    """

    def __init__(self, deepest: int, channels: Sequence[int], *, blocks: int, squeeze: int, nonnegative: bool) -> None:
        """Takes what GrowingPyramid takes; the block before the stages is there where they have two."""
        super().__init__()
        coarsest = channels[-1]
        self.opening = nn.Sequential(
            conv_norm_relu(deepest, coarsest, kernel=3), *(BasicBlock(coarsest, coarsest) for _ in range(blocks // 2))
        )
        draw_weights(self.opening)
        steps = _steps(coarsest, channels)
        self.grow = nn.ModuleList(
            Growth(below, here, bias=True, activates=index < len(steps)) for index, (below, here) in enumerate(steps, 1)
        )
        self.blocks = nn.ModuleList(
            _residual_blocks(here, count=blocks, nonnegative=nonnegative, projects=index > 1)
            for index, (_, here) in enumerate(steps, 1)
        )
        self.gates = nn.ModuleList(Gate(here, max(1, here // squeeze)) for _, here in steps[:-1])

    def forward(self, deepest: Tensor, features: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Returns features of the same shapes, finest level first as those given."""
        x, results = self.opening(deepest), []
        coarsest_first = features[::-1]
        for index, (grow, blocks, level) in enumerate(zip(self.grow, self.blocks, coarsest_first, strict=True)):
            if index > 0:
                gated = x * self.gates[index - 1](coarsest_first[index - 1])
                x = gated if index == 1 else gated + x
            x = blocks(grow(x, level))
            results.append(x)
        return tuple(results[::-1])


def _steps(deepest: int, channels: Sequence[int]) -> list[tuple[int, int]]:
    """Returns channels before and after each growth, coarsest first."""
    coarsest_first = channels[::-1]
    return list(zip((deepest, *coarsest_first), coarsest_first, strict=False))


def _residual_blocks(channels: int, *, count: int, nonnegative: bool, projects: bool = False) -> nn.Sequential:
    """Returns the blocks; with `projects` the first one's shortcut is a convolution though no number of channels
    changes."""
    last = BasicBlock if nonnegative else LinearBlock
    blocks = nn.Sequential(*(BasicBlock(channels, channels) for _ in range(count - 1)), last(channels, channels))
    if projects:
        first = blocks[0]
        assert isinstance(first, BasicBlock)
        first.downsample = nn.Sequential(nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels))
    draw_weights(blocks)
    return blocks
