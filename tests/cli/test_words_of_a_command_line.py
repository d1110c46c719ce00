"""What is made of the words of a command line, what its help says, and how commands print paths."""

import ast
import inspect
import shlex
from pathlib import Path

import cyclopts
import pytest

from blemish.cli import app, explain, with_shares
from blemish.cli.help_text import shown_default
from blemish.cli.train import Options
from blemish.detectors import DETECTORS
from blemish.errors import SettingsError
from blemish.training.settings import TrainingSettings
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


@pytest.mark.parametrize(
    "words",
    [
        ("train", "", "run"),
        ("check", ""),
        ("predict", "run", "a.png", ""),
        ("evaluate", "run", ""),
        ("calibrate", "run", "--good", ""),
        ("calibrate", "run", "--good="),
    ],
)
def test_an_empty_path_is_not_the_folder_one_is_in(words: tuple[str, ...]) -> None:
    with pytest.raises(cyclopts.CycloptsError, match="a path is empty"):
        app(words, exit_on_error=False, print_error=False, result_action="return_value")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("train", "mend", "photos", "run", "--steps", "5.5"), "whole number"),
        (("train", "photos", "run", "--batch-size=5.5"), "whole number"),
        (("train", "photos", "run", "--max-megapixels", "5.5"), "whole number"),
        (("benchmark", "root", "out", "--seeds", "1.5"), "whole number"),
        (("check", "/", "--tiles", "5.5"), "tiles is '5.5'"),
    ],
)
def test_no_number_is_rounded_in_silence(words: tuple[str, ...], said: str) -> None:
    with pytest.raises((cyclopts.CycloptsError, SettingsError), match=said):
        app(words, exit_on_error=False, print_error=False, result_action="return_value")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("calibrate", "run", "--false-alarms", "ten"), "'ten' is no number: give one such as 0.01 or 1%"),
        (("train", "photos", "run", "--seed", "1e"), "'1e' is no whole number"),
        (("train", "photos", "run", "--cache-memory", "4GB"), "'4GB' is no number"),
    ],
)
def test_what_is_no_number_is_said_in_a_users_words(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(cyclopts.CycloptsError, match=said):
        app(words, exit_on_error=False, print_error=False, result_action="return_value")


@pytest.mark.parametrize("kind", [Options, TrainingSettings, *(method.Settings for method in DETECTORS.values())])
def test_the_help_of_an_option_is_written_on_one_line(kind: type) -> None:
    """The parser prints it with the spaces that a second line begins with."""
    bodies = [ast.parse(inspect.getsource(base)).body[0] for base in kind.__mro__[:-1]]
    docs = [doc for body in bodies if isinstance(body, ast.ClassDef) for doc in _field_docs(body)]
    assert docs
    assert [doc for doc in docs if "\n" in doc] == []


def _field_docs(body: ast.ClassDef) -> list[str]:
    after = [then for field, then in zip(body.body, body.body[1:], strict=False) if isinstance(field, ast.AnnAssign)]
    return [
        str(then.value.value) for then in after if isinstance(then, ast.Expr) and isinstance(then.value, ast.Constant)
    ]


def test_help_says_all_of_a_docstring_at_any_width() -> None:
    explain(["predict", "run", "--help"])
    command = app["predict"]
    assert command.usage == "Usage: blemish predict RUN [PHOTOS...] [OPTIONS]"
    assert (
        "\n\nExit code: 0 all normal, 1 some not, whatever became of others, 2 some could not be read" in command.help
    )
    assert "\n    Folder for predictions.jsonl and predictions.csv, and for what --save names.\nsave\n" in command.help
    explain(["export", "-h"])
    assert app["export"].usage == "Usage: blemish export RUN --to TO [OPTIONS]"
    explain(["train", "stpm", "--help"])
    assert app["train"]["stpm"].usage == "Usage: blemish train stpm PHOTOS RUN [OPTIONS]"
    explain(["nothing", "--help"])


@pytest.mark.parametrize(
    ("default", "shown"), [(False, None), ((), None), (None, None), (("spot", "stain"), "spot,stain"), (0.25, "0.25")]
)
def test_help_shows_defaults_as_they_are_typed(default: object, shown: str | None) -> None:
    assert shown_default(default) == shown


def test_only_what_is_on_can_be_turned_off() -> None:
    for words in (["evaluate", "run", "test", "--no-report"], ["calibrate", "run", "--no-estimate"]):
        app.parse_args(words, print_error=False, exit_on_error=False)
    for words in (["predict", "run", "--no-level-maps"], ["calibrate", "run", "--empty-good"]):
        with pytest.raises(cyclopts.UnknownOptionError):
            app.parse_args(words, print_error=False, exit_on_error=False)
