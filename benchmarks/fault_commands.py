"""The command line of the scripts that bring faults about: a kind of fault, a model, photos, and how often."""

import argparse
from collections.abc import Callable
from pathlib import Path

Work = Callable[[argparse.Namespace], None]


def run_asked(words: str | None, *kinds: Work, photos: int) -> None:
    """Runs the kind of fault whose function's name was typed; `photos` are as many as there are unless others are asked
    for."""
    parser = argparse.ArgumentParser(description=words, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for work in kinds:
        one = commands.add_parser(work.__name__)
        one.set_defaults(work=work)
        one.add_argument("run", type=Path)
        one.add_argument("photos_in", type=Path, metavar="PHOTOS")
        one.add_argument("--rounds", type=int, default=10)
        one.add_argument("--photos", type=int, default=photos)
        one.add_argument("--seed", type=int, default=0)
        one.add_argument("--runtime", default="auto")
    options = parser.parse_args()
    options.work(options)
