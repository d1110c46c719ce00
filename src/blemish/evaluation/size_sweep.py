"""Probability of detection against size: the share of synthetic defects of each kind and size that a model finds."""

from collections.abc import Collection, Sequence
from pathlib import Path

from blemish.data.synthetic_manifest import SyntheticManifest, SyntheticPhoto
from blemish.evaluation.record import Evaluation, KindSweep, SizeCount, SizeSweep
from blemish.metrics.intervals import binomial
from blemish.model.thresholds import Verdict, is_alarm, percent
from blemish.wording import counted

FOUND_SHARE = 0.9  # of the defects of a size, from which on the size is called found


def size_sweep(
    evaluation: Evaluation, made: SyntheticManifest, *, trained_on: Collection[str] | None
) -> SizeSweep | None:
    """Returns which sizes an evaluation found, by the manifest of its test folder; None where it judged none of them.

    `trained_on` are the digests of photos that the model was trained on, None where nobody knows. A defect is found
    where its photo is an alarm. Where the good photo that it was painted into is an alarm by itself, that says nothing
    of the defect: such photos are not counted, see `left_out`.
    """
    verdicts = {Path(photo.image).resolve(): photo.verdict for photo in evaluation.photos}
    # Each path is resolved by itself: photos that a store of data holds are links in this folder.
    of_photos = [(photo, verdicts.get((made.folder / photo.photo).resolve())) for photo in made.photos]
    judged = [(photo, verdict) for photo, verdict in of_photos if verdict is not None]
    if not judged:
        return None
    alarms = {path for path, verdict in verdicts.items() if is_alarm(verdict)}
    counting = [pair for pair in judged if (made.folder / pair[0].source_copy).resolve() not in alarms]
    by_kind = {kind: [pair for pair in counting if pair[0].kind == kind] for kind in _kinds(made)}
    sources = {photo.source_digest for photo, _ in judged}
    return SizeSweep(
        contrasts=sorted({photo.contrast for photo, _ in judged}),
        found_share=FOUND_SHARE,
        kinds={kind: _of_kind(photos) for kind, photos in by_kind.items() if photos},
        photos=len(judged),
        left_out=len(judged) - len(counting),
        sources=len(sources),
        sources_trained_on=None if trained_on is None else len(sources & set(trained_on)),
    )


def smallest_found(sizes: Sequence[SizeCount], share: float) -> int | None:
    """Returns the size from which on each tested size, itself too, was found in at least this share of its photos.

    Sizes rise; None where not even the largest was.
    """
    smallest = None
    for counted_size in reversed(sizes):
        if counted_size.found < share * counted_size.photos:
            break
        smallest = counted_size.size
    return smallest


def what_it_is(sweep: SizeSweep) -> str:
    """Returns, as a sentence, that these defects are none of the line's."""
    contrast = " and ".join(percent(contrast) for contrast in sweep.contrasts)
    return (
        f"These defects are SYNTHETIC: painted, at a contrast of {contrast} of white, into "
        f"{counted(sweep.sources, 'photo')} of good parts. Real ones look different, and may be missed at larger sizes "
        "or found at smaller ones."
    )


def warnings_of(sweep: SizeSweep) -> list[str]:
    """Returns sentences on what makes the sizes better or less certain than they look."""
    found = []
    if sweep.sources_trained_on:
        found.append(
            f"The model was TRAINED on {sweep.sources_trained_on} of the {sweep.sources} photos that the synthetic "
            "defects were painted into, so that the sizes flatter it: make them of others (blemish synthesize "
            "--unseen-by)."
        )
    if sweep.sources_trained_on is None:
        found.append("Whether the model was trained on the photos that the defects were painted into is not known.")
    if sweep.left_out:
        do = "does" if sweep.left_out == 1 else "do"
        found.append(
            f"{counted(sweep.left_out, 'photo')} of synthetic defects {do} not count: the good photo that was painted "
            "on is an alarm by itself."
        )
    return found


def smallest_says(sweep: SizeSweep) -> str:
    """Returns, as a sentence, from which size on each kind is found."""
    if not sweep.kinds:
        return "Which sizes the model finds is not known: every good photo that was painted on is an alarm by itself."
    each = ", ".join(f"{kind} {_smallest(found)}" for kind, found in sweep.kinds.items())
    return (
        f"The smallest that the model finds, in the photo's own pixels: {each}. Found means at least "
        f"{percent(sweep.found_share)} of the photos, at that size and every larger one tried."
    )


def _smallest(kind: KindSweep) -> str:
    if kind.smallest is None:
        return f"none (not even {kind.sizes[-1].size} px, the largest tried)"
    return f"{kind.smallest} px" + (" (the smallest tried)" if kind.smallest == kind.sizes[0].size else "")


def _of_kind(photos: Sequence[tuple[SyntheticPhoto, Verdict]]) -> KindSweep:
    sizes = []
    for size in sorted({photo.size for photo, _ in photos}):
        alarms = [is_alarm(verdict) for photo, verdict in photos if photo.size == size]
        interval = binomial(sum(alarms), len(alarms))
        assert interval is not None  # there is a photo of each size
        sizes.append(SizeCount(size=size, found=sum(alarms), photos=len(alarms), interval=interval))
    return KindSweep(sizes=sizes, smallest=smallest_found(sizes, FOUND_SHARE))


def _kinds(made: SyntheticManifest) -> list[str]:
    return list(dict.fromkeys(photo.kind for photo in made.photos))
