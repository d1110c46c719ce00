"""Command names, help lines, import paths: `blemish --help` loads nothing else."""

from cyclopts import App

import blemish

app = App(
    name="blemish",
    version=blemish.__version__,
    help="Visual inspection that learns from good parts only.",
    help_format="plaintext",
)
app.command("blemish.cli.train:app", name="train", help="Train a detector on a folder of good photos.")
app.command("blemish.cli.commands:predict", name="predict", help="Judge photos: one line and verdict each.")
app.command("blemish.cli.commands:evaluate", name="evaluate", help="Measure a model on photos whose truth is known.")
app.command("blemish.cli.calibrate:calibrate", name="calibrate", help="Set thresholds anew, without training.")
app.command("blemish.cli.demo:demo", name="demo", help="See it all work on made-up parts, in about two minutes.")
