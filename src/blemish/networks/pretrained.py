"""Finds the file of pretrained weights, checks it, loads it, or says where to get it.

Places, in order: the file the user gives; the folder $BLEMISH_WEIGHTS; the user's cache; the Python package that
carries the weights; the official address, unless $BLEMISH_OFFLINE is set.
"""

import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple, Self

import platformdirs
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from blemish.errors import MissingExtraError, WeightsError
from blemish.networks.web import ask
from blemish.wording import some_of

OnDownload = Callable[[int, int | None], None]
"""(bytes so far, bytes in all where the server says) -> None; called a few times a second at most."""

PROGRESS_SECONDS = 0.25
CHUNK = 1 << 18
WAYS_OUT = (
    "give a file with --teacher-weights FILE, or take the embedded teacher with --teacher efficientnet_lite0 "
    "(where a method has two teachers: a file each, in order; or --second-teacher)"
)


@dataclass(frozen=True, kw_only=True)
class WeightsSource:
    """The place that a backbone's official weights come from: a web address or a Python package."""

    file_name: str
    """Official name: a file found under this name must be the official one."""
    sha256: str
    url: str | None = None
    package: str | None = None
    """Importable name; it is located, never imported."""


@dataclass(frozen=True, kw_only=True)
class WeightsFile:
    """A weights file that was found."""

    path: Path
    sha256: str
    origin: str
    """The kind of place it came from, for the record; names no folder of this machine."""

    @classmethod
    def of(cls, path: Path, *, origin: str) -> Self:
        """Returns the file with its checksum; raises WeightsError where it cannot be read."""
        try:
            with path.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise WeightsError(f"weights file {path} cannot be read: {error.strerror}") from error
        return cls(path=path, sha256=digest, origin=origin)


def find_weights(
    name: str,
    source: WeightsSource,
    *,
    file: Path | None = None,
    download: bool = True,
    on_progress: OnDownload | None = None,
) -> WeightsFile:
    """Returns the weights of backbone `name`, from the first place that has them; of the web only with `download`.

    Raises WeightsError naming every place tried; at once where what the user gave does not exist or where a file under
    the official name is not the official one. Raises MissingExtraError where the package is not installed.
    """
    if file is not None:
        return given_weights(file)
    if (kept := kept_weights(name, source)) is not None:
        return _checked(WeightsFile.of(kept.path, origin=f"{kept.place} {kept.path.name}"), source)
    names = ", ".join(_names(name, source))
    tried = [
        f"{place} (not set)" if folder is None else f"{place} {folder} (no {names})" for place, folder in _folders()
    ]
    if source.package is not None:
        return _packaged(name, source, package=source.package)
    if source.url is not None and not download:
        tried.append(f"{source.url} (not asked: training would)")
    elif source.url is not None:
        try:
            return _download(source.url, source, on_progress=on_progress)
        except (OSError, HTTPException, ValueError) as error:
            tried.append(f"{source.url} ({_one_line(error)})")
    raise WeightsError(f"no weights for teacher {name}: tried {'; '.join(tried)}; {WAYS_OUT}")


class KeptWeights(NamedTuple):
    """Weights that lie on this machine: a file, and the kind of place that it lies in."""

    path: Path
    place: str


def kept_weights(name: str, source: WeightsSource) -> KeptWeights | None:
    """Returns the file of backbone `name` that $BLEMISH_WEIGHTS or the cache holds, unread; None where none does."""
    for place, folder in _folders():
        paths = [] if folder is None else [folder / each for each in _names(name, source)]
        if (path := next((path for path in paths if path.is_file()), None)) is not None:
            return KeptWeights(path, place)
    return None


def given_weights(file: Path) -> WeightsFile:
    """Returns the file that the user named; there is no falling back from it."""
    if not file.is_file():
        raise WeightsError(f"weights file {file} does not exist; check the path, or leave it out to search for weights")
    return WeightsFile.of(file, origin=f"given file {file.name}")


def cache_folder() -> Path:
    """Returns where downloaded weights lie, for this user."""
    return platformdirs.user_cache_path("blemish") / "weights"


def read_weights(path: Path) -> dict[str, Tensor]:
    """Returns tensors by name, on the CPU, from .safetensors, or from .pth with torch's restricted reader.

    That reader rebuilds tensors and plain containers only: no code that a file may carry is run. Raises WeightsError
    for anything that is not a flat dictionary of tensors.
    """
    if path.suffix not in {".safetensors", ".pth", ".pt"}:
        raise WeightsError(f"weights file {path} is of no known kind; give a .safetensors or .pth file")
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise WeightsError(f"weights file {path} cannot be read: {_one_line(error)}") from error
    except SafetensorError as error:
        raise WeightsError(f"weights file {path} is damaged or no safetensors file: {_one_line(error)}") from error
    except Exception as error:  # a damaged stream breaks the reader in any way at all
        raise WeightsError(
            f"weights file {path} is damaged, or holds more than tensors, which is refused because it could run code; "
            "give a plain state dict as .safetensors or .pth"
        ) from error
    if not isinstance(content, dict) or not all(
        isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in content.items()
    ):
        raise WeightsError(
            f"weights file {path} is no flat dictionary of named tensors; save the network's state_dict()"
        )
    return dict(content)


