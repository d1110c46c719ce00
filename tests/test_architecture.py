"""The house's rules, read off its own source."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from bare import Bare

SOURCE = Path(__file__).parents[1] / "src" / "blemish"
FILES = sorted(SOURCE.rglob("*.py"))

# The floors, from the top down: a room imports from floors below its own alone, and from its own room.
FLOORS = (
    ("__main__",),
    ("cli",),
    ("__init__",),  # what `import blemish` gives: names that are loaded when they are used
    ("api",),
    ("server", "watching"),
    ("studies",),
    ("training", "exporting", "report"),
    ("results",),
    ("history",),
    ("evaluation",),
    ("calibration",),
    ("inference",),
    ("detectors",),
    ("model",),
    ("data", "networks", "synthesis", "metrics"),
    ("records",),
    ("cluster",),
    ("file_lock", "files", "process", "progress", "troubles"),
    ("errors",),
    ("version", "wording"),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
NEEDS_TORCH = {"detectors", "networks", "synthesis", "training"}
ONLY_ITS_FILE = {"inference/torch_runtime.py", "exporting/trace.py"}
"""The files outside those rooms that may import torch; each is imported only by who has asked for it."""


def name_of(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


MODULES = {
    "blemish." + name_of(path).removesuffix(".py").replace("/", ".").removesuffix(".__init__"): path for path in FILES
}


def lazy_nodes(tree: ast.AST) -> set[ast.AST]:
    """What importing a file does not run: functions' bodies, and what is for type checkers alone."""
    lazy: set[ast.AST] = set()
    for node in ast.walk(tree):
        guard = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        if guard or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lazy.update(ast.walk(node))
    return lazy


@cache
def imports_of(text: str, *, at_import: bool = False) -> frozenset[str]:
    """Modules that a source names, in import statements and in strings such as `blemish.cli.train:app`.

    `from blemish.data import folder` names blemish.data.folder, a module. `at_import`: only those that importing
    it loads.
    """
    tree = ast.parse(text)
    lazy = lazy_nodes(tree) if at_import else set()
    names = set()
    for node in ast.walk(tree):
        if node in lazy:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            for full in (f"{node.module}.{alias.name}" for alias in node.names):
                names.add(full if full in MODULES else str(node.module))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and not at_import:
            named = re.fullmatch(r"(blemish(?:\.\w+)*)(?::\w+)?", node.value)
            names |= {named[1]} if named and (named[1] != "blemish" or not _is_a_name(tree, node)) else set()
    return frozenset(names)


def _is_a_name(tree: ast.AST, text: ast.Constant) -> bool:
    """Whether the word blemish stands for something else than a module: everywhere but in import_module(...)."""
    calls = (n for n in ast.walk(tree) if isinstance(n, ast.Call) and text in n.args)
    return not any(ast.unparse(call.func).endswith("import_module") for call in calls)


def rooms_named(text: str) -> set[str]:
    ours = {name for name in imports_of(text) if name.split(".")[0] == "blemish"}
    rooms = {name.split(".")[1] for name in ours if "." in name} & set(FLOOR)
    return rooms | ({"__init__"} if "blemish" in ours and not rooms else set())


def climbs(room: str, text: str) -> set[str]:
    """The rooms that a source in `room` names and that are not below it."""
    return {other for other in rooms_named(text) if other != room and FLOOR[other] <= FLOOR[room]}


def test_every_room_has_a_floor() -> None:
    assert {room_of(path) for path in FILES} == set(FLOOR)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_run_down(path: Path) -> None:
    assert climbs(room_of(path), path.read_text(encoding="utf-8")) == set()


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("model", "import blemish\nblemish.__version__"),
        ("model", "from blemish import api"),
        ("data", "from blemish.inference import open_predictor"),
        ("data", "import blemish.inference.predictor"),
        ("data", "import_module('blemish.detectors.stpm')"),
        ("training", "APP = 'blemish.cli.train:app'"),
        ("data", "def late():\n    from blemish.training.train import train_detector"),
        ("data", "from blemish.networks import build_backbone"),
    ],
)
def test_an_import_that_climbs_is_seen(room: str, source: str) -> None:
    assert climbs(room, source)


def test_no_import_goes_round_in_a_circle() -> None:
    arrows = {
        module: imports_of(path.read_text(encoding="utf-8"), at_import=True) & MODULES.keys()
        for module, path in MODULES.items()
    }
    done: set[str] = set()

    def visit(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, " -> ".join((*way[way.index(module) :], module))
        if module not in done:
            for other in arrows[module] - {module}:
                visit(other, (*way, module))
            done.add(module)

    for module in MODULES:
        visit(module, ())


@pytest.mark.parametrize("path", [p for p in FILES if room_of(p) not in NEEDS_TORCH], ids=name_of)
def test_what_judges_and_measures_knows_no_torch(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if name_of(path) in ONLY_ITS_FILE:
        return
    assert not {name for name in imports_of(text) if name.split(".")[0] in ("torch", "timm", "torchvision")}
    assert "safetensors.torch" not in imports_of(text)
    if room_of(path) == "inference":
        assert not rooms_named(text) & NEEDS_TORCH


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_files_and_functions_are_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node) is not None
            body = node.body[1:] if docstring else node.body
            length = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
            assert length <= 40, f"{node.name} has {length} lines"


def test_no_file_has_a_name_that_says_nothing() -> None:
    assert not {p.stem for p in FILES} & {"utils", "core", "common", "helpers", "manager", "misc"}


@pytest.mark.parametrize(
    "statement",
    [
        "import blemish",
        "from blemish.cli import app",
        "import blemish.inference",
        "import blemish.data",
        "import blemish.evaluation.evaluate",
        "import blemish.results.folder",
        "import blemish.cli.predict",
        "import blemish.cli.report",
        "import blemish.cli.speed",
        "import blemish.cli.check",
        "import blemish.cli.stress",
        "import blemish.studies.stress",
        "import blemish.cli.export",
        "import blemish.exporting.make",
        "import blemish.exporting.proof",
        "import blemish.server.serving",
        "import blemish.watching.live",
    ],
)
def test_torch_is_not_loaded_by(statement: str, bare: Bare) -> None:
    assert bare.run(f"{statement}; import sys; sys.exit('torch' in sys.modules)") == (0, [], [])


def test_how_many_threads_there_are_is_asked_in_one_place_that_knows_of_containers() -> None:
    asking = [name_of(path) for path in FILES if re.search(r"cpu_count|sched_getaffinity", path.read_text("utf-8"))]
    assert asking == [name_of(SOURCE / "process.py")]


def test_optional_packages_are_imported_in_one_file_each() -> None:
    expected = {
        "timm": ["timm_backbone.py"],
        "matplotlib": ["svg.py"],
        "jinja2": ["rendering.py"],
        "onnx": ["int8.py", "writers.py"],
        "onnxruntime": ["int8.py", "onnx_runtime.py"],
        "openvino": ["openvino_untold.py"],
        "ray": ["joining.py"],
        "fsspec": ["stores.py"],
        "paho": ["mqtt.py"],
        "prometheus_client": ["measures.py"],
        "pyarrow": ["tables.py", "parts.py"],
        "uvicorn": ["serving.py"],
        "watchfiles": ["events.py"],
    }
    texts = {path.name: path.read_text(encoding="utf-8") for path in FILES}
    homes = {
        package: [file for file, text in texts.items() if package in {i.split(".")[0] for i in imports_of(text)}]
        for package in expected
    }
    assert homes == expected
