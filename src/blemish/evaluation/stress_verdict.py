"""How far a model holds when photos change: what is decided at each strength, and how that is said.

A strength **holds** while no more is judged wrongly than is allowed: of good photos the promised rate of false alarms
(or that of the same photos unchanged, where it is higher), of defective ones 5 % more misses than unchanged. It
**breaks** where the whole 95 % interval of either rate lies above that, which chance alone hardly does. Between the two
it is **doubtful**: more photos would decide.
"""

from collections.abc import Callable, Sequence

from blemish.evaluation.stress_record import Holding, StrengthCounts, StressedCondition, StressTest, WrongCount
from blemish.model.thresholds import percent
from blemish.wording import ends_in_percent

MORE_MISSED = 0.05
"""The share of defective photos that may be missed beyond those that are missed unchanged."""
RULE = (
    "A strength holds while the rate of false alarms is no higher than promised, or than unchanged where that is more, "
    f"and misses are no more than {percent(MORE_MISSED)} of the defective photos above those missed unchanged. It "
    "breaks where the whole 95 % interval of either rate lies above that; between the two it is doubtful, and more "
    "photos would decide."
)
_ROUNDING = 1e-9  # of shares: 1 of 7 is no more than a seventh
_ORDER: tuple[Holding, ...] = ("holds", "doubtful", "breaks")


def allowed_false_alarms(unchanged: WrongCount, expected: float) -> float:
    """Returns the rate up to which a strength holds; `expected` is what the threshold promises, or its estimate."""
    return max(expected, unchanged.rate)


def allowed_misses(unchanged: WrongCount | None) -> float | None:
    """Returns the rate up to which a strength holds."""
    return None if unchanged is None else min(1.0, unchanged.rate + MORE_MISSED)


def holding_of(good: WrongCount, defective: WrongCount | None, *, alarms: float, misses: float | None) -> Holding:
    """Returns what the counts at one strength say, the worse of good and defective photos; see the rule above."""
    found = [_against(good, alarms)]
    if defective is not None and misses is not None:
        found.append(_against(defective, misses))
    return max(found, key=_ORDER.index)


def says_how_far(condition: StressedCondition, *, alarms: float, misses: float | None) -> str:
    """Returns how far a model holds under a condition and where it breaks, as a sentence without its stop."""

    def why(counts: StrengthCounts) -> str:
        return f"{counts.said} ({_what_is_wrong(counts, alarms=alarms, misses=misses)})"

    if not condition.ordered:
        return _of_names(condition.strengths, why)
    sides = sides_of(condition)
    ends = [_holds_to(side) for side in sides]
    tried = condition.strengths
    if all(counts.holding == "holds" for counts in tried):
        return f"holds at every strength tried ({_span([side[-1].said for side in sides])})"
    said = []
    if any(ends):
        said.append(f"holds {_span([end or 'unchanged' for end in ends])}")
    doubtful = [first for side in sides if (first := _first_beyond(side)) is not None and first.holding == "doubtful"]
    breaking = [first for side in sides if (first := _first(side, "breaks")) is not None]
    if doubtful:
        said.append(f"doubtful at {' and '.join(map(why, doubtful))}")
    if breaking:
        said.append(f"breaks at {' and '.join(map(why, breaking))}")
    return "; ".join(said)


def worst_holding(condition: StressedCondition) -> Holding:
    """Returns the worst of what figures say of the strengths that were tried."""
    return max((counts.holding for counts in condition.strengths), key=_ORDER.index)


def sides_of(condition: StressedCondition) -> list[list[StrengthCounts]]:
    """Returns the strengths below and above the unchanged photo, the mildest first; one list where it lies at an
    end."""
    rising = sorted(condition.strengths, key=lambda counts: counts.value)
    if condition.unchanged is None:
        return [rising[::-1] if condition.milder_is_higher else rising]
    below = [counts for counts in rising if counts.value < condition.unchanged][::-1]
    above = [counts for counts in rising if counts.value > condition.unchanged]
    return [side for side in (below, above) if side]


def in_order(condition: StressedCondition) -> list[StrengthCounts | None]:
    """Returns the strengths as people read them; None stands for the unchanged photo, between them or first."""
    if condition.unchanged is None:
        return [None, *(condition.strengths[::-1] if condition.milder_is_higher else condition.strengths)]
    below = [counts for counts in condition.strengths if counts.value < condition.unchanged]
    return [*below, None, *condition.strengths[len(below) :]]


