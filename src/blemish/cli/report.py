"""`blemish report`: one page on a model."""

from pathlib import Path

from blemish.report import write_report


def report(run: Path, /, *, evaluation: Path | None = None, output: Path | None = None) -> int:
    """Write one self-contained HTML page on a model: verdict, figures, curves, and the photos that matter.

    Parameters
    ----------
    run
        Folder of a trained model.
    evaluation
        An evaluation.json, where it is not in RUN/evaluation.
    output
        The page's file; by default report.html beside the evaluation, else in RUN.
    """
    print(f"report in {write_report(run, evaluation=evaluation, output=output)}")
    return 0
