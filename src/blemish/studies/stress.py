"""What a model does, at its own thresholds, when photos change: judged unchanged and under every condition."""

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from blemish.data.images import Pixels, read_image
from blemish.errors import DataError
from blemish.evaluation.changed_photo import changed_photo, photo_seed
from blemish.evaluation.stress_record import StrengthCounts, StressedCondition, StressTest, WrongCount
from blemish.evaluation.stress_verdict import allowed_false_alarms, allowed_misses, holding_of, says_how_far
from blemish.inference.prediction import Prediction
from blemish.inference.predictor import Predictor
from blemish.inference.read_ahead import Input
from blemish.metrics.intervals import binomial
from blemish.progress import OnProgress, Progress
from blemish.studies.drawn_photos import DrawnPhotos, first_of
from blemish.studies.stress_plan import Change, StressPlan
from blemish.synthesis.conditions import CONDITIONS

_UNCHANGED = Change(condition="", strength=0.0)


@dataclass
class _Tally:
    """Counts of one kind of photo under one change."""

    wrong: int = 0
    photos: int = 0
    newly: int = 0
    unusual: int = 0

    def add(self, seen: Prediction, *, good: bool, right_before: bool) -> None:
        wrong = seen.alarm if good else not seen.alarm
        self.wrong += wrong
        self.newly += wrong and right_before
        self.photos += 1
        self.unusual += seen.verdict == "unusual"

    @property
    def counts(self) -> WrongCount:
        interval = binomial(self.wrong, self.photos)
        assert interval is not None  # there is a photo
        return WrongCount(
            wrong=self.wrong, photos=self.photos, interval=interval, newly=self.newly, unusual=self.unusual
        )


def measure_stress(
    predictor: Predictor, good: DrawnPhotos, defective: DrawnPhotos | None, *, plan: StressPlan, on_progress: OnProgress
) -> StressTest:
    """Judges all photos unchanged and under every change of the plan, each photo read once.

    Directions and noise follow from the seed, the condition and the photo alone: other conditions change no figure.
    Masks are not moved with the photos: verdicts of whole photos are counted, and need none.
    """
    changes = plan.changes(good.shorter)
    total = (len(good.photos) + len(defective.photos if defective else [])) * (1 + len(changes))
    judge = _Judge(predictor, plan, changes, total, on_progress)
    of_good = judge.tallies(good.photos, good=True)
    of_defective = {} if defective is None else judge.tallies(defective.photos, good=False)
    if _UNCHANGED not in of_good or (defective is not None and _UNCHANGED not in of_defective):
        raise DataError(f"no photo could be judged{first_of(judge.unreadable)}")
    bare = _bare_test(predictor, good, defective, plan, of_good, of_defective)
    measured = [
        _condition(name, changes, bare, of_good, of_defective) for name in dict.fromkeys(c.condition for c in changes)
    ]
    return replace(
        bare,
        conditions=[condition for condition in measured if condition.strengths],
        left_out={c.name: judge.unfit[c.name] for c in measured if not c.strengths},
        unreadable=[*good.unreadable, *(defective.unreadable if defective else []), *judge.unreadable],
    )


