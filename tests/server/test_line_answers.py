"""What else happens, the line gets its answers: whatever kind of file a photo is, and however many pages are open."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from blemish.server import status_routes
from blemish.server.kept_photos import KeptPhotos
from server.conftest import OpenServer


@pytest.mark.parametrize(
    ("kind", "suffix", "how"),
    [
        ("PNG", ".png", {}),
        ("JPEG", ".jpg", {}),
        ("BMP", ".bmp", {}),
        ("TIFF", ".tiff", {}),
        ("TIFF", ".tiff", {"compression": "tiff_lzw", "big_tiff": True}),
        ("WEBP", ".webp", {"lossless": True}),
    ],
)
def test_photos_of_every_kind_of_file_are_kept_as_they_came(
    open_server: OpenServer, photo: bytes, tmp_path: Path, kind: str, suffix: str, how: dict[str, Any]
) -> None:
    """BMP, TIFF and WebP got no verdict: Pillow was asked for a kind of file that it does not open."""
    server, file = open_server(keep_photos=tmp_path / "kept", keep="all"), BytesIO()
    Image.open(BytesIO(photo)).save(file, format=kind, **how)
    told = server.judge(file.getvalue()).json()
    assert told["photo"]["kept"] is True
    kept = [path for path in (tmp_path / "kept" / "photos").rglob("*") if path.is_file()]
    assert [(path.suffix, path.read_bytes()) for path in kept] == [(suffix, file.getvalue())]


def test_a_mistake_in_keeping_a_photo_costs_no_verdict(
    open_server: OpenServer, photo: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def keep(*_given: object, **_named: object) -> None:
        raise KeyError("MPO")

    monkeypatch.setattr(KeptPhotos, "keep", keep)
    told = open_server(keep_photos=tmp_path / "kept", keep="all").judge(photo).json()
    assert told["photo"]["kept"] is False


def test_an_error_is_answered_while_pages_have_all_threads(
    open_server: OpenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers of the line wait for no page: a photo that cannot be read is told so while pages hang."""
    server, free = open_server(), threading.Event()
    monkeypatch.setattr(status_routes, "tokens_needed", lambda _at: free.wait(20))
    with ThreadPoolExecutor(45) as pages:
        hanging = [pages.submit(server.get, "/api/session") for _ in range(45)]
        time.sleep(0.5)
        began = time.monotonic()
        answer = server.judge(b"no photo")
        took = time.monotonic() - began
        free.set()
        assert all(page.result() for page in hanging)
    assert answer.status_code == 422 and took < 10
