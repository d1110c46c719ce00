"""The detector's graph in float32, traced once and cached in RUN/exports/.exact-graph for all exports to come.

Tracing takes 6 to 10 s; every export but torch's begins with the same graph.
"""

import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from blemish.files import write_atomically, write_text
from blemish.model.artifact import Artifact, file_sha256
from blemish.model.exports import EXPORTS_FOLDER
from blemish.version import __version__

EXACT_GRAPH_FOLDER = ".exact-graph"
_GRAPH_FILE = "graph.onnx"
_RECORD_FILE = "graph.json"
_TRACERS = ("torch", "onnxscript")


def exact_graph(artifact: Artifact) -> Path:
    """Returns the cached ONNX file where it is whole and of these weights, settings and versions; else traces it anew.

    Raises what `trace` does, and OutputError.
    """
    cached = cached_graph(artifact)
    if cached is not None:
        return cached
    from blemish.exporting.trace import trace  # torch, which a cached graph needs not

    folder = artifact.folder / EXPORTS_FOLDER / EXACT_GRAPH_FOLDER
    graph = folder / _GRAPH_FILE
    write_atomically(graph, lambda beside: trace(artifact, beside))
    source = {**_source(artifact), "graph_sha256": file_sha256(graph)}
    write_text(folder / _RECORD_FILE, json.dumps(source, indent=2) + "\n")
    return graph


def cached_graph(artifact: Artifact) -> Path | None:
    """Returns the cached ONNX file; None where there is none, or it is damaged, or follows from something else."""
    folder = artifact.folder / EXPORTS_FOLDER / EXACT_GRAPH_FOLDER
    graph = folder / _GRAPH_FILE
    try:
        cached = json.loads((folder / _RECORD_FILE).read_text(encoding="utf-8"))
        whole = cached == {**_source(artifact), "graph_sha256": file_sha256(graph)}
    except (OSError, ValueError, RecursionError):
        return None
    return graph if whole else None


def _source(artifact: Artifact) -> dict[str, Any]:
    """Returns all that the graph follows from, as JSON gives it back."""
    return {
        "weights_sha256": artifact.weights_sha256,
        "method": artifact.method,
        "settings": json.loads(json.dumps(artifact.settings)),
        "frame_size": list(artifact.framing.frame_size),
        "versions": {"blemish": __version__, **installed_versions(_TRACERS)},
    }


def installed_versions(packages: tuple[str, ...]) -> dict[str, str]:
    """Returns the versions of those packages that are installed."""
    found = {}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
