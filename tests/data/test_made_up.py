from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from blemish.data.dataset import Dataset
from blemish.data.images import read_image, read_mask
from blemish.data.made_up import DEFECTS, TEXTURES, add_defect, make_up
from blemish.errors import DataError


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return make_up(tmp_path_factory.mktemp("made") / "new", seed=5, size=96, train=12, good=6, defective=18)


def contents(dataset: Dataset) -> dict[str, bytes]:
    files = (path for path in dataset.root.rglob("*") if path.is_file())
    return {path.relative_to(dataset.root).as_posix(): path.read_bytes() for path in files}


def test_as_many_parts_are_made_as_asked_for(made: Dataset) -> None:
    types = [sample.defect_type for sample in made.test]
    assert len(made.train) == 12
    assert {name: types.count(name) for name in set(types)} == {"good": 6} | dict.fromkeys(DEFECTS, 3)


def test_every_defect_has_a_mask_of_its_size_that_covers_some_but_little(made: Dataset) -> None:
    for sample in made.test:
        assert read_image(sample.image).shape == (96, 96, 3)
        assert bool(sample.masks) == sample.anomalous
        if sample.masks:
            mask = read_mask(sample.masks[0])
            assert mask.shape == (96, 96)
            assert 0 < mask.mean() < 0.25


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    first, same, other = (
        contents(make_up(tmp_path / name, seed=seed, size=48, train=3, good=3, defective=6))
        for name, seed in (("first", 1), ("same", 1), ("other", 2))
    )
    assert first == same
    assert first.keys() == other.keys()
    assert all(first[name] != other[name] for name in first if "ground_truth" not in name)


@pytest.mark.parametrize("defect", DEFECTS)
@pytest.mark.parametrize("size", [32, 128, 256])
def test_a_defect_changes_what_its_mask_covers_and_nothing_beyond_its_soft_edge(defect: str, size: int) -> None:
    generator = np.random.default_rng(0)
    for _ in range(5):
        part = generator.uniform(0.3, 0.7, (size, size, 3))
        defective, mask = add_defect(part, defect, generator=generator)
        changed = np.abs(defective - part).max(axis=2)
        edge = max(2, size // 64)
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(mask, edge), (2 * edge + 1, 2 * edge + 1))
        near = windows.max(axis=(2, 3))
        assert changed[~near].max() < 0.02
        assert changed[mask].mean() > 0.05
        assert defective.min() >= 0
        assert defective.max() <= 1


@pytest.mark.parametrize("validation", [0, 8])
def test_parts_to_train_validate_and_test_with_come_from_separate_areas(tmp_path: Path, validation: int) -> None:
    counts = {"train": 12, "validation": validation, "good": 12, "defective": 0}
    made = make_up(tmp_path, seed=0, size=128, textures=("gravel",), **counts)
    assert len(made.validation) == validation
    parts = [[read_image(s.image).mean(axis=2) for s in split] for split in (made.train, made.validation, made.test)]
    train, validating, test = parts

    def likeness(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
        """Highest correlation over all shifts: high where both show the same stones."""
        a, b = (a - a.mean()) / a.std(), (b - b.mean()) / b.std()
        return float(np.fft.ifft2(np.fft.fft2(a) * np.fft.fft2(b).conj()).real.max() / a.size)

    assert max(likeness(a, b) for i, a in enumerate(test) for b in test[:i]) > 0.4
    assert max(likeness(a, b) for a in train for b in test) < 0.3
    assert all(likeness(a, b) < 0.3 for a in validating for b in (*train, *test))


def test_textures_may_be_chosen(tmp_path: Path) -> None:
    made = make_up(tmp_path, seed=0, size=32, textures=("grass",), train=2, good=1, defective=0)
    for sample in made.train:
        red, green, blue = read_image(sample.image).mean(axis=(0, 1))
        assert green > red > blue


def test_an_unknown_texture_lists_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"no texture 'silk'; choose from {', '.join(TEXTURES)}"):
        make_up(tmp_path, seed=0, textures=("silk",))


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(DataError, match="is not an empty folder"):
        make_up(tmp_path, seed=0)
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]
