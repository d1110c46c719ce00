"""Photos that no program should have to read."""

import os
import shutil
import struct
import zlib
from pathlib import Path

from blemish.data.dataset import Dataset

LATIN = os.fsdecode(b"m\xfcller.png")  # a name in another encoding than UTF-8
GOOD_NAMES = ("plain.png", "with spaces in it.png", "ünïcødé 部品.png", "two\nlines.png", LATIN)
BAD_NAMES = ("truncated.png", "text.png", "empty.png", "bomb.png", "shut.png", "pipe.png", "dangling.png", "loop.png")


def good_photos(parts: Dataset, folder: Path, *names: str) -> list[Path]:
    """Different photos of good parts, under these names."""
    folder.mkdir(parents=True)
    return [Path(shutil.copy(sample.image, folder / name)) for sample, name in zip(parts.train, names, strict=False)]


def bad_photos(parts: Dataset, folder: Path) -> None:
    """BAD_NAMES, a folder that may not be listed, one that links back, and what is no photo at all."""
    whole = parts.train[0].image.read_bytes()
    (folder / "truncated.png").write_bytes(whole[: len(whole) // 2])
    (folder / "text.png").write_text("not a picture")
    (folder / "empty.png").touch()
    (folder / "bomb.png").write_bytes(png_of_size(50_000))
    (folder / "shut.png").write_bytes(whole)
    (folder / "shut.png").chmod(0)
    os.mkfifo(folder / "pipe.png")
    (folder / "dangling.png").symlink_to(folder / "nowhere.png")
    (folder / "loop.png").symlink_to(folder / "loop.png")
    (folder / "back").symlink_to(folder, target_is_directory=True)
    (folder / "notes.txt").write_text("no photo, and nobody says so")
    (folder / "closed").mkdir(mode=0)


def png_of_size(side: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
