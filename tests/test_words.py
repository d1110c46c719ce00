"""Docstrings are sentences, and what a quality engineer reads is in a quality engineer's words."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "blemish"
FILES = sorted(SOURCE.rglob("*.py"))

# What a method of this name does is said where the class it belongs to is declared: torch's Module, Detector, Runtime,
# FeaturePyramid, CheckedRecord, Sink.
SAID_BY_THE_BASE = {"forward", "backward", "features", "level_maps", "stages", "run", "train", "check_values"}
SAID_BY_THE_BASE |= {"pretrained_part"}

VERBS = re.compile(
    r"\b(is|are|was|were|has|have|had|can|cannot|may|must|does|do|did|gives?|takes?|took|says?|lies?|holds?|ends?|begins?"
    r"|stays?|stands?|shows?|makes?|reads?|gets?|goes|go|comes?|came|runs?|computes?|contradict|trains|follows?|followed"
    r"|knows?|belongs?|ignores|segments|turns?|agrees?|called|finds?|tells?|expands|sees|means|works|pass|calibrated)\b"
)
COMMANDS = {"Train", "Judge", "Measure", "Write", "See", "Set", "Make", "Prove", "Say", "Look"}
"""The first words of the lines that `blemish --help` shows of commands."""
NO_VERBS = {"Settings", "Photos", "Pixels", "Axis", "Masks", "Features", "Tensors", "Figures", "Scores"}
"""First words that end with s and are nouns."""


def first_sentence(docstring: str) -> str:
    paragraph = " ".join(docstring.split("\n\n")[0].split())
    return re.split(r"(?<=[.!?])\s+(?=[A-Z`(\"])", paragraph)[0]


def is_a_sentence(text: str) -> bool:
    """Whether a text begins with a capital letter, ends with a full stop, and has a verb."""
    words = re.findall(r"[^\W\d_]+", text)
    if not words or not re.match(r"[A-Z]", text) or not text.endswith("."):
        return False
    third_person = words[0].endswith("s") and words[0] not in NO_VERBS
    return third_person or words[0] in COMMANDS or (len(words) > 4 and VERBS.search(text) is not None)


def named(tree: ast.Module | ast.ClassDef, before: str = "") -> Iterator[tuple[str, str | None]]:
    """Public classes and functions, and methods of such classes, with their docstrings."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            yield before + node.name, ast.get_docstring(node)
            if isinstance(node, ast.ClassDef):
                yield from named(node, f"{node.name}.")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_every_public_class_and_function_says_in_a_sentence_what_it_is(path: Path) -> None:
    wrong = {
        name: docstring
        for name, docstring in named(ast.parse(path.read_text(encoding="utf-8")))
        if not (docstring is None and "." in name and name.split(".")[-1] in SAID_BY_THE_BASE)
        and not is_a_sentence(first_sentence(docstring or ""))
    }
    assert wrong == {}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Returns the score of a map (h, w).", True),
        ("A photo that was read and cut into its frames.", True),
        ("Whether the score is above the threshold.", True),
        ("What came of it.", False),
        ("By what the artifact knows of them", False),
        ("Of the JSON file.", False),
        ("better now than late.", False),
        ("Settings of RSTPM.", False),
        ("(B, 1, h, w) of both.", False),
    ],
)
def test_what_a_sentence_is(text: str, sentence: bool) -> None:
    assert is_a_sentence(text) is sentence
