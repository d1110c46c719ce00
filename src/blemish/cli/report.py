"""`blemish report`: one page on a model."""

from pathlib import Path

from blemish import api


def report(
    run: Path,
    /,
    *,
    evaluation: Path | None = None,
    output: Path | None = None,
    level_maps: bool = False,
    runtime: str = "auto",
    precision: str | None = None,
    device: str = "auto",
) -> int:
    """Write one self-contained HTML page on a model: verdict, figures, curves, and the photos that matter.

    Parameters
    ----------
    run
        Folder of a trained model.
    evaluation
        An evaluation.json, where it is not in RUN/evaluation.
    output
        The page's file, NAME.html; by default report.html beside the evaluation, else in RUN.
    level_maps
        For ML engineers: show of each photo which pair of teacher and student fired, and at which level; needs the
        runtime torch.
    runtime
        What computes: auto, torch, onnx or openvino; auto is the fastest that the model was exported to, else torch.
    precision
        How exactly is computed: in full (fp32), or, where the model was exported so, rounded: to fewer digits (bf16) or
        to whole numbers (int8). Without it, as the evaluation was.
    device
        auto, cpu or cuda.
    """
    page = api.report(
        run,
        evaluation=evaluation,
        output=output,
        runtime=runtime,
        precision=precision,
        device=device,
        level_maps=level_maps,
    )
    print(f"report in {page}")
    return 0
