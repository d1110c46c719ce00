"""Downloads from a real server of this machine, and from servers that are not there."""

import hashlib
import socket
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from blemish.errors import WeightsError
from blemish.networks import web
from blemish.networks.pretrained import WeightsSource, cache_folder, find_weights

CONTENT = bytes(range(256)) * 4000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HOME", "LOCALAPPDATA", "XDG_CACHE_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "home"))
    for variable in ("BLEMISH_WEIGHTS", "BLEMISH_OFFLINE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("no_proxy", "*")


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "net-0a1b.pth").write_bytes(CONTENT)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder))) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def _source(url: str, *, sha256: str = SHA256) -> WeightsSource:
    return WeightsSource(file_name="net-0a1b.pth", sha256=sha256, url=url)


def test_a_download_is_checked_and_kept_in_the_cache(address: str) -> None:
    source = _source(f"{address}/net-0a1b.pth")
    progress: list[tuple[int, int | None]] = []
    found = find_weights("net", source, on_progress=lambda done, total: progress.append((done, total)))
    assert found.path == cache_folder() / "net-0a1b.pth"
    assert found.path.read_bytes() == CONTENT
    assert (found.sha256, found.origin) == (SHA256, source.url)
    assert progress[-1] == (len(CONTENT), len(CONTENT))
    assert find_weights("net", source).origin == "cache net-0a1b.pth"


def test_a_download_with_another_checksum_is_refused_and_leaves_nothing_behind(address: str) -> None:
    with pytest.raises(
        WeightsError, match=f"SHA-256 of what came is {SHA256}, the official file's 00ff.*--teacher-weights"
    ):
        find_weights("net", _source(f"{address}/net-0a1b.pth", sha256="00ff"))
    assert list(cache_folder().iterdir()) == []


def test_an_address_without_the_file_is_reported(address: str) -> None:
    with pytest.raises(WeightsError, match="HTTP Error 404: File not found"):
        find_weights("net", _source(f"{address}/other.pth"))


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/net-0a1b.pth", "https://no-such-host.invalid/net-0a1b.pth"])
def test_without_a_network_the_error_comes_within_two_seconds(url: str) -> None:
    started = time.monotonic()
    with pytest.raises(WeightsError) as caught:
        find_weights("net", _source(url))
    assert time.monotonic() - started < 2
    assert url in str(caught.value)
    assert "--teacher-weights FILE" in str(caught.value)
    assert "--teacher efficientnet_lite0" in str(caught.value)


def test_a_server_that_takes_three_seconds_is_waited_for(tmp_path: Path) -> None:
    class Slow(QuietHandler):
        def do_GET(self) -> None:
            time.sleep(3)
            super().do_GET()

    (tmp_path / "net-0a1b.pth").write_bytes(CONTENT)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Slow, directory=str(tmp_path))) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        found = find_weights("net", _source(f"http://127.0.0.1:{server.server_port}/net-0a1b.pth"))
        server.shutdown()
    assert found.sha256 == SHA256


def test_a_server_that_answers_too_late_is_given_up_and_its_connection_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "ANSWER_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        started = time.monotonic()
        with pytest.raises(WeightsError, match=r"no answer within 0\.3 s"):
            find_weights("net", _source(f"http://127.0.0.1:{server.getsockname()[1]}/net-0a1b.pth"))
        assert time.monotonic() - started < 2
        connection, _ = server.accept()
        with connection:
            connection.settimeout(5)
            connection.recv(10_000)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
            assert connection.recv(10) == b""  # nobody holds the other end


def test_offline_no_server_is_asked(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLEMISH_OFFLINE", "1")
    with pytest.raises(WeightsError, match="not asked, because BLEMISH_OFFLINE is set"):
        find_weights("net", _source(f"{address}/net-0a1b.pth"))
    assert not cache_folder().exists()
