"""Whether two evaluations are of the same photos and masks: only then may their figures be compared."""

from collections.abc import Sequence
from pathlib import Path

from blemish.evaluation.record import Evaluation, PhotoJudgement
from blemish.wording import counted, on_one_line, some_of


def photos_by_name(evaluation: Evaluation) -> dict[str, PhotoJudgement]:
    """Returns the photos by their paths below the root, so that a folder that moved as a whole holds the same ones."""
    root = Path(evaluation.root)

    def below(path: Path) -> str:
        return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()

    return {below(Path(photo.image)): photo for photo in evaluation.photos}


def difference_of_photos(one: Evaluation, other: Evaluation, *, called: Sequence[str]) -> str | None:
    """Returns in which photos two test sets differ; None where they have the same, with the same truth.

    `called` is how the two are called in what is returned.
    """
    first, second = photos_by_name(one), photos_by_name(other)
    for name, mine, others in ((called[0], first, second), (called[1], second, first)):
        if alone := sorted(set(mine) - set(others)):
            return f"{name} alone judged {counted(len(alone), 'photo')}: {some_of(alone)}"
    for name, photo in first.items():
        there = second[name]
        if photo.defect_type != there.defect_type:
            return f"{on_one_line(name)} is {photo.defect_type} in {called[0]}, {there.defect_type} in {called[1]}"
        if photo.digest is not None and there.digest is not None and photo.digest != there.digest:
            return f"{on_one_line(name)} was another file for {called[0]} than for {called[1]}"
    return None


def difference_of_masks(one: Evaluation, other: Evaluation) -> str | None:
    """Returns in what the true masks of the same photos differ; None where metrics of pixels are of the same ones."""
    if (one.map_size, one.mask_rule) != (other.map_size, other.mask_rule):
        return f"masks were made in another way ({_masks_of(one)}, {_masks_of(other)})"
    second = photos_by_name(other)
    for name, photo in photos_by_name(one).items():
        there = second.get(name, photo)
        if bool(photo.masks) != bool(there.masks):
            return f"{on_one_line(name)} has a mask in one of them alone"
        # Where each photo's map has a size of its own, which is not kept, how much the defect covers tells it.
        if one.map_size is None and photo.defect_pixels != there.defect_pixels:
            covered = f"{photo.defect_pixels} pixels of the map in one of them, {there.defect_pixels} in the other"
            return f"the defect of {on_one_line(name)} covers {covered}"
    return None


def _masks_of(evaluation: Evaluation) -> str:
    size = "several sizes" if evaluation.map_size is None else "{1}x{0}".format(*evaluation.map_size)
    return f"{evaluation.mask_rule}, at {size}"
