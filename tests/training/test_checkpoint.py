"""What resuming reads."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from blemish.errors import ArtifactError
from blemish.training.checkpoint import Checkpoint, load, save


def test_a_checkpoint_of_another_format_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    save_file({"best.weight": torch.zeros(1)}, path, metadata={"record": "{}"})
    with pytest.raises(ArtifactError, match=r"^checkpoint [^ ]* is of another version of blemish"):
        load(path)


def test_a_checkpoint_once_read_does_not_lie_in_its_file(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    save(Checkpoint(tensors={"best.weight": torch.arange(5000.0)}), path)
    loaded = load(path)
    size = path.stat().st_size
    with path.open("r+b") as file:  # as no save of ours does: they put another file in its place
        file.seek(size - 4 * 5000)
        file.write(bytes(4 * 5000))
    assert torch.equal(loaded.tensors["best.weight"], torch.arange(5000.0))
