"""Whether two detectors that judged the same photos differ by more than chance."""

from scipy import special

from blemish.metrics.intervals import Interval, interval_of
from blemish.metrics.ranking import Floats


def mcnemar(only_first: int, only_second: int) -> float:
    """Returns the two-sided p-value of McNemar's test, exact, from how many photos one detector alone judged wrongly.

    Photos that both judge alike say nothing; of the others, each is as likely to be the first's mistake as the second's
    where the two are equally good (McNemar, 1947; the binomial form).
    """
    return float(min(1.0, 2 * special.bdtr(min(only_first, only_second), only_first + only_second, 0.5)))


def difference_interval(first: Floats, second: Floats) -> Interval | None:
    """Returns the 95 % interval of first - second from (D,) figures of each, drawn alike (see `drawn_figures`); None
    where all draws agree."""
    return interval_of(first - second, within=(-1, 1))
