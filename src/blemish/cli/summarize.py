"""`blemish summarize`: several evaluations of one test set, as of several seeds."""

from pathlib import Path

from blemish import api


def summarize(*evaluations: Path) -> int:
    """See how much figures move between evaluations of one test set, as between seeds.

    Parameters
    ----------
    evaluations
        Two or more: evaluation.json files, or RUN folders that were evaluated.
    """
    spreads = api.summarize(evaluations)
    print(f"{len(evaluations)} evaluations of the same photos")
    print(f"{'':<17}{'mean':>9}{'deviation':>11}{'lowest':>9}{'highest':>9}")
    for name, spread in spreads.items():
        if spread is None:
            print(f"{name:<17}{'-':>9}  not every evaluation has a value")
        else:
            print(f"{name:<17}{spread.mean:>9.4f}{spread.deviation:>11.4f}{spread.lowest:>9.4f}{spread.highest:>9.4f}")
    return 0
