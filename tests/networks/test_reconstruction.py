"""Growing students against layers written out in float64, and what their gates do."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from blemish.networks.discrepancy import unit_vectors
from blemish.networks.reconstruction import Gate, GatedStage, GatesBetweenStages, GrowingPyramid, Growth

DEEPEST, CHANNELS = 6, (4, 5, 7)


def as_if_trained(module: nn.Module) -> nn.Module:
    """Batch norms that differ, as after training, and that take their running statistics."""
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            for tensor, low, high in ((norm.weight, 0.5, 1.5), (norm.bias, -0.2, 0.2), (norm.running_var, 0.5, 2.0)):
                nn.init.uniform_(tensor, low, high)  # type: ignore[arg-type]
    return module.eval()


def growing(*, gated: bool = True, blocks: int = 2, nonnegative: bool = True) -> nn.Module:
    torch.manual_seed(0)
    return as_if_trained(
        GrowingPyramid(DEEPEST, CHANNELS, gated=gated, blocks=blocks, squeeze=1, nonnegative=nonnegative)
    )


def between(*, blocks: int = 2, nonnegative: bool = True) -> nn.Module:
    torch.manual_seed(0)
    return as_if_trained(GatesBetweenStages(DEEPEST, CHANNELS, blocks=blocks, squeeze=1, nonnegative=nonnegative))


def features(*, height: int = 32, width: int = 64, seed: int = 1) -> tuple[Tensor, list[Tensor]]:
    """Deepest features of a photo of this height and width, and the three levels, finest first."""
    generator = torch.Generator().manual_seed(seed)

    def drawn(channels: int, stride: int) -> Tensor:
        return torch.rand(2, channels, -(-height // stride), -(-width // stride), generator=generator)

    return drawn(DEEPEST, 32), [drawn(channels, stride) for channels, stride in zip(CHANNELS, (4, 8, 16), strict=True)]


def results(network: nn.Module, deepest: Tensor, levels: list[Tensor]) -> list[Tensor]:
    with torch.no_grad():
        return list(network(deepest, levels))


@pytest.mark.parametrize("network", [growing(), growing(gated=False, blocks=1), between(), between(blocks=1)])
@pytest.mark.parametrize(("height", "width"), [(64, 96), (150, 202), (33, 65), (70, 54)])
def test_results_have_the_shapes_of_the_features(network: nn.Module, height: int, width: int) -> None:
    deepest, levels = features(height=height, width=width)
    assert [r.shape for r in results(network, deepest, levels)] == [level.shape for level in levels]


def test_growing_to_odd_sizes_computes_what_no_padded_output_would() -> None:
    torch.manual_seed(2)
    growth = as_if_trained(Growth(3, 4))
    x = torch.rand(2, 3, 5, 6)
    with torch.no_grad():
        ours = growth(x, torch.empty(2, 1, 9, 11))
        plain = F.conv_transpose2d(x, growth.conv.weight, stride=2, padding=1)  # type: ignore[union-attr, arg-type]
        torch.testing.assert_close(ours, growth.norm(plain).relu())  # type: ignore[operator]


def test_a_gate_is_two_convolutions_of_the_features_and_a_sigmoid() -> None:
    torch.manual_seed(3)
    gate = as_if_trained(Gate(5, 4)).double()
    x = torch.randn(2, 5, 6, 7, dtype=torch.float64)
    weights = dict(gate.state_dict())
    first, norm, last = weights["layers.0.0.weight"], "layers.0.1.", weights["layers.1.weight"]
    inside = F.conv2d(x, first, padding=1)
    mean, variance = weights[f"{norm}running_mean"], weights[f"{norm}running_var"]
    inside = (inside - mean[:, None, None]) / (variance[:, None, None] + 1e-5).sqrt()
    inside = inside * weights[f"{norm}weight"][:, None, None] + weights[f"{norm}bias"][:, None, None]
    expected = 1 / (1 + torch.exp(-(inside.clamp_min(0) * last[0]).sum(dim=1, keepdim=True)))
    with torch.no_grad():
        torch.testing.assert_close(gate(x), expected)


def test_a_gate_begins_half_open_everywhere() -> None:
    """Drawn like the residual blocks', its last weights would leave nothing but zeros and ones, and no gradient."""
    torch.manual_seed(4)
    with torch.no_grad():
        opened = Gate(256, 256)(torch.rand(2, 256, 8, 8))
    assert 0.1 < float(opened.min()) < float(opened.max()) < 0.9


