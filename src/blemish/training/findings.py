"""What training and evaluating would find in a dataset's photos, said before anything is trained or judged."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from blemish.data.dataset import GOOD, Dataset, Sample
from blemish.data.framing_choice import typical_sizes
from blemish.data.images import Size
from blemish.data.masks import wrong_masks
from blemish.data.official import set_aside_lines
from blemish.data.part_names import ignored_pattern, parts_of
from blemish.data.survey import Survey, common_files, survey
from blemish.errors import DataError
from blemish.model.thresholds import percent
from blemish.progress import OnProgress, Progress, say_nothing
from blemish.training.aligning import could_be_aligned, gain_of_aligning
from blemish.training.arrangement import Intention, arranged, divided
from blemish.training.settings import TrainingSettings
from blemish.wording import on_one_line, some_of, with_counts

NOT_COMPARED = "good parts were not compared with one another: "


@dataclass(frozen=True, kw_only=True)
class Findings:
    """Lines that tell a person what was found in folders of photos."""

    lines: tuple[str, ...]
    problems: tuple[str, ...]
    """What cannot be used: photos, masks and folders that cannot be read, masks that fit no photo."""
    notes: tuple[str, ...] = ()
    """What was passed over, and need not trouble anybody."""
    warnings: tuple[str, ...] = ()
    """Good photos that are far from the rest, and may be none."""
    image_size: Size = (256, 256)
    """(height, width) that training would resize a photo, or each of its tiles, to."""

    def with_lines(self, *lines: str, warnings: Sequence[str] = (), problems: Sequence[str] = ()) -> "Findings":
        """Returns the findings with more lines after their own."""
        return replace(
            self,
            lines=(*self.lines, *lines),
            warnings=(*self.warnings, *warnings),
            problems=(*self.problems, *problems),
        )


def look_into(
    found: Dataset,
    intention: Intention,
    *,
    on_progress: OnProgress = say_nothing,
) -> Findings:
    """Decodes every photo and mask; nothing is changed. Raises SettingsError for tiles that cannot be."""
    training = intention.training
    samples = (*found.train, *found.validation)
    framing = intention.framing(typical_sizes([sample.image for sample in samples], reading=training.reading))
    good, apart, test = (
        _seen(some, what, training, on_progress)
        for some, what in (
            (found.train, "good photos"),
            (found.validation, "validation photos"),
            (found.test, "test photos"),
        )
    )
    lines, problems = [], [str(error) for error in found.left_out]
    if found.train:
        lines += _block("good parts", [*good.lines(root=found.base, framing=framing), *_about_white(good)])
        if found.validation:
            lines += _block("validation", apart.lines(root=found.base, framing=framing))
        if line := ignored_pattern([*found.train, *found.validation], training.part):
            lines.append(f"  {line}")
        try:
            lines.append(f"  {promise(found, training, _together(good, apart), validates=intention.validates)}")
        except DataError as error:
            problems.append(str(error))
        lines += _about_aligning(found, training, on_progress)
    if found.test:
        lines += _block("test", [*test.lines(), *_types(found)])
    lines += set_aside_lines(found)
    twice = common_files(test, _together(good, apart))
    if twice:
        pairs = some_of([f"{on_one_line(copy)} = {on_one_line(original)}" for copy, original in twice])
        lines.append(f"test photos that are also among the good parts, and flatter the model: {len(twice)} ({pairs})")
    problems += [*good.unreadable, *apart.unreadable, *test.unreadable, *wrong_masks(found.test)]
    unread = map(str, found.skipped.unread())
    return Findings(
        lines=tuple(lines),
        problems=(*unread, *problems),
        notes=tuple(found.skipped.notes()),
        image_size=framing.image_size,
    )


def promise(found: Dataset, training: TrainingSettings, seen: Survey, *, validates: bool) -> str:
    """Returns in one line what training on these photos can promise; `seen` is of all good photos.

    Raises DataError or SettingsError where `part` does not say which part each photo shows, or they all show one.
    """
    different = set(seen.different)
    usable = replace(
        found,
        train=tuple(sample for sample in found.train if sample.image in different),
        validation=tuple(sample for sample in found.validation if sample.image in different),
    )
    if len(usable.train) + len(usable.validation) < 2:
        return "training takes 2 different ones at least; 30 or more are advised"
    samples = arranged(usable, training, validates=validates)
    parts = parts_of(samples, training.part)
    paths, apart = [sample.image for sample in samples], {sample.image for sample in usable.validation}
    uses = divided(paths, parts, apart, held_out=training.held_out, validates=validates)
    calibrating = len({parts[i] for i in uses.calibrating})
    unit = f" of {len(set(parts))} parts" if parts != list(map(str, paths)) else ""
    choosing = f", choose weights by {len(uses.validation)}" if validates else ""
    return (
        f"training would learn from {len(uses.train)}{choosing} and calibrate with {calibrating}{unit}, which can "
        f"promise a false alarm rate of {percent(1 / (calibrating + 1))} and no less"
    )


def _seen(samples: Sequence[Sample], what: str, training: TrainingSettings, on_progress: OnProgress) -> Survey:
    return survey(
        [sample.image for sample in samples],
        decode=True,
        reading=training.reading,
        asked_white=training.asked_white,
        on_photo=lambda done, of: on_progress(Progress(activity=what, done=done, total=of)),
    )


def _together(some: Survey, others: Survey) -> Survey:
    return Survey(facts={**some.facts, **others.facts}, asked_white=some.asked_white)


def _block(title: str, lines: Sequence[str]) -> list[str]:
    return [f"{title}: {lines[0]}", *(f"  {line}" for line in lines[1:])]


def _about_aligning(found: Dataset, training: TrainingSettings, on_progress: OnProgress) -> list[str]:
    gain = None if training.align else gain_of_aligning(found.train, training.reading, on_progress=on_progress)
    if gain is None:
        return []
    return [f"  {could_be_aligned(gain)}: Mend, the default method, does so; others with --align"]


def _about_white(seen: Survey) -> list[str]:
    white = seen.white_level
    if white is None or white == 65535:
        return []
    if white in (seen.asked_white, seen.stated_white):
        why = "as was asked for" if white == seen.asked_white else "as they say themselves"
        return [f"in files of 16 bits training takes {white} for white, {why}"]
    return [f"files of 16 bits hold no value above {white}, which training takes for white ({white.bit_length()} bits)"]


def _types(found: Dataset) -> list[str]:
    """Returns how many photos are good, how many there are of each defect type, and how many of these have no mask."""
    counts = Counter(sample.defect_type for sample in found.test)
    good = counts.pop(GOOD, 0)
    defects = with_counts({on_one_line(name): count for name, count in counts.items()}, shown=len(counts))
    lines = [f"{good} good; defects: {defects or 'none'}"]
    bare = [sample.image for sample in found.test if sample.anomalous and not sample.masks]
    if bare:
        lines.append(
            f"defective photos without mask, without which no metric of pixels is given: {len(bare)} of "
            f"{counts.total()} ({some_of(bare)}); where masks lie elsewhere: `blemish evaluate --masks FOLDER`"
        )
    return lines
