"""Photos of another shape than those trained on are squeezed otherwise: nobody judges them without a word."""

from pathlib import Path

from PIL import Image

from commands import blemish

LINE = "photos, such as 300x100, have another shape than those trained on, such as 64x64"


def wide(photo: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    Image.open(photo).resize((300, 100)).save(place)


def test_predict_and_evaluate_say_that_photos_have_another_shape(trained: Path, photos: Path, tmp_path: Path) -> None:
    first, second, *_ = sorted(photos.iterdir())
    wide(first, tmp_path / "parts" / "test" / "good" / "1.png")
    wide(second, tmp_path / "parts" / "test" / "crack" / "2.png")
    judged = blemish("predict", trained, tmp_path / "parts")
    assert f"2 of 2 {LINE}" in " ".join(judged.err)
    evaluated = blemish("evaluate", trained, tmp_path / "parts", "--output", tmp_path / "evaluation")
    assert evaluated.code == 0
    assert f"2 of 2 {LINE}" in " ".join(evaluated.err)


def test_photos_of_the_trained_shape_get_no_such_line(trained: Path, photos: Path) -> None:
    assert "another shape" not in " ".join(blemish("predict", trained, photos).err)
