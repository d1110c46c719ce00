"""What `--help` says: a command's whole docstring, at any width of the terminal, and defaults as they are typed."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from cyclopts import App


def say_all_of(command: App, words: Sequence[str]) -> None:
    """Lets the help of the command that `words` call say its docstring, rather than the one line that lists it among
    the others, and how it is used."""
    function = command.default_command
    if function is None:
        return
    function.__doc__ = _unfolded(function.__doc__ or "")
    command.help = None
    if command.usage is None:
        command.usage = " ".join(["Usage: blemish", *words, *_places(function), "[OPTIONS]"])


def _places(function: Callable[..., Any]) -> Iterator[str]:
    """Yields what a command must be given, and what else it takes in order."""
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            yield f"[{name.upper()}...]"
        elif parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
            yield name.upper() if parameter.default is inspect.Parameter.empty else f"[{name.upper()}]"
        elif parameter.default is inspect.Parameter.empty:
            yield f"--{name.replace('_', '-')} {name.upper()}"


def shown_default(value: Any) -> str | None:
    """Returns a default as it would be typed; None where there is nothing to type: a flag, or no value."""
    if value is None or isinstance(value, bool) or value == ():
        return None
    if type(value) is tuple:  # not an image size, which says itself how it is typed
        return ",".join(map(str, value))
    return str(value)


def _unfolded(docstring: str) -> str:
    """Returns a docstring with each paragraph, and what it says of each parameter, on one line: the parser prints lines
    as they are, and a terminal of another width would break them a second time."""
    said, heading, parameters = inspect.cleandoc(docstring).partition("\n\nParameters\n")
    paragraphs = [" ".join(paragraph.split("\n")) for paragraph in said.split("\n\n")]
    lines: list[str] = []
    for line in parameters.splitlines():
        if line.startswith(" ") and lines[-1].startswith(" "):
            lines[-1] += f" {line.strip()}"
        else:
            lines.append(line)
    return "\n\n".join(paragraphs) + heading + "\n".join(lines)
