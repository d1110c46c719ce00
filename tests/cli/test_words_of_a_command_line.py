"""What is done with the words of a command line before they are parsed, and how commands print paths."""

import shlex
from pathlib import Path

import pytest

from blemish.cli import with_shares
from blemish.wording import as_argument


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["--false-alarms", "1%"], ["--false-alarms", "0.01"]),
        (["--false-alarms", "0.5 %"], ["--false-alarms", "0.005"]),
        (["--check=5%"], ["--check=0.05"]),
        (["--held-out", "29%"], ["--held-out", "0.29"]),
        (["--false-alarms", "0.01"], ["--false-alarms", "0.01"]),
    ],
)
def test_an_option_that_takes_a_share_takes_percent(words: list[str], meant: list[str]) -> None:
    assert with_shares(["calibrate", "run", *words]) == ["calibrate", "run", *meant]


def test_a_folder_may_be_called_as_a_percentage_is() -> None:
    assert with_shares(["predict", "5%", "--output", "1%"]) == ["predict", "5%", "--output", "1%"]


@pytest.mark.parametrize("name", ["model", "tire model", "it's", "größe"])
def test_a_path_in_a_printed_command_is_one_word_to_a_shell(name: str) -> None:
    assert shlex.split(f"blemish predict {as_argument(Path('runs') / name)} PHOTOS")[2] == f"runs/{name}"
