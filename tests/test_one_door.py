"""Every command has a verb in Python with the same settings, and hands each of them on."""

import ast
import inspect
from collections.abc import Callable
from dataclasses import asdict, fields
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import blemish
from blemish import api
from blemish.cli import train as training_commands
from blemish.detectors import DEFAULT_METHOD, DETECTORS
from blemish.training.settings import TrainingSettings

COMMANDS: dict[str, tuple[str, str, Callable[..., Any]]] = {  # command: (file, function, verb)
    "predict": ("predict", "predict", api.predict),
    "predict-on-ray": ("predict_on_ray", "predict_on_ray", api.predict_on_ray),
    "watch": ("watch", "watch", api.watch),
    "evaluate": ("evaluate", "evaluate", api.evaluate),
    "report": ("report", "report", api.report),
    "compare": ("compare", "compare", api.compare),
    "summarize": ("summarize", "summarize", api.summarize),
    "calibrate": ("calibrate", "calibrate", api.calibrate),
    "export": ("export", "export", api.export),
    "verify": ("export", "verify", api.verify),
    "benchmark": ("benchmark", "benchmark", api.benchmark),
    "submission": ("submission", "submission", api.submission),
    "speed": ("speed", "speed", api.speed),
    "check": ("check", "check", api.check),
    "roi": ("roi", "roi", api.roi),
    "stress": ("stress", "stress", api.stress),
    "synthesize": ("synthesize", "synthesize", api.synthesize),
    "prepare-brats": ("prepare_brats", "prepare_brats", api.prepare_brats),
    "demo": ("demo", "demo", api.demo),
    "serve": ("serve", "serve", api.serve),
    "token": ("token", "token", api.token),
    "export-history": ("export_history", "export_history", api.export_history),
    "prune-history": ("prune_history", "prune_history", api.prune_history),
}
RENAMED = {("evaluate", "run"): "model", ("evaluate", "test_folder"): "photos", ("check", "folders"): "folder"}
"""What a verb takes under a wider name: a Predictor too, a Dataset too; one folder at a time."""
OF_TRAINING = {
    ("check", name)
    for name in (
        *("keep", "held_out", "part", "image_size", "aspect", "tiles", "overlap", "max_megapixels"),
        *("pages", "channels", "white_level"),
    )
}
"""Settings of training, which a verb takes as **settings."""
OTHER_DEFAULTS = {
    ("evaluate", "output"): "the command leaves its figures in RUN/evaluation, a program has them in hand",
    ("evaluate", "report"): "as output",
    ("report", "run"): "",
}


def command_of(name: str) -> Callable[..., int]:
    file, function, _ = COMMANDS[name]
    found: Callable[..., int] = getattr(import_module(f"blemish.cli.{file}"), function)
    return found


def names_of(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(function).parameters)


def test_every_command_is_here() -> None:
    from blemish.cli import app

    shown = {name for name in app.resolved_commands() if not name.startswith("-")}
    assert shown == {*COMMANDS, "train"}


@pytest.mark.parametrize("name", COMMANDS)
def test_command_and_verb_have_the_same_settings(name: str) -> None:
    command, verb = names_of(command_of(name)), names_of(COMMANDS[name][2])
    wanted = {RENAMED.get((name, setting), setting) for setting in command if (name, setting) not in OF_TRAINING}
    assert wanted == set(verb) - {"on_progress", "settings"}
    assert ("settings" in verb) == any(of == name for of, _ in OF_TRAINING)


@pytest.mark.parametrize("name", COMMANDS)
def test_command_and_verb_have_the_same_defaults(name: str) -> None:
    command, verb = names_of(command_of(name)), names_of(COMMANDS[name][2])
    for setting, parameter in command.items():
        if (name, setting) in OTHER_DEFAULTS or (name, setting) in OF_TRAINING:
            continue
        own = verb[RENAMED.get((name, setting), setting)]
        if parameter.kind is not inspect.Parameter.VAR_POSITIONAL:
            default = str(parameter.default) if isinstance(parameter.default, Path) else parameter.default
            assert own.default == default, f"{name} --{setting}"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_hands_every_setting_to_its_verb(name: str) -> None:
    command, verb = command_of(name), COMMANDS[name][2].__name__
    (tree,) = ast.parse(inspect.getsource(command)).body
    (call,) = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n.func) == f"api.{verb}"]
    handed = {keyword.arg for keyword in call.keywords}
    positional = len(call.args)
    for place, setting in enumerate(names_of(command)):
        if (name, setting) not in OF_TRAINING:  # test_check_answers_for_the_training_that_will_be tries those
            assert place < positional or setting in handed, f"--{setting} goes nowhere"
    assert not [n for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n.func).startswith("blemish.")], (
        "a command goes round the door"
    )


@pytest.mark.parametrize("method", DETECTORS)
def test_training_takes_every_setting_by_command_and_by_name(method: str) -> None:
    shown = training_commands.train_app[method].assemble_argument_collection()
    options = {name.lstrip("-").replace("-", "_") for argument in shown for name in argument.names}
    settings = {field.name for kind in (DETECTORS[method].Settings, TrainingSettings) for field in fields(kind)}
    verb = set(names_of(api.train)) - {"method", "on_progress", "settings"}
    assert {name.split(".")[-1] for name in options} >= settings | verb - {"photos", "run"}
    again = names_of(api.train_again).keys() - {"on_progress"}
    assert {"run_file" if n == "run_file" else n for n in names_of(training_commands.again)} == again


@pytest.mark.parametrize("method", DETECTORS)
@pytest.mark.parametrize("words", [["good", "run"], ["good", "run", "--seed", "1"]])
def test_one_setting_of_training_leaves_the_others_as_the_method_has_them(
    method: str, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}
    monkeypatch.setattr(api, "train", lambda *_, **settings: asked.update(settings))
    monkeypatch.setattr(training_commands, "_show", lambda train: train(None) or 0)
    for command in [[method, *words], words][: 1 + (method == DEFAULT_METHOD)]:
        training_commands.train_app(command, result_action="return_value")
        wanted = {**asdict(TrainingSettings(**DETECTORS[method].training_defaults)), "seed": int("--seed" in words)}
        assert {name: asked[name] for name in wanted} == wanted


def test_what_a_program_imports_is_the_door() -> None:
    for verb in set(api.__all__) - {"report"}:
        assert getattr(blemish, verb) is getattr(api, verb)
        assert verb in blemish.__all__
    assert blemish.write_report is api.report
