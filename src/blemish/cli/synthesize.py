"""`blemish synthesize`: a test folder of synthetic defects, to find the smallest that a model sees."""

import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter, Token

from blemish import api
from blemish.cli.asked_values import asked_names
from blemish.cli.progress import ProgressBars
from blemish.wording import as_argument, counted

_DONE, _SOME_UNREADABLE = 0, 2


def _sizes(_type: Any, tokens: tuple[Token, ...]) -> tuple[int, ...]:
    words = asked_names(_type, tokens)
    if not all(word.isdecimal() for word in words):
        raise ValueError("give whole numbers of pixels, such as 2,4,8")
    return tuple(int(word) for word in words)


def synthesize(
    good: Path,
    output: Path,
    /,
    *,
    sizes: Annotated[tuple[int, ...], Parameter(converter=_sizes, n_tokens=1)] = (),
    kinds: Annotated[tuple[str, ...], Parameter(converter=asked_names, n_tokens=1)] = ("spot", "scratch", "stain"),
    each: int = 20,
    contrast: float = 0.25,
    unseen_by: Path | None = None,
    seed: int = 0,
    overwrite: bool = False,
) -> int:
    """Make test photos with synthetic defects of given sizes from photos of good parts, to find the smallest that a
    model sees: `blemish evaluate RUN OUTPUT` then says it. Exit code 2 where some photos could not be read.

    Parameters
    ----------
    good
        Photos of good parts that the model was not trained on.
    output
        New folder for test/good, test/spot, test/scratch, test/stain, ground_truth and a manifest, synthetic.jsonl.
    sizes
        Longest extents of defects in pixels of the photos, such as 2,4,8,16; by default up to nine that fit the photos.
    kinds
        Which of spot, scratch and stain, such as spot,scratch.
    each
        How many photos of each size and kind.
    contrast
        Share of white by which a defect's pixels become lighter or darker, on average: 0.01 to 1.
    unseen_by
        Folder of a trained model: photos that it was trained on are passed over.
    seed
        Another seed paints other defects elsewhere.
    overwrite
        Replace synthetic photos that an earlier run left in the folder.
    """
    with ProgressBars() as bars:
        made = api.synthesize(
            good,
            output,
            sizes=sizes,
            kinds=kinds,
            each=each,
            contrast=contrast,
            unseen_by=unseen_by,
            seed=seed,
            overwrite=overwrite,
            on_progress=bars.show,
        )
    painted = made.settings
    for line in made.unreadable:
        sys.stderr.write(f"blemish: {line}\n")
    if made.known:
        print(f"passed over: {counted(made.known, 'photo')} that {unseen_by} was trained on")
    print(
        f"{counted(len(made.photos), 'photo')} with one SYNTHETIC defect each, and {made.sources} good ones: {output}"
    )
    print(f"  {', '.join(painted.kinds)} of {', '.join(map(str, painted.sizes))} pixels, {painted.each} of each")
    print(f"  contrast {painted.contrast:g} of white; all else in {output / 'synthetic.jsonl'}")
    model = "RUN" if unseen_by is None else as_argument(unseen_by)
    print(f"which sizes a model finds: blemish evaluate {model} {as_argument(output)}")
    return _SOME_UNREADABLE if made.unreadable else _DONE
