"""`blemish calibrate`: other thresholds for a trained model."""

import sys
from pathlib import Path

from blemish import api
from blemish.calibration.promise import estimated_threshold
from blemish.cli.progress import ProgressBars
from blemish.errors import DataError
from blemish.model.thresholds import Calibration, Threshold, percent
from blemish.wording import as_argument, on_one_line


def calibrate(
    run: Path,
    /,
    *,
    false_alarms: float | None = None,
    check: float | None = None,
    estimate: bool | None = None,
    good: tuple[Path, ...] = (),
    replace: bool = False,
    runtime: str = "auto",
    device: str = "auto",
) -> int:
    """Set thresholds anew, of a model and its exports, without training. Exit code 2: some photos could not be read.

    Parameters
    ----------
    run
        Folder of a trained model.
    false_alarms
        Share of good photos that may be called anomalous, such as 0.001 or 0.1%; as before where it is not given.
    check
        Share of good photos that may be called anomalous or "check" (a person should look); 0: none is called "check";
        as before where it is not given.
    estimate
        Take thresholds from a fitted tail, which promise nothing and say so wherever they appear; --no-estimate takes
        those that promise; as before where neither is given.
    good
        More photos of good parts, that the model was not trained on, or folders of them; may be given again.
    replace
        Forget the photos calibrated with so far, as after a change of camera or light; needs --good.
    runtime
        What computes: torch, onnx, openvino, or auto for the fastest that the model was exported to, else torch.
    device
        auto, cpu or cuda.
    """
    with ProgressBars() as bars:
        done = api.calibrate(
            run,
            false_alarms=false_alarms,
            check=check,
            estimate=estimate,
            good=good,
            replace=replace,
            runtime=runtime,
            device=device,
            on_progress=bars.show,
        )
    for error in done.unreadable:
        sys.stderr.write(f"blemish: left out: {error}\n")
    for photo in done.known:
        sys.stderr.write(f"blemish: left out: {on_one_line(photo)} is a copy of a photo this model knows already\n")
    for photo in done.of_known_parts:
        sys.stderr.write(
            f"blemish: left out: {on_one_line(photo)} shows a part that this model was trained on or calibrated with: "
            "give photos of other parts\n"
        )
    if good:
        print(f"{done.added} good photos added")
    print("\n".join(lines_of(done.artifact.calibration, run)))
    return 2 if done.unreadable else 0


def lines_of(calibration: Calibration, run: Path) -> list[str]:
    """Returns the thresholds, what they promise, and the ways out where that is not what was asked for."""
    image, n, unit = calibration.image, calibration.n, calibration.unit
    lines = [f"threshold {image.value:.6g}: {image.statement(n, unit)}"]
    if image.rate_95 is not None:
        lines.append(f"  in 95 of 100 such calibrations, below {percent(image.rate_95)}")
    if calibration.check is not None:
        lines.append(f"check above {calibration.check.value:.6g}: {calibration.check.statement(n, unit)}")
    if not (image.is_promised or image.estimated):
        lines += _ways_out(calibration, image, run)
    return lines


def _ways_out(calibration: Calibration, image: Threshold, run: Path) -> list[str]:
    command = f"blemish calibrate {as_argument(run)} --false-alarms {image.asked_rate:g}"
    lines = [f"  more good photos: `{command} --good FOLDER` (no training)"]
    try:
        estimate = estimated_threshold(calibration.scores, image.asked_rate)
    except DataError:
        return lines
    lines.append(f"  an estimate, which promises nothing: {estimate.value:.6g}, by `{command} --estimate`")
    return lines
