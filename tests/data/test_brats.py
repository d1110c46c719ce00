"""Volumes of brains become slices, once, as BMAD made its own."""

import gzip
import struct
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from blemish.data import find_dataset
from blemish.data.brats import scaled_slice, write_brats_slices
from blemish.data.images import read_image
from blemish.data.masks import mask_of
from blemish.data.nifti import read_volume
from blemish.errors import DataError


def nifti(
    volume: NDArray[Any], *, code: int, order: Literal["<", ">"] = "<", slope: float = 0, shift: float = 0
) -> bytes:
    """A volume as the standard says, field by field."""
    header = bytearray(352)
    struct.pack_into(f"{order}i", header, 0, 348)
    struct.pack_into(f"{order}8h", header, 40, 3, *volume.shape, 1, 1, 1, 1)
    struct.pack_into(f"{order}2h", header, 70, code, 8 * volume.itemsize)
    struct.pack_into(f"{order}3f", header, 108, 352, slope, shift)
    header[344:348] = b"n+1\0"
    return bytes(header) + volume.astype(volume.dtype.newbyteorder(order)).tobytes(order="F")


def patient(root: Path, name: str, *, tumour_at: int | None) -> None:
    flair = np.arange(4 * 3 * 101, dtype=np.int16).reshape(4, 3, 101)
    tumour = np.zeros(flair.shape, np.uint8)
    if tumour_at is not None:
        tumour[3, 1, tumour_at] = 4
    (root / name).mkdir(parents=True)
    (root / name / f"{name}_flair.nii.gz").write_bytes(gzip.compress(nifti(flair, code=4), 1))
    (root / name / f"{name}_seg.nii.gz").write_bytes(gzip.compress(nifti(tumour, code=2), 1))


@pytest.mark.parametrize(("kind", "code"), [("u1", 2), ("i2", 4), ("f4", 16), ("u2", 512)])
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_volume_is_read_in_every_kind_and_order_of_bytes(
    tmp_path: Path, kind: str, code: int, order: Literal["<", ">"]
) -> None:
    volume = np.arange(24).reshape(2, 3, 4).astype(kind)
    (tmp_path / "a.nii").write_bytes(nifti(volume, code=code, order=order))
    (tmp_path / "b.nii").write_bytes(nifti(volume, code=code, order=order, slope=2, shift=1))
    assert np.array_equal(read_volume(tmp_path / "a.nii"), volume)
    assert np.array_equal(read_volume(tmp_path / "b.nii"), volume.astype(float) * 2 + 1)


@pytest.mark.parametrize("damage", [b"", b"\x1f\x8b\x08", b"P5 3 3 255 " * 40])
def test_a_damaged_volume_is_one_line(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "a.nii.gz").write_bytes(damage)
    (tmp_path / "b.nii").write_bytes(nifti(np.zeros((9, 9, 9), np.int16), code=4)[:-1])
    for name in ("a.nii.gz", "b.nii", "none.nii"):
        with pytest.raises(DataError) as caught:
            read_volume(tmp_path / name)
        assert str(tmp_path / name) in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1


def test_slices_without_tumour_are_learned_from_and_patients_are_on_one_side(tmp_path: Path) -> None:
    patient(tmp_path / "in" / "HGG", "Brats18_B", tumour_at=70)
    patient(tmp_path / "in" / "HGG", "Brats18_A", tumour_at=40)
    patient(tmp_path / "in" / "LGG", "Brats18_C", tumour_at=60)
    assert write_brats_slices(tmp_path / "in", tmp_path / "out") == 40 + 39 + 40
    found = find_dataset("auto", tmp_path / "out", "Brain")
    assert (found.name, len(found.train), len(found.test)) == ("bmad", 79, 40)
    assert {s.part for s in found.train} == {"Brats18_A", "Brats18_B"}
    (bad,) = [s for s in found.test if s.anomalous]
    assert bad.image.name == "Brats18_C_60.png"
    mask = mask_of(bad)
    assert mask is not None and np.argwhere(mask).tolist() == [[1, 3]]
    expected = scaled_slice(np.arange(4 * 3 * 101).reshape(4, 3, 101)[:, :, 60].T)
    assert np.array_equal(read_image(bad.image)[:, :, 0], expected)
    assert (expected.min(), expected.max()) == (0, 255)
    with pytest.raises(DataError, match="Brain: is already there"):
        write_brats_slices(tmp_path / "in", tmp_path / "out")


def test_a_patient_without_truth_and_a_folder_without_patients_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds fewer than two folders"):
        write_brats_slices(tmp_path, tmp_path / "out")
    patient(tmp_path, "A", tumour_at=None)
    patient(tmp_path, "B", tumour_at=None)
    (tmp_path / "A" / "A_seg.nii.gz").unlink()
    with pytest.raises(DataError, match=r"A_seg.nii.gz: is not there"):
        write_brats_slices(tmp_path, tmp_path / "out")
    patient(tmp_path, "0", tumour_at=None)
    with pytest.raises(DataError, match=r"A_seg.nii.gz: is not there"):
        write_brats_slices(tmp_path, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir()), "of the patients before it nothing is left that looks whole"
