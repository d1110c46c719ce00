"""Damaged models, exports and weights of teachers, for hostile_inputs.py."""

import hashlib
import json
import os
import random
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from damage import damaged, damaged_json

from blemish.data.dataset import Dataset

Use = Callable[[], object]
Trial = Callable[[random.Random], tuple[bytes, Use]]
"""Random numbers -> (a damaged file, what a command would do with it)."""

EXPORTED = {"onnx": "int8", "openvino": "fp32"}  # the first has thresholds of its own


def make_model(folder: Path, parts: Dataset) -> None:
    """A model of two steps, exported, and a teacher's weights as they were drawn."""
    import torch
    from safetensors.torch import save_file

    import blemish
    from blemish.networks import build_backbone

    blemish.train("stpm", parts, folder / "model", teacher="efficientnet_lite0", image_size=64, steps=2)
    for runtime, precision in EXPORTED.items():
        blemish.export(folder / "model", to=runtime, precision=precision)
    weights = build_backbone("efficientnet_lite0", levels=3).state_dict()
    save_file(weights, folder / "teacher.safetensors")
    torch.save(weights, folder / "teacher.pth")


def model_trial(folder: Path, *, damage_weights: bool) -> Trial:
    """Opens a model of which one file is damaged, and judges a photo with it; of weights, the checksum is mended."""
    model = Path(shutil.copytree(folder / "model", folder / f"model-{os.getpid()}"))
    description, weights = model / "model.json", model / "weights.safetensors"
    text, tensors = description.read_text(), weights.read_bytes()
    header = 8 + int.from_bytes(tensors[:8], "little")
    use = partial(judge, model, runtime="torch", precision="fp32")
    use()  # loads what is loaded once

    def trial(rng: random.Random) -> tuple[bytes, Use]:
        if not damage_weights:
            data = damaged_json(text, rng)
            description.write_bytes(data)
            return data, use
        in_header = rng.random() < 0.6
        head = damaged(tensors[:header], [tensors[:header]], rng) if in_header else tensors[:header]
        data = head + (tensors[header:] if in_header else damaged(tensors[header:], [tensors[:header]], rng))
        weights.write_bytes(data)
        mended = json.loads(text) | {"weights_sha256": hashlib.sha256(data).hexdigest()}
        description.write_text(json.dumps(mended))
        return data, use

    return trial


def export_trial(folder: Path, *, runtime: str, damage_graph: bool) -> Trial:
    """The same of a model's export; of the graph's files, the checksum is mended."""
    model = Path(shutil.copytree(folder / "model", folder / f"model-{os.getpid()}"))
    precision = EXPORTED[runtime]
    export = model / "exports" / f"{runtime}-{precision}"
    text = (export / "export.json").read_text()
    graphs = {name: (export / name).read_bytes() for name in json.loads(text)["graph"]}
    use = partial(judge, model, runtime=runtime, precision=precision)
    use()

    def trial(rng: random.Random) -> tuple[bytes, Use]:
        if not damage_graph:
            data = damaged_json(text, rng)
            (export / "export.json").write_bytes(data)
            return data, use
        values = json.loads(text)
        name = rng.choice(list(graphs))
        for other, whole in graphs.items():
            (export / other).write_bytes(whole)
        part = rng.choice((len(graphs[name]), 20_000))
        data = damaged(graphs[name][:part], [graphs[name][:500]], rng) + graphs[name][part:]
        (export / name).write_bytes(data)
        values["graph"][name] = hashlib.sha256(data).hexdigest()
        (export / "export.json").write_text(json.dumps(values))
        return data, use

    return trial


def judge(model: Path, *, runtime: str, precision: str) -> None:
    from blemish.inference import open_predictor

    predictor = open_predictor(model, runtime=runtime, precision=precision, device="cpu")
    predictor.calibration.statement()
    json.dumps(predictor.predict(np.zeros((48, 48, 3), np.uint8)).to_json(), allow_nan=False)


def teacher_trial(folder: Path, *, suffix: str) -> Trial:
    """Loads a damaged file of a teacher's weights."""
    from blemish.networks import build_backbone
    from blemish.networks.pretrained import load_weights, read_weights

    network = build_backbone("efficientnet_lite0", levels=3)
    whole = (folder / f"teacher{suffix}").read_bytes()
    path = folder / f"{os.getpid()}{suffix}"

    def trial(rng: random.Random) -> tuple[bytes, Use]:
        part = rng.choice((len(whole), 20_000))  # most that can break is where the file begins
        data = damaged(whole[:part], [whole[:500]], rng) + whole[part:]
        path.write_bytes(data)
        return data, lambda: load_weights(network, read_weights(path))

    return trial