class _Judge:
    """Judges photos under all changes, and counts."""

    def __init__(
        self, predictor: Predictor, plan: StressPlan, changes: Sequence[Change], total: int, on_progress: OnProgress
    ) -> None:
        self._predictor, self._plan, self._changes = predictor, plan, changes
        self._done, self._total, self._on_progress = 0, total, on_progress
        self.unreadable: list[str] = []
        self.unfit: dict[str, str] = {}

    def tallies(self, photos: Sequence[Path], *, good: bool) -> dict[Change, _Tally]:
        """Returns the counts of photos of one kind by change."""
        given: deque[Change] = deque()
        tallies: dict[Change, _Tally] = defaultdict(_Tally)
        unchanged: Prediction | None = None
        for result in self._predictor.predict_many(self._inputs(photos, given, good=good)):
            change = given.popleft()
            self._done += 1
            self._on_progress(Progress(activity="judging", done=self._done, total=self._total))
            if change == _UNCHANGED:
                unchanged = None if isinstance(result, DataError) else result
            if isinstance(result, DataError):
                self._left_out(change, result, once=unchanged is None)
            elif unchanged is not None:  # a photo that the model refuses as it is counts nowhere
                newly = change != _UNCHANGED and unchanged.alarm != good
                tallies[change].add(result, good=good, right_before=newly)
        return tallies

    def _left_out(self, change: Change, error: DataError, *, once: bool) -> None:
        """Notes what could not be judged; `once`: the photo is refused as it is, and is named for that alone."""
        if change == _UNCHANGED:
            self.unreadable.append(f"left out: {error}")
        elif not once:
            self.unreadable.append(f"left out under {change.condition}: {error}")

    def _inputs(self, photos: Sequence[Path], given: deque[Change], *, good: bool) -> Iterator[Input]:
        """Yields each photo as it is and then under every change, and leaves in `given` which one it was."""
        for place, path in enumerate(photos):
            try:
                photo = read_image(path, reading=self._predictor.framing.reading)
            except DataError as error:
                self.unreadable.append(f"left out: {error}")
                self._done += 1 + len(self._changes)
                continue
            seed = photo_seed(self._plan.seed, place, good=good)
            given.append(_UNCHANGED)
            yield photo
            for change in self._changes:
                changed = changed_photo(
                    photo, change.condition, change.strength, framing=self._predictor.framing, seed=seed
                )
                if isinstance(changed, str):
                    self.unfit[change.condition] = changed
                    self._done += 1
                    continue
                given.append(change)
                yield self._framed(changed, photo) if CONDITIONS[change.condition].resizes else changed

    def _framed(self, resized: Pixels, photo: Pixels) -> Input:
        try:
            return self._predictor.framing.framed(photo, resized=resized)
        except DataError:
            return photo  # which the predictor refuses in the same words, and goes on


def _condition(
    name: str,
    changes: Sequence[Change],
    test: StressTest,
    of_good: Mapping[Change, _Tally],
    of_defective: Mapping[Change, _Tally],
) -> StressedCondition:
    """Returns the counts of one condition with its verdict; without strengths where no photo could change so."""
    kind, strengths = CONDITIONS[name], []
    for change in changes:
        if change.condition != name or change not in of_good:
            continue
        good, bad = of_good[change].counts, of_defective[change].counts if change in of_defective else None
        strengths.append(
            StrengthCounts(
                key=kind.key(change.strength),
                value=change.strength,
                said=kind.says(change.strength),
                good=good,
                defective=bad,
                holding=holding_of(good, bad, alarms=test.allowed_rate, misses=test.allowed_miss_rate),
            )
        )
    found = StressedCondition(
        name=name,
        meaning=kind.meaning,
        unchanged=kind.unchanged,
        strengths=strengths,
        ordered=not kind.names,
        milder_is_higher=kind.milder_is_higher,
        says="",
    )
    says = says_how_far(found, alarms=test.allowed_rate, misses=test.allowed_miss_rate) if strengths else ""
    return replace(found, says=says)


def _bare_test(
    predictor: Predictor,
    good: DrawnPhotos,
    defective: DrawnPhotos | None,
    plan: StressPlan,
    of_good: Mapping[Change, _Tally],
    of_defective: Mapping[Change, _Tally],
) -> StressTest:
    """Returns the record of the unchanged photos."""
    calibration, threshold = predictor.calibration, predictor.calibration.image
    unchanged = of_good[_UNCHANGED].counts
    missed = None if defective is None else of_defective[_UNCHANGED].counts
    expected = threshold.asked_rate if threshold.promised_rate is None else threshold.promised_rate
    photos = [*good.photos, *(defective.photos if defective else [])]
    return StressTest(
        good_root=str(good.root.absolute()),
        defective_root=None if defective is None else str(defective.root.absolute()),
        provenance=predictor.provenance,
        judged_at=datetime.now(UTC).isoformat(timespec="seconds"),
        seed=plan.seed,
        threshold=threshold.value,
        asked_rate=threshold.asked_rate,
        promised_rate=threshold.promised_rate,
        unit=calibration.unit,
        calibration_n=calibration.n,
        allowed_rate=allowed_false_alarms(unchanged, expected),
        allowed_miss_rate=allowed_misses(missed),
        good=unchanged,
        defective=missed,
        conditions=[],
        photos=[str(photo.absolute()) for photo in photos],
        found=(good.found, 0 if defective is None else defective.found),
        known=good.known,
        calibrating=good.calibrating,
    )
