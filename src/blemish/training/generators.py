"""Torch's random numbers, each stretch of them from a seed of its own."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Generator

from blemish.training.seeds import seed_of


def seed_torch(seed: int, device: torch.device) -> None:
    """Seeds torch's own generators of the processor and of `device`, and those of no other GPU."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)


@contextmanager
def own_random_numbers(device: torch.device) -> Iterator[None]:
    """Gives torch's own generators back, when it closes, as they were: they are the caller's."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        yield


def step_generator(seed: int, *, stage: int, step: int, rank: int, device: torch.device) -> Generator:
    """Returns what a step draws from, on the device: it depends on the step alone, so that nothing of it is saved.

    Torch's own generators, which dropout would draw from, are seeded too.
    """
    own = seed_of("step", seed, stage, step, rank)
    seed_torch(own, device)
    return Generator(device).manual_seed(own)
