"""The house's rules, read off its own source."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "blemish"
FILES = sorted(SOURCE.rglob("*.py"))

# Who may import whom; a room may always import itself and errors.
MAY_IMPORT = {
    "errors": set(),
    "data": set(),
    "networks": set(),
    "synthesis": set(),
    "detectors": {"networks", "synthesis"},
    "inference": {"data", "detectors", "networks"},  # the last two only in torch_runtime.py, see below
    "evaluation": {"inference", "data"},
    "report": {"evaluation", "inference", "data"},
    "exporting": {"evaluation", "inference", "data"},
    "training": {"evaluation", "inference", "data", "detectors", "networks", "synthesis"},
    "api": {"training", "exporting", "evaluation", "inference", "data", "detectors"},
    "cli": {"api", "exporting", "report", "training", "evaluation", "inference", "data", "detectors"},
    "__init__": {"api", "inference"},
    "__main__": {"cli"},
}
TORCH_FREE = ("data", "inference", "evaluation", "report", "exporting", "errors", "__init__", "__main__")
ONLY_ITS_FILE = {"torch_runtime.py", "graph.py"}


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports_of(path: Path, *, at_import: bool = False) -> set[str]:
    """Modules that a file names in import statements; `at_import`: only those that importing it loads."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    lazy: set[ast.AST] = set()
    if at_import:
        for node in ast.walk(tree):
            guard = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
            if guard or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lazy.update(ast.walk(node))
    names = set()
    for node in ast.walk(tree):
        if node in lazy:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(str(node.module))
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_flow_one_way(path: Path) -> None:
    room = room_of(path)
    ours = {name.split(".")[1] for name in imports_of(path) if name.startswith("blemish.")}
    assert ours <= MAY_IMPORT[room] | {room, "errors"}
    if ours & {"detectors", "networks"} and room == "inference":
        assert path.name in ONLY_ITS_FILE


@pytest.mark.parametrize("path", [p for p in FILES if room_of(p) in TORCH_FREE], ids=lambda p: p.name)
def test_inference_and_evaluation_know_no_torch(path: Path) -> None:
    if path.name in ONLY_ITS_FILE:
        return
    assert not {name for name in imports_of(path) if name.split(".")[0] in ("torch", "timm", "torchvision")}
    assert "safetensors.torch" not in imports_of(path)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
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
        "import blemish.cli.commands",
        "import blemish.cli.report",
        "import blemish.cli.benchmark",
        "import blemish.cli.check",
        "import blemish.cli.export",
        "import blemish.exporting.export",
        "import blemish.exporting.proof",
    ],
)
def test_torch_is_not_loaded_by(statement: str) -> None:
    code = f"{statement}; import sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_optional_packages_are_imported_in_one_file_each() -> None:
    expected = {
        "timm": ["timm_backbone.py"],
        "matplotlib": ["svg.py"],
        "jinja2": ["page.py"],
        "onnx": ["formats.py", "quantization.py"],
        "onnxruntime": ["quantization.py", "onnx_runtime.py"],
        "openvino": ["formats.py", "openvino_runtime.py"],
    }
    homes = {name: [p.name for p in FILES if name in {i.split(".")[0] for i in imports_of(p)}] for name in expected}
    assert homes == expected
