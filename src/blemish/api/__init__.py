"""The one door: every command has its verb here, with the same settings, and calls it."""

from blemish.api.benchmarking import benchmark
from blemish.api.comparing import compare
from blemish.api.demonstrating import demo
from blemish.api.exporting import export, speed, verify
from blemish.api.judging import (
    evaluate,
    open,  # noqa: A004
    predict,
    predict_on_ray,
    report,
    submission,
    summarize,
)
from blemish.api.line import export_history, prune_history, serve, token
from blemish.api.preparing import prepare_brats
from blemish.api.stressing import stress
from blemish.api.synthesizing import roi, synthesize
from blemish.api.training import calibrate, check, train, train_again
from blemish.api.watching import watch

__all__ = [
    "benchmark",
    "calibrate",
    "check",
    "compare",
    "demo",
    "evaluate",
    "export",
    "export_history",
    "open",
    "predict",
    "predict_on_ray",
    "prepare_brats",
    "prune_history",
    "report",
    "roi",
    "serve",
    "speed",
    "stress",
    "submission",
    "summarize",
    "synthesize",
    "token",
    "train",
    "train_again",
    "verify",
    "watch",
]
