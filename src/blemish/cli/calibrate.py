"""`blemish calibrate`: other thresholds for a trained model."""

import sys
from pathlib import Path

from blemish.calibration.promise import estimated_threshold
from blemish.calibration.recalibrate import AskedRates, recalibrate
from blemish.cli.progress import ProgressBars
from blemish.data.paths import photos_under
from blemish.errors import DataError, on_one_line
from blemish.model.artifact import read_artifact
from blemish.model.thresholds import Calibration, Threshold, percent


def calibrate(
    run: Path,
    /,
    *,
    false_alarms: float | None = None,
    check: float | None = None,
    estimate: bool = False,
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
        Share of good photos that may be called anomalous, such as 0.001; as before where it is not given.
    check
        Share of good photos that may be called anomalous or "check" (a person should look); without it, none is.
    estimate
        Take thresholds from a fitted tail: they promise nothing, and say so wherever they appear.
    good
        More photos of good parts, that the model was not trained on, or folders of them; may be given again.
    replace
        Forget the photos calibrated with so far, as after a change of camera or light; needs --good.
    runtime
        What computes: torch, onnx, openvino, or auto for the fastest that the model was exported to, else torch.
    device
        auto, cpu or cuda.
    """
    if replace and not good:
        raise DataError("--replace forgets the calibration photos: give others with --good")
    before = read_artifact(run).calibration.image.asked_rate
    photos = photos_under(good)
    with ProgressBars() as bars:
        done = recalibrate(
            run,
            photos,
            asked=AskedRates(
                false_alarm_rate=before if false_alarms is None else false_alarms, check_rate=check, estimate=estimate
            ),
            replace=replace,
            runtime=runtime,
            device=device,
            on_photo=lambda n: bars.show("judging", n, len(photos)),
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
    """The thresholds, what they promise, and the ways out where that is not what was asked for."""
    image, n, unit = calibration.image, calibration.n, calibration.unit
    lines = [f"threshold {image.value:.6g}: {image.statement(n, unit)}"]
    if image.rate_95 is not None:
        lines.append(f"  in 95 of 100 such calibrations, below {percent(image.rate_95)}")
    if calibration.check is not None:
        lines.append(f"check above {calibration.check.value:.6g}: {calibration.check.statement(n, unit)}")
    if not (image.kept or image.estimated):
        lines += _ways_out(calibration, image, run)
    return lines


def _ways_out(calibration: Calibration, image: Threshold, run: Path) -> list[str]:
    rate = f"--false-alarms {image.asked_rate:g}"
    lines = [f"  more good photos: `blemish calibrate {run} {rate} --good FOLDER` (no training)"]
    try:
        estimate = estimated_threshold(calibration.scores, image.asked_rate)
    except DataError:
        return lines
    lines.append(
        f"  an estimate, which promises nothing: {estimate.value:.6g}, by `blemish calibrate {run} {rate} --estimate`"
    )
    return lines
