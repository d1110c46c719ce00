"""`blemish calibrate`: other thresholds for a trained model."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from blemish import api
from blemish.calibration.promise import estimated_threshold
from blemish.cli.progress import ProgressBars
from blemish.errors import DataError
from blemish.model.rules import Rules
from blemish.model.thresholds import Calibration, Threshold, percent, photos_needed
from blemish.model.usual import UNUSUAL_ABOVE
from blemish.wording import as_argument, as_left_out, counted, some_of

if TYPE_CHECKING:
    from blemish.calibration.recalibrate import Recalibration

_RELIABLE = 0.1  # above this share of false alarms nobody would leave a model on a line


def calibrate(
    run: Path,
    /,
    *,
    false_alarms: float | None = None,
    check: float | None = None,
    estimate: Annotated[bool | None, Parameter(negative="--no-estimate")] = None,
    good: tuple[Path, ...] = (),
    part: str | None = None,
    rule: tuple[str, ...] = (),
    mm_per_pixel: float | None = None,
    replace: bool = False,
    accept: bool = False,
    undo: bool = False,
    runtime: str = "auto",
    device: str = "auto",
) -> int:
    """Set thresholds anew, of a model and its exports, without training. Exit code 2: some photos could not be read, or
    none of those given is new.

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
    part
        Regular expression for which part a photo's name says it shows, of --good and of the photos that the model
        knows; kept from then on, and as before where it is not given.
    rule
        Which marks stop a photo above the threshold, such as 'length > 2 mm', 'area > 0.5 mm2 and count > 3', 'REGION:
        width > 12 px'; may be given again, and any of them stops it. They replace the rules before; none forgets them.
    mm_per_pixel
        How many mm a pixel of a photo is wide, for rules in mm.
    replace
        Forget the photos calibrated with so far, as after a change of camera or light; needs --good.
    accept
        Take photos as good though more than half of them are above the threshold so far.
    undo
        Restore the thresholds before the last calibration, of the exports too; may be repeated.
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
            part=part,
            rule=rule,
            mm_per_pixel=mm_per_pixel,
            replace=replace,
            accept=accept,
            undo=undo,
            runtime=runtime,
            device=device,
            on_progress=bars.show,
        )
    for error in done.unreadable:
        sys.stderr.write(f"blemish: {as_left_out(error)}\n")
    for line in _about_known(done):
        sys.stderr.write(f"blemish: left out: {line}\n")
    if undo:
        print("the last calibration is undone")
    if good:
        print(f"{counted(done.added, 'good photo')} added")
    print(
        "\n".join(
            [*lines_of(done.artifact.calibration, run), *_about_rules(done.artifact.rules, asked=bool(rule) or undo)]
        )
    )
    return 2 if done.unreadable or (good and not done.added) else 0


def _about_known(done: "Recalibration") -> list[str]:
    lines = []
    if done.known:
        lines.append(
            f"{counted(len(done.known), 'copy', 'copies')} of photos that this model knows already, byte for byte "
            f"({some_of(done.known)})"
        )
    if done.of_known_parts:
        lines.append(
            f"{counted(len(done.of_known_parts), 'photo')} of parts that this model was trained on or calibrated with: "
            f"give photos of other parts ({some_of(done.of_known_parts)})"
        )
    return lines


def _about_rules(rules: Rules | None, *, asked: bool) -> list[str]:
    if rules is None:
        return ["rules: none, every photo above the threshold is stopped"] if asked else []
    size = "" if rules.mm_per_pixel is None else f" (a pixel is {rules.mm_per_pixel:g} mm)"
    return [
        f"rules: a photo above the threshold is stopped where {' or '.join(rules.said)}{size}; so no more good photos "
        "are stopped than that, and defects that no rule means pass"
    ]


def lines_of(calibration: Calibration, run: Path) -> list[str]:
    """Returns the thresholds, what they promise, and the ways out where that is not what was asked for."""
    image, n, unit = calibration.image, calibration.n, calibration.unit
    lines = [f"threshold {image.value:.6g}: {calibration.statement()}"]
    if image.promised_rate is not None and image.promised_rate > max(_RELIABLE, image.asked_rate):
        few = f"TOO FEW: with {n} good {unit if n > 1 else unit[:-1]} to calibrate, do not rely on this threshold; "
        places = round(image.promised_rate * (n + 1))  # two where some are unusual, as in the statement
        enough, many = (photos_needed(rate, places=places) for rate in (_RELIABLE, 0.01))
        lines.insert(0, few + f"{enough} promise {percent(_RELIABLE)}, {many} 1 %")
    if image.rate_95 is not None:
        lines.append(f"  in 95 of 100 such calibrations, below {percent(image.rate_95)}")
    if calibration.check is not None:
        lines.append(f"check above {calibration.check.value:.6g}: {calibration.check.statement(n, unit)}")
    if calibration.unusual is not None and calibration.unusual > UNUSUAL_ABOVE:
        lines.append(
            "so many calibration photos are unlike those it learned from that a photo is called unusual above "
            f"{calibration.unusual:.3g} only, instead of {UNUSUAL_ABOVE:g}: are they photos of good parts?"
        )
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
