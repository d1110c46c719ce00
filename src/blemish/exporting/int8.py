"""A graph in int8, by ONNX Runtime's static quantisation; OpenVINO reads the same graph."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blemish.errors import MissingExtraError

CONVOLUTIONS = frozenset({"Conv", "ConvTranspose"})


def quantize(graph: Path, into: Path, images: Iterable[NDArray[np.float32]]) -> None:
    """Rounds the convolutions of `graph` but for the first ones, to the ranges that `images` (1, 3, H, W) bring about.

    What no convolution depends on, the comparison of teacher and student and the maps, stays in float32: a product of
    distances has no range of 256 steps to be told in. So do the convolutions of the pixels themselves: to round them
    moved the scores most (correlation of ranks .91 without, .99 with them in float32, measured on STPM).
    """
    try:
        import onnx
        from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    except ImportError as error:
        raise MissingExtraError(package="onnx with onnxruntime", extra="export", purpose="int8") from error

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._images: Iterator[NDArray[np.float32]] = iter(images)

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            image = next(self._images, None)
            return None if image is None else {"images": image}

    with _quiet():
        quantize_static(
            graph,
            into,
            Reader(),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=exact_nodes(onnx.load(graph, load_external_data=False).graph),
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences the root logger, which advises to fold batch norms first, as tracing has done."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def exact_nodes(graph: Any) -> list[str]:
    """Returns the names of the ONNX nodes that are not to be rounded."""
    makers = {output: node for node in graph.node for output in node.output}
    convolutions = [node for node in graph.node if node.op_type in CONVOLUTIONS]
    before = [_before(node, makers) for node in convolutions]
    first = [node.name for node, behind in zip(convolutions, before, strict=True) if not _convolve(behind)]
    needed = {node.name for node in convolutions}.union(*before)
    return first + [node.name for node in graph.node if node.name not in needed]


def _before(node: Any, makers: dict[str, Any]) -> dict[str, str]:
    """Returns names and kinds of all nodes that this one depends on."""
    found: dict[str, str] = {}
    waiting = list(node.input)
    while waiting:
        maker = makers.get(waiting.pop())
        if maker is not None and maker.name not in found:
            found[maker.name] = maker.op_type
            waiting += maker.input
    return found


def _convolve(kinds: dict[str, str]) -> bool:
    return not CONVOLUTIONS.isdisjoint(kinds.values())
