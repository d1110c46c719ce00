"""Docstrings are sentences, and what a quality engineer reads is in a quality engineer's words."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from blemish.cli.progress import activity_for_people

SOURCE = Path(__file__).parents[1] / "src" / "blemish"
FILES = sorted(SOURCE.rglob("*.py"))

# What a method of this name does is said where the class it belongs to is declared: torch's Module, Detector, Runtime,
# FeaturePyramid, CheckedRecord, Sink.
SAID_BY_THE_BASE = {"forward", "backward", "features", "level_maps", "stages", "run", "train", "check_values"}
SAID_BY_THE_BASE |= {"pretrained_part", "forward_with_levels", "features_with_stem"}

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
            if "overload" in map(ast.unparse, node.decorator_list):
                continue  # the function below it says what all of its kinds do
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


LAB_WORDS = re.compile(r"\bstudents?\b|\bheld[ -]out\b|\bloss(es)?\b", re.IGNORECASE)
FOR_ML_ENGINEERS = re.compile("for ML engineers", re.IGNORECASE)
# Rooms whose texts reach a terminal or a page; in the last three only what is logged or raised does.
READ_BY_USERS = ("cli", "report", "results", "calibration", "evaluation", "data", "training")
FOR_ML_ENGINEERS_ALONE = {"report/ml_sections.py", "report/published.py"}
ALLOWED = {
    "loss": "a figure's name in the progress of a training: cli/progress.py gives it another on the terminal",
    "validation_loss": "so too",
    "student": "the name of a stage, to be looked up there",
    "training loss": "report/figures.py: the label of a curve in the section for ML engineers",
    "validation loss": "so too",
}


def texts_for_users(path: Path) -> Iterator[str]:
    """The texts of a file that a user may read: strings of commands and pages, help, and what is logged or raised."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    room = path.relative_to(SOURCE).parts[0]
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    no_texts = {
        node.value for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    if room == "cli":
        for node in ast.walk(tree):
            if isinstance(node, documented) and (docstring := ast.get_docstring(node)):
                yield from _help(docstring)
    said = ast.walk(tree) if room in ("cli", "report", "results") else _logged_or_raised(tree)
    for node in said:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in no_texts:
            yield node.value


def _help(docstring: str) -> list[str]:
    """A command's description, and the help of each of its options."""
    lines = docstring.split("\n")
    starts = [i for i, line in enumerate(lines) if line and not line.startswith(" ")]
    return ["\n".join(lines[a:b]) for a, b in zip(starts, [*starts[1:], len(lines)], strict=True)]


def _logged_or_raised(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        logged = isinstance(node, ast.Call) and ast.unparse(node.func).startswith("_log.")
        if logged or isinstance(node, ast.Raise):
            yield from ast.walk(node)


@pytest.mark.parametrize(
    "path",
    [path for path in FILES if path.relative_to(SOURCE).parts[0] in READ_BY_USERS],
    ids=lambda path: path.relative_to(SOURCE).as_posix(),
)
def test_no_text_for_users_has_words_of_the_lab(path: Path) -> None:
    if path.relative_to(SOURCE).as_posix() in FOR_ML_ENGINEERS_ALONE:
        return
    texts = [text for text in texts_for_users(path) if text not in ALLOWED and not FOR_ML_ENGINEERS.search(text)]
    assert [text for text in texts if LAB_WORDS.search(text.replace("--held-out", ""))] == []


def test_the_report_has_words_of_the_lab_in_its_section_for_ml_engineers_alone() -> None:
    page = (SOURCE / "report" / "templates" / "report.html").read_text(encoding="utf-8")
    body = page[page.index("<body>") :]
    section = re.search(r'<section id="ml">.*?</section>', body, re.DOTALL)
    assert section is not None
    assert FOR_ML_ENGINEERS.search(section[0])
    assert not LAB_WORDS.search(body.replace(section[0], ""))


@pytest.mark.parametrize(
    ("activity", "shown"), [("student", "training"), ("brick: student", "brick: training"), ("judging", "judging")]
)
def test_the_terminal_has_other_names_for_the_stages_of_a_training(activity: str, shown: str) -> None:
    assert activity_for_people(activity) == shown