def count_says(count: WrongCount) -> str:
    """Returns a count with its interval, such as `1 of 15 (0 to 32 %)`."""
    low, high = ends_in_percent(count.interval)
    return f"{count.wrong} of {count.photos} ({low} to {high} %)"


def breaks_first(test: StressTest) -> tuple[StressedCondition, StrengthCounts] | None:
    """Returns the condition that breaks at the mildest strength tried, and that strength; None where none breaks.

    Strengths of different conditions are compared by their place in what was tried, and then by how much is wrong.
    """
    found = [
        (place, -_worst_rate(counts), condition, counts)
        for condition in test.conditions
        for side in (sides_of(condition) if condition.ordered else [[counts] for counts in condition.strengths])
        for place, counts in enumerate(side)
        if counts.holding == "breaks"
    ]
    if not found:
        return None
    _, _, condition, counts = min(found, key=lambda each: each[:2])
    return condition, counts


def headline_of(test: StressTest) -> str:
    """Returns, as a sentence, what breaks first, or that nothing does."""
    first = breaks_first(test)
    if first is not None:
        condition, counts = first
        wrong = _what_is_wrong(counts, alarms=test.allowed_rate, misses=test.allowed_miss_rate)
        return f"What breaks first is {condition.name}, at {counts.said}: {wrong}."
    doubtful = [c.name for c in test.conditions if any(counts.holding == "doubtful" for counts in c.strengths)]
    if doubtful:
        return f"Nothing that was tried surely breaks the model; in doubt: {', '.join(doubtful)}."
    return "The model holds under all that was tried."


def expected_rate(test: StressTest) -> str:
    """Returns what the threshold lets expect of good photos, in words."""
    of = f"of good {test.unit}"
    if test.unit == "parts":
        of += ", any of whose photos may alarm: of single photos fewer"
    if test.promised_rate is None:
        return f"expected, not promised: {percent(test.asked_rate)} {of}"
    return f"promised: at most {percent(test.promised_rate)} {of}"


def _of_names(strengths: Sequence[StrengthCounts], why: Callable[[StrengthCounts], str]) -> str:
    """Returns which of some strengths without order hold."""
    if all(counts.holding == "holds" for counts in strengths):
        return f"holds with each ({', '.join(counts.said for counts in strengths)})"
    said = []
    for holding, words in (("holds", "holds with"), ("doubtful", "doubtful with"), ("breaks", "breaks with")):
        some = [counts for counts in strengths if counts.holding == holding]
        if some:
            said.append(f"{words} {', '.join(c.said if holding == 'holds' else why(c) for c in some)}")
    return "; ".join(said)


def _against(count: WrongCount, allowed: float) -> Holding:
    if count.rate <= allowed + _ROUNDING:
        return "holds"
    return "breaks" if count.interval[0] > allowed else "doubtful"


def _holds_to(side: Sequence[StrengthCounts]) -> str | None:
    """Returns, in words, the last strength up to which all hold; None where the mildest does not."""
    last = None
    for counts in side:
        if counts.holding != "holds":
            break
        last = counts.said
    return last


def _first_beyond(side: Sequence[StrengthCounts]) -> StrengthCounts | None:
    return next((counts for counts in side if counts.holding != "holds"), None)


def _first(side: Sequence[StrengthCounts], holding: Holding) -> StrengthCounts | None:
    return next((counts for counts in side if counts.holding == holding), None)


def _span(ends: Sequence[str]) -> str:
    return f"from {ends[0]} to {ends[1]}" if len(ends) == 2 else f"up to {ends[0]}"


def _what_is_wrong(counts: StrengthCounts, *, alarms: float, misses: float | None) -> str:
    """Returns which photos are judged wrongly beyond what is allowed; all that are wrong where none is beyond."""
    said, d = [], counts.defective
    if _against(counts.good, alarms) != "holds":
        unusual = f", {counts.good.unusual} of them as unusual" if counts.good.unusual else ""
        said.append(f"{counts.good.wrong} of {counts.good.photos} good photos alarm{unusual}")
    if d is not None and misses is not None and _against(d, misses) != "holds":
        said.append(f"{d.wrong} of {d.photos} defective ones are missed")
    return "; ".join(said)


def _worst_rate(counts: StrengthCounts) -> float:
    return max(counts.good.rate, 0.0 if counts.defective is None else counts.defective.rate)
