"""One public name has one meaning in the whole package."""

import ast
from pathlib import Path

import pytest

from blemish import api

SOURCE = Path(__file__).parents[1] / "src" / "blemish"
MIGRATIONS = SOURCE / "history" / "migrations"  # where Alembic says what names are
FILES = sorted(path for path in SOURCE.rglob("*.py") if MIGRATIONS not in path.parents)


def public_names(text: str) -> set[str]:
    """What a source defines at top level: classes, functions, constants and aliases without leading underscore."""
    names = set()
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {found.id for target in targets for found in ast.walk(target) if isinstance(found, ast.Name)}
    return {name for name in names if not name.startswith("_")}


def homes_of_names(sources: dict[str, str]) -> dict[str, list[str]]:
    """The files that define each public name, where these are several."""
    homes: dict[str, list[str]] = {}
    for file, text in sources.items():
        for name in public_names(text):
            homes.setdefault(name, []).append(file)
    return {name: files for name, files in homes.items() if len(files) > 1}


def is_a_verb(name: str, files: list[str]) -> bool:
    """Whether a command's function is named as the verb of the one door that it calls, and nothing else is."""
    return name in api.__all__ and len(files) == 2 and {file.split("/")[0] for file in files} == {"api", "cli"}


def test_a_public_name_stands_in_one_file() -> None:
    sources = {path.relative_to(SOURCE).as_posix(): path.read_text(encoding="utf-8") for path in FILES}
    homes = homes_of_names(sources)
    assert {name: files for name, files in homes.items() if not is_a_verb(name, files)} == {}


@pytest.mark.parametrize(
    "text",
    ["Size = tuple[int, int]", "Size: type = int", "class Size: ...", "def Size(): ...", "Size, other = 1, 2"],
)
def test_every_kind_of_name_is_seen(text: str) -> None:
    assert homes_of_names({"data/images.py": "class Size: ...", "detectors/rstpm.py": text}) == {
        "Size": ["data/images.py", "detectors/rstpm.py"]
    }


def test_a_name_with_an_underscore_is_its_files_own() -> None:
    assert public_names("_SIZES = 3\ndef _draw(): ...\nclass _Sheet: ...") == set()