def load_weights(module: nn.Module, weights: Mapping[str, Tensor], *, origin: str = "weights") -> None:
    """Copies the tensors of its names into `module`; other entries of `weights` are ignored.

    Raises WeightsError, with `module` unchanged, where a tensor is missing, of another shape or kind, or not finite.
    """
    wanted = {
        name: tensor
        for name, tensor in module.state_dict().items()
        # A count that only batch norm without momentum uses; old files lack it.
        if name in weights or not name.endswith("num_batches_tracked")
    }
    if missing := [name for name in wanted if name not in weights]:
        raise WeightsError(
            f"{origin} does not fit this network: it lacks {some_of(missing, shown=3)}; give a complete one"
        )
    if unfit := [
        f"{name} {_kind(weights[name])} instead of {_kind(tensor)}"
        for name, tensor in wanted.items()
        if _kind(weights[name]) != _kind(tensor)
    ]:
        raise WeightsError(
            f"{origin} belongs to another network: {some_of(unfit, shown=3)}; give this network's own weights"
        )
    if broken := [name for name in wanted if not _is_finite(weights[name])]:
        raise WeightsError(f"{origin} is damaged: NaN or infinity in {some_of(broken, shown=3)}; get the file anew")
    module.load_state_dict({name: weights[name] for name in wanted}, strict=False)


def _is_finite(tensor: Tensor) -> bool:
    """Returns whether no number is NaN or infinite: those make a sum so, too, which takes a twentieth of the time."""
    return bool(tensor.sum().isfinite()) or bool(tensor.isfinite().all())


def _folders() -> list[tuple[str, Path | None]]:
    return [("$BLEMISH_WEIGHTS", _users_folder()), ("cache", cache_folder())]


def _names(name: str, source: WeightsSource) -> tuple[str, ...]:
    return f"{name}.safetensors", f"{name}.pth", source.file_name


def _users_folder() -> Path | None:
    setting = os.environ.get("BLEMISH_WEIGHTS")
    if not setting:
        return None
    folder = Path(setting).expanduser()
    if not folder.is_dir():
        raise WeightsError(f"$BLEMISH_WEIGHTS is {folder}, which is no folder; correct or unset it")
    return folder


def _checked(found: WeightsFile, source: WeightsSource) -> WeightsFile:
    if found.path.name == source.file_name and found.sha256 != source.sha256:
        raise WeightsError(
            f"weights file {found.path} is damaged or altered: its SHA-256 is {found.sha256}, "
            f"the official file's {source.sha256}; delete it to search elsewhere"
        )
    return found


def _packaged(name: str, source: WeightsSource, *, package: str) -> WeightsFile:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError(package=package, extra="train", purpose=f"teacher {name}")
    for folder in spec.submodule_search_locations:
        for path in sorted(Path(folder).rglob(source.file_name)):
            return _checked(WeightsFile.of(path, origin=f"package {package}"), source)
    raise WeightsError(f"package {package} does not hold {source.file_name}; reinstall it")


def _download(url: str, source: WeightsSource, *, on_progress: OnDownload | None) -> WeightsFile:
    """Fetches `url` to a file beside its place in the cache, checks, renames: the cache never holds half a file."""
    if os.environ.get("BLEMISH_OFFLINE", "0") not in {"", "0"}:
        raise ValueError("not asked, because BLEMISH_OFFLINE is set")
    folder = cache_folder()
    with ask(url) as response:
        folder.mkdir(parents=True, exist_ok=True)
        handle, part_name = tempfile.mkstemp(dir=folder, prefix=f"{source.file_name}.", suffix=".part")
        part = Path(part_name)
        try:
            with os.fdopen(handle, "wb") as stream:
                digest = _copy(response, stream.write, on_progress=on_progress)
            if digest != source.sha256:
                raise ValueError(f"SHA-256 of what came is {digest}, the official file's {source.sha256}")
            part.replace(folder / source.file_name)
        finally:
            part.unlink(missing_ok=True)
    return WeightsFile(path=folder / source.file_name, sha256=digest, origin=url)


def _copy(response: HTTPResponse, write: Callable[[bytes], object], *, on_progress: OnDownload | None) -> str:
    """Writes the response's body and returns its SHA-256."""
    length = response.headers["Content-Length"]
    total = int(length) if length else None
    digest, done, told = hashlib.sha256(), 0, time.monotonic()
    while chunk := response.read(CHUNK):
        write(chunk)
        digest.update(chunk)
        done += len(chunk)
        if on_progress and (done == total or time.monotonic() - told >= PROGRESS_SECONDS):
            on_progress(done, total)
            told = time.monotonic()
    return digest.hexdigest()


def _kind(tensor: Tensor) -> str:
    return f"{'float' if tensor.is_floating_point() else 'integer'} {tuple(tensor.shape)}"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
