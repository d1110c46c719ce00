"""Streams of random numbers that share nothing."""

import itertools

import torch

from blemish.training.generators import step_generator
from blemish.training.seeds import seed_of

CPU = torch.device("cpu")


def test_every_purpose_seed_stage_step_and_process_has_a_stream_of_its_own() -> None:
    places = list(itertools.product(range(4), range(3), range(5), range(2)))
    steps = {seed_of("step", *place) for place in places}
    orders = {seed_of("order", *place[:3]) for place in places}
    others = {seed_of(stream, seed) for stream in ("weights", "split", "textures") for seed in range(4)}
    assert len(steps | orders | others) == 4 * 3 * 5 * 2 + 4 * 3 * 5 + 3 * 4
    assert seed_of("step", 0, 1, 0) != seed_of("step", 1, 0, 0)
    assert all(0 <= seed < 1 << 63 for seed in steps)


def test_a_step_draws_the_same_again_and_another_step_something_else() -> None:
    def draw(step: int, rank: int = 0) -> tuple[list[float], list[float]]:
        generator = step_generator(0, stage=0, step=step, rank=rank, device=CPU)
        return torch.rand(3, generator=generator).tolist(), torch.rand(3).tolist()

    with torch.random.fork_rng([]):
        assert draw(1) == draw(1)
        assert all(one != two for one, two in zip(draw(1), draw(2), strict=True))
        assert all(one != two for one, two in zip(draw(1), draw(1, rank=1), strict=True))  # nor two processes
