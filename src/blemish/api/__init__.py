"""The one door: every command has its verb here, with the same settings, and calls it."""

from blemish.api.benchmarking import benchmark
from blemish.api.comparing import compare
from blemish.api.exporting import export, speed, verify
from blemish.api.judging import evaluate, open, predict, report, summarize  # noqa: A004
from blemish.api.stressing import stress
from blemish.api.synthesizing import roi, synthesize
from blemish.api.training import calibrate, check, demo, train, train_again
from blemish.api.watching import watch

__all__ = [
    "benchmark",
    "calibrate",
    "check",
    "compare",
    "demo",
    "evaluate",
    "export",
    "open",
    "predict",
    "report",
    "roi",
    "speed",
    "stress",
    "summarize",
    "synthesize",
    "train",
    "train_again",
    "verify",
    "watch",
]
