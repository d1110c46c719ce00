"""Visual inspection that learns from good parts only."""

from importlib import import_module
from typing import TYPE_CHECKING

from blemish.version import __version__

if TYPE_CHECKING:
    from blemish.api import benchmark as benchmark
    from blemish.api import calibrate as calibrate
    from blemish.api import check as check
    from blemish.api import compare as compare
    from blemish.api import demo as demo
    from blemish.api import evaluate as evaluate
    from blemish.api import export as export
    from blemish.api import export_history as export_history
    from blemish.api import open as open  # noqa: A004
    from blemish.api import predict as predict
    from blemish.api import predict_on_ray as predict_on_ray
    from blemish.api import prepare_brats as prepare_brats
    from blemish.api import prune_history as prune_history
    from blemish.api import report as write_report
    from blemish.api import roi as roi
    from blemish.api import serve as serve
    from blemish.api import speed as speed
    from blemish.api import stress as stress
    from blemish.api import submission as submission
    from blemish.api import summarize as summarize
    from blemish.api import synthesize as synthesize
    from blemish.api import token as token
    from blemish.api import train as train
    from blemish.api import train_again as train_again
    from blemish.api import verify as verify
    from blemish.api import watch as watch
    from blemish.data.map_files import read_map as read_map
    from blemish.errors import BlemishError as BlemishError
    from blemish.inference.prediction import Prediction as Prediction
    from blemish.inference.predictor import Predictor as Predictor

_PLACES = {
    **{
        verb: ("blemish.api", verb)
        for verb in (
            "train",
            "train_again",
            "open",
            "predict",
            "predict_on_ray",
            "calibrate",
            "check",
            "evaluate",
            "summarize",
            "compare",
            "roi",
            "synthesize",
            "export",
            "verify",
            "watch",
            "benchmark",
            "submission",
            "speed",
            "stress",
            "prepare_brats",
            "demo",
            "serve",
            "token",
            "export_history",
            "prune_history",
        )
    },
    "write_report": ("blemish.api", "report"),  # blemish.report is the room that writes it
    "read_map": ("blemish.data.map_files", "read_map"),
    "BlemishError": ("blemish.errors", "BlemishError"),
    "Prediction": ("blemish.inference.prediction", "Prediction"),
    "Predictor": ("blemish.inference.predictor", "Predictor"),
}

__all__ = [
    "BlemishError",
    "Prediction",
    "Predictor",
    "__version__",
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
    "read_map",
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
    "write_report",
]


def __getattr__(name: str) -> object:
    """Public names are loaded when used: `import blemish` loads no torch."""
    if name not in _PLACES:
        raise AttributeError(f"module 'blemish' has no attribute {name!r}")
    module, attribute = _PLACES[name]
    return getattr(import_module(module), attribute)
