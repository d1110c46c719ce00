"""Command names, help lines, import paths: `blemish --help` loads nothing else."""

import typing
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

import cyclopts
from cyclopts import App, Parameter, Token

from blemish.cli.help_text import say_all_of, shown_default
from blemish.version import __version__
from blemish.wording import share_in


def _exactly(kind: Any, tokens: tuple[Token, ...]) -> Any:
    """Returns what words stand for, as the parser takes them, but for 5.5 where a whole number is asked for, which it
    would round, and an empty path, of a variable that is not set, which it would take for the folder one is in."""
    kinds = {kind, *typing.get_args(kind)}
    if Path in kinds and not all(token.value for token in tokens):
        raise ValueError("a path is empty: give a name, and . for the folder you are in")
    if int in kinds and float not in kinds and any(_is_between_numbers(token.value) for token in tokens):
        if str not in kinds:
            raise ValueError("give a whole number")
        return tokens[0].value  # whoever takes words as well says which
    try:
        return cyclopts.convert(kind, tokens)
    except cyclopts.CoercionError as error:
        if str in kinds or not kinds & {int, float}:
            raise
        number = "number" if float in kinds else "whole number"
        share = ": give one such as 0.01 or 1%" if any(token.keyword in _SHARES for token in tokens) else ""
        raise ValueError(f"{tokens[0].value!r} is no {number}{share}") from error


def _is_between_numbers(word: str) -> bool:
    try:
        return float(word) % 1 != 0
    except ValueError:
        return False


app = App(
    name="blemish",
    version=__version__,
    help="Visual inspection that learns from good parts only.",
    help_format="plaintext",
    default_parameter=Parameter(converter=_exactly, negative=(), show_default=shown_default),
)
app.command("blemish.cli.train:train_app", name="train", help="Train a detector on a folder of good photos.")
app.command("blemish.cli.predict:predict", name="predict", help="Judge photos: one line and verdict each.")
app.command("blemish.cli.predict_on_ray:predict_on_ray", name="predict-on-ray", help="Judge photos on many machines.")
app.command("blemish.cli.watch:watch", name="watch", help="Judge photos as they come into a folder.")
app.command("blemish.cli.evaluate:evaluate", name="evaluate", help="Measure a model on photos whose truth is known.")
app.command("blemish.cli.report:report", name="report", help="Write one page on a model, with the photos that matter.")
app.command("blemish.cli.summarize:summarize", name="summarize", help="See how much figures move from seed to seed.")
app.command("blemish.cli.compare:compare", name="compare", help="Tell two models apart on the same test photos.")
app.command("blemish.cli.calibrate:calibrate", name="calibrate", help="Set thresholds anew, without training.")
app.command("blemish.cli.export:export", name="export", help="Make a model serve a PC without torch.")
app.command("blemish.cli.export:verify", name="verify", help="Prove on this machine that exports say the same.")
app.command("blemish.cli.submission:submission", name="submission", help="Write maps for MVTec AD 2's server.")
app.command("blemish.cli.speed:speed", name="speed", help="Measure how fast a model is on this machine.")
app.command("blemish.cli.benchmark:benchmark", name="benchmark", help="Measure methods over a data set, with seeds.")
app.command("blemish.cli.check:check", name="check", help="Look through folders of photos before they are used.")
app.command("blemish.cli.roi:roi", name="roi", help="Propose where the part lies in photos, as a region of interest.")
app.command("blemish.cli.synthesize:synthesize", name="synthesize", help="Make a test of defect sizes, synthetic.")
app.command("blemish.cli.stress:stress", name="stress", help="Measure what changed photos do to a model's errors.")
app.command("blemish.cli.serve:serve", name="serve", help="Serve models over HTTP, with a page and a history.")
app.command("blemish.cli.token:token", name="token", help="Make a token for a user of the server, or take it back.")
app.command("blemish.cli.export_history:export_history", name="export-history", help="Write the history to a table.")
app.command("blemish.cli.prune_history:prune_history", name="prune-history", help="Delete old verdicts and photos.")
app.command(
    "blemish.cli.prepare_brats:prepare_brats", name="prepare-brats", help="Make slices of BraTS's volumes, once."
)
app.command("blemish.cli.demo:demo", name="demo", help="See it all work on made-up parts, in about two minutes.")

_SHARES = ("--false-alarms", "--check", "--held-out", "--contrast", "--draw")


def with_shares(arguments: Sequence[str]) -> list[str]:
    """Returns the words of a command line, as the parser takes them: 1% is 0.01 where an option takes a share, and
    --ray without an address is --ray=local."""
    words: list[str] = []
    for before, word, after in zip(["", *arguments], arguments, [*arguments[1:], "--"], strict=False):
        if word == "--ray" and after.startswith("-"):
            words.append("--ray=local")
            continue
        if word == "-":  # standard input, which the parser would take for an option; as a path it is - again
            words.append("./-")
            continue
        option, equals, value = word.rpartition("=")
        share = share_in(value)
        if share is not None and (option or before) in _SHARES:
            words.append(f"{option}{equals}{share:f}")
        else:
            words.append(word)
    return words


def explain(words: Sequence[str]) -> None:
    """Prepares the help that the words of a command line ask for, if they ask for any."""
    if not {"--help", "-h"} & {*words}:
        return
    command, called = app, list[str]()
    for word in takewhile(lambda word: not word.startswith("-"), words):
        try:
            command = command[word]
        except KeyError:  # a path, or what is no command, as the parser says then
            break
        called.append(word)
        say_all_of(command, called)
