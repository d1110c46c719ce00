"""Everything that resuming needs, in one file that is replaced as a whole."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from blemish.errors import ArtifactError, OutputError
from blemish.files import write_atomically
from blemish.networks.teacher import Teacher

CHECKPOINT_FILE = "checkpoint.safetensors"
_FORMAT_VERSION = "3"


@dataclass(kw_only=True)
class Checkpoint:
    """Tensors that have names, and the rest as JSON."""

    tensors: dict[str, Tensor] = field(default_factory=dict)
    record: dict[str, Any] = field(default_factory=dict)

    def put(self, prefix: str, values: Mapping[str, Tensor]) -> None:
        """Adds tensors, under names that begin with `prefix`."""
        self.tensors |= {f"{prefix}.{name}": value for name, value in values.items()}

    def take(self, prefix: str) -> dict[str, Tensor]:
        """Returns the tensors that `put` added under that prefix."""
        start = f"{prefix}."
        return {name.removeprefix(start): value for name, value in self.tensors.items() if name.startswith(start)}


def save(checkpoint: Checkpoint, path: Path) -> None:
    """Writes the checkpoint; raises OutputError where the disk is full: an older checkpoint is then still there."""
    # A copy each: safetensors takes neither channels-last nor shared storage.
    tensors = {name: value.detach().cpu().contiguous().clone() for name, value in checkpoint.tensors.items()}
    save_tensors(tensors, path, record=checkpoint.record)


def save_tensors(tensors: dict[str, Tensor], path: Path, *, record: Mapping[str, Any] | None = None) -> None:
    """Writes tensors, and a record in their metadata, whole or not at all; raises OutputError."""
    metadata = {"record": json.dumps(record), "format_version": _FORMAT_VERSION} if record is not None else None

    def write(beside: Path) -> None:
        try:
            save_file(tensors, beside, metadata=metadata)
        except SafetensorError as error:  # how safetensors reports a full disk
            raise OutputError(f"cannot write {path}: {error}; make room or choose another folder") from error

    write_atomically(path, write)


def load(path: Path) -> Checkpoint:
    """Reads a checkpoint; raises ArtifactError where it is damaged, or of another version."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("format_version") != _FORMAT_VERSION:
                raise ArtifactError(f"checkpoint {path} is of another version of blemish: delete it and train anew")
            record = json.loads(metadata["record"])
            # A copy each: what is still mapped onto the file keeps Windows from putting the next one in its place.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
            return Checkpoint(tensors=tensors, record=record)
    except ArtifactError:
        raise
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise ArtifactError(f"checkpoint {path} cannot be read ({error}): delete it and train anew") from error


def optimizer_tensors(optimizer: Optimizer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Returns the optimiser's state as tensors by name, and what of it is no tensor."""
    state = optimizer.state_dict()
    tensors: dict[str, Tensor] = {}
    plain: dict[str, Any] = {}
    for index, values in state["state"].items():
        for name, value in values.items():
            if isinstance(value, Tensor):
                tensors[f"{index}.{name}"] = value
            else:
                plain[f"{index}.{name}"] = value
    return tensors, {"state": plain, "param_groups": state["param_groups"]}


def restore_optimizer(optimizer: Optimizer, tensors: Mapping[str, Tensor], rest: Mapping[str, Any]) -> None:
    """Gives an optimiser the state that `optimizer_tensors` returned."""
    state: dict[int, dict[str, Any]] = {}
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for name, value in {**tensors, **rest["state"]}.items():
        index, key = name.split(".", 1)
        state.setdefault(int(index), {})[key] = _laid_out_as(parameters[int(index)], value)
    optimizer.load_state_dict({"state": state, "param_groups": rest["param_groups"]})


def _laid_out_as(parameter: Tensor, value: Any) -> Any:
    """Returns the value channels last where the parameter is: otherwise every step of a resumed run would be slower."""
    fits = isinstance(value, Tensor) and value.shape == parameter.shape
    return torch.empty_like(parameter).copy_(value) if fits else value


def copy_weights(module: nn.Module) -> dict[str, Tensor]:
    """Returns copies of a module's tensors, by name."""
    return {name: value.detach().clone() for name, value in module.state_dict().items()}


def without_teachers(module: nn.Module) -> dict[str, Tensor]:
    """Returns a module's tensors but those of frozen teachers, which their files' checksums pin."""
    teachers = _teachers(module)
    return {name: value for name, value in module.state_dict().items() if not name.startswith(teachers)}


def restore_detector(module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Loads what `without_teachers` gave, and nothing else; raises ArtifactError."""
    lacking, unknown = module.load_state_dict(tensors, strict=False)
    teachers = _teachers(module)
    wrong = [*unknown, *(name for name in lacking if not name.startswith(teachers))]
    if wrong:
        raise ArtifactError(f"the checkpoint is of another detector ({wrong[0]}): delete it and train anew")


def _teachers(module: nn.Module) -> tuple[str, ...]:
    return tuple(f"{name}." for name, found in module.named_modules() if isinstance(found, Teacher))
