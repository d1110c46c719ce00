"""Numbers beside an axis can be read."""

import matplotlib.pyplot as plt
import pytest

from blemish.report.svg import plain_numbers


@pytest.mark.parametrize(("low", "high"), [(0.001, 0.01), (0.02, 5.0), (0.005, 20_000.0), (1e-9, 1e9)])
def test_few_numbers_stand_beside_a_logarithmic_axis_however_wide(low: float, high: float) -> None:
    figure, axes = plt.subplots()
    axes.set(xscale="log", xlim=(low, high))
    plain_numbers(axes.xaxis, logarithmic=True)
    shown = [tick for tick in axes.get_xticks() if low <= tick <= high]
    plt.close(figure)
    assert 2 <= len(shown) <= 9
