"""`blemish speed` measures what it says, and says what it could not measure."""

import json
from pathlib import Path

import pytest

from bare import Bare
from blemish.data.images import read_header
from blemish.studies.machine import instructions_of, processor_of, this_machine
from blemish.studies.made_up_photos import MADE_UP_SIDE, make_up_photos
from blemish.studies.speed import FEWEST_TIMES, latency
from commands import blemish, one_line

BRIEF = ("--seconds", "0.01", "--cold-starts", "1")


def test_every_figure_is_in_the_table_and_in_the_file(trained: Path, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "speed.json"
    done = blemish("speed", trained, photos, *BRIEF, "--runtime", "torch", "--precision", "fp32", "--output", out)
    assert done.code == 0, done.err
    written = json.loads(out.read_text())
    assert written["format_version"] == 1
    assert written["image_size"] == [64, 64]
    (speed,) = written["speeds"]
    assert (speed["runtime"], speed["precision"]) == ("torch", "fp32")
    (row,) = [line.split() for line in done.out if line.startswith("torch ")]
    latencies = [speed[name] for name in ("network", "in_memory", "from_file")]
    figures = [f"{found[name]:.1f}" for found in latencies for name in ("p50", "p95")]
    figures += [f"{speed[name]:.1f}" for name in ("judged_per_second", "written_per_second")]
    figures += [f"{speed['peak_memory_mb']:.0f}", *2 * [f"{speed['cold_starts'][0]:.2f}"]]
    assert row[3:] == figures
    assert all(found["times"] >= FEWEST_TIMES and 0 < found["p50"] <= found["p95"] for found in latencies)
    assert speed["peak_memory_mb"] > 50
    assert any(f"{len(list(photos.iterdir()))} photos in turn" in line for line in done.out)
    assert done.out[0].startswith(f"{written['machine']['processor']}, {written['machine']['cores']} cores")


def test_a_photo_that_cannot_be_read_gives_one_line_naming_it(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_text("no picture")
    done = blemish("speed", trained, tmp_path / "broken.png", *BRIEF, "--runtime", "torch")
    one_line(done, "broken.png")
    assert done.out == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--precision", "int8"), "there is torch fp32"),
        (("--runtime", "torch", "--runtime", "abacus"), "there is torch fp32"),
        (("--seconds", "0"), "more than 0"),
        (("--cold-starts", "0"), "at least 1"),
    ],
)
def test_what_cannot_be_measured_is_said_before_anything_is(
    trained: Path, photos: Path, options: tuple[str, ...], said: str
) -> None:
    one_line(blemish("speed", trained, photos, *options), said)


def test_latency_takes_the_items_in_turn_once_it_is_warm() -> None:
    taken: list[str] = []
    found = latency(taken.append, ["a", "b", "c"], seconds=0)
    assert taken == ["a", "b", *"abcab"]
    assert found.times == FEWEST_TIMES
    assert 0 <= found.p50 <= found.p95


def test_made_up_photos_have_the_size_that_is_said(tmp_path: Path) -> None:
    photos = make_up_photos(tmp_path)
    header = read_header(photos[-1])
    assert (header.size, header.kind) == ((MADE_UP_SIDE, MADE_UP_SIDE), "JPEG colour")
    assert len({photo.read_bytes() for photo in photos}) == len(photos)


def test_the_machine_has_a_name_and_cores() -> None:
    here = this_machine()
    assert here.processor
    assert here.cores >= 1


X86 = """processor	: 0
model name	: Some CPU @ 2.00GHz
flags		: fpu avx2 avx512f avx512_vnni avx512_bf16 amx_bf16 amx_tile amx_int8

processor	: 1
model name	: Some CPU @ 2.00GHz
flags		: fpu
"""
ARM = """processor	: 0
BogoMIPS	: 243.75
Features	: fp asimd asimddp i8mm bf16
"""


@pytest.mark.parametrize(
    ("text", "name", "instructions"),
    [
        (X86, "Some CPU @ 2.00GHz", ("avx2", "avx512", "vnni", "bf16", "amx_int8", "amx_bf16")),
        (ARM, None, ("dotprod", "bf16")),
        ("flags : fpu sse2\n", None, ()),
        ("", None, None),
    ],
)
def test_the_machine_says_which_instructions_speed_depends_on(
    text: str, name: str | None, instructions: tuple[str, ...] | None
) -> None:
    assert processor_of(text) == name
    assert instructions_of(text) == instructions


def test_measuring_speed_describes_the_machine_without_torch(bare: Bare) -> None:
    asked = "from blemish.studies.machine import this_machine; this_machine()"
    assert bare.run(f"{asked}; import sys; sys.exit('torch' in sys.modules)").code == 0