def test_input_gates_act_on_what_comes_in_at_its_own_resolution() -> None:
    network, (deepest, levels) = growing(), features()
    x, expected = deepest, []
    with torch.no_grad():
        for stage, level in zip(network.stages, levels[::-1], strict=True):  # type: ignore[arg-type]
            assert isinstance(stage, GatedStage)
            assert stage.gate is not None
            gate = F.avg_pool2d(stage.gate(level), 2)
            x = stage.blocks(stage.grow.norm(stage.grow.conv(x * (0.1 + 0.9 * gate))).relu())
            expected.append(x)
    torch.testing.assert_close(results(network, deepest, levels), expected[::-1])


def test_an_input_gate_that_is_shut_lets_a_tenth_through() -> None:
    network, (deepest, levels) = growing(), features()
    stage = network.stages[0]  # type: ignore[index]
    assert isinstance(stage, GatedStage)
    with torch.no_grad():
        expected = stage.blocks(stage.grow.norm(stage.grow.conv(deepest / 10)).relu())
    assert stage.gate is not None
    stage.gate.layers.append(nn.Threshold(torch.inf, 0))  # 0 whatever comes
    torch.testing.assert_close(results(network, deepest, levels)[-1], expected)


def test_gates_between_stages_multiply_first_and_add_later_and_the_finest_features_pass_none() -> None:
    network, (deepest, levels) = between(), features()
    with torch.no_grad():
        (grow3, grow2, grow1), (blocks3, blocks2, blocks1) = network.grow, network.blocks  # type: ignore[misc]
        gate3, gate2 = network.gates  # type: ignore[misc]
        x3 = blocks3(grow3.norm(grow3.conv(network.opening(deepest))).relu())  # type: ignore[operator]
        x2 = blocks2(grow2.norm(grow2.conv(x3 * gate3(levels[2]))).relu())
        x1 = blocks1(grow1.norm(grow1.conv(x2 * gate2(levels[1]) + x2)))
    torch.testing.assert_close(results(network, deepest, levels), [x1, x2, x3])
    others = [torch.rand_like(levels[0]), *levels[1:]]
    assert torch.equal(results(network, deepest, others)[0], x1)


def test_every_input_gate_changes_the_direction_of_its_own_levels_result() -> None:
    """As a gate on the result itself would not: a positive factor per pixel cancels where directions are compared."""
    network, (deepest, levels) = growing(), features()
    before = results(network, deepest, levels)
    gate = torch.rand(2, 1, *before[0].shape[-2:]) + 0.1
    torch.testing.assert_close(unit_vectors(before[0] * gate), unit_vectors(before[0]))
    for level in range(3):
        seen = list(levels)
        seen[level] = torch.rand_like(levels[level])
        after = results(network, deepest, seen)
        assert float((unit_vectors(after[level]) - unit_vectors(before[level])).abs().max()) > 1e-3
        assert all(torch.equal(a, b) for a, b in zip(after[level + 1 :], before[level + 1 :], strict=True))


@pytest.mark.parametrize(("network", "gates"), [(growing(), 3), (between(), 2)], ids=["input", "between"])
def test_a_loss_of_directions_has_a_gradient_in_every_gate(network: nn.Module, gates: int) -> None:
    deepest, levels = features(height=64, width=64)
    network.train()
    reconstructed = network(deepest, levels)
    pairs = zip(levels, reconstructed, strict=True)
    torch.autograd.backward([(1 - (unit_vectors(t) * unit_vectors(r)).sum(dim=1)).mean() for t, r in pairs])
    found = [module for module in network.modules() if isinstance(module, Gate)]
    assert len(found) == gates
    for gate in found:
        assert all(float(p.grad.abs().max()) > 1e-7 for p in gate.parameters() if p.grad is not None)
        assert all(p.grad is not None for p in gate.parameters())


def test_without_gates_only_the_deepest_features_are_looked_at() -> None:
    network, (deepest, levels) = growing(gated=False), features()
    before = results(network, deepest, levels)
    after = results(network, deepest, [torch.rand_like(level) for level in levels])
    assert all(torch.equal(a, b) for a, b in zip(after, before, strict=True))


@pytest.mark.parametrize("build", [growing, between])
def test_results_end_in_a_relu_only_for_features_that_are_never_negative(build: type[nn.Module]) -> None:
    deepest, levels = features()
    assert all(float(r.min()) == 0 for r in results(build(nonnegative=True), deepest, levels))
    assert all(float(r.min()) < 0 for r in results(build(nonnegative=False), deepest, levels))
