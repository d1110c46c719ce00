"""Visual inspection that learns from good parts only."""

from importlib import import_module
from typing import TYPE_CHECKING

from blemish.version import __version__

if TYPE_CHECKING:
    from blemish.api import calibrate as calibrate
    from blemish.api import check as check
    from blemish.api import evaluate as evaluate
    from blemish.api import export as export
    from blemish.api import open as open  # noqa: A004
    from blemish.api import train as train
    from blemish.api import verify as verify
    from blemish.errors import BlemishError as BlemishError
    from blemish.inference.prediction import Prediction as Prediction
    from blemish.inference.predictor import Predictor as Predictor

_PLACES = {
    "train": "blemish.api",
    "open": "blemish.api",
    "calibrate": "blemish.api",
    "check": "blemish.api",
    "evaluate": "blemish.api",
    "export": "blemish.api",
    "verify": "blemish.api",
    "BlemishError": "blemish.errors",
    "Prediction": "blemish.inference.prediction",
    "Predictor": "blemish.inference.predictor",
}

__all__ = [
    "BlemishError",
    "Prediction",
    "Predictor",
    "__version__",
    "calibrate",
    "check",
    "evaluate",
    "export",
    "open",
    "train",
    "verify",
]


def __getattr__(name: str) -> object:
    """Public names are loaded when used: `import blemish` loads no torch."""
    if name not in _PLACES:
        raise AttributeError(f"module 'blemish' has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)
