"""`blemish export` and `blemish verify`: a trained model for other runtimes, and the proof that it is the same."""

import sys
from pathlib import Path

from blemish import api
from blemish.cli.progress import ProgressBars
from blemish.errors import BlemishError, ExportError
from blemish.model.artifact import read_artifact
from blemish.model.thresholds import Calibration
from blemish.wording import as_argument, as_left_out

_DONE, _SOME_DISAGREE, _SOME_UNREADABLE, _SOME_UNUSABLE = 0, 1, 2, 2


def export(
    run: Path,
    /,
    *,
    to: str,
    precision: str = "fp32",
    photos: tuple[Path, ...] = (),
) -> int:
    """Make a trained model serve a PC without torch. Exit code 2 where some photos could not be read.

    The export is kept only if it agrees with the model on real photos; the figures are printed.

    Parameters
    ----------
    run
        Folder of a trained model; the export goes into it.
    to
        onnx, openvino, or torch, which takes no file: for fewer digits (bf16), with thresholds of its own.
    precision
        How exactly is computed: in full (fp32), which gives the model's own scores; or rounded, to fewer digits (bf16)
        or to whole numbers (int8), which is faster and gets thresholds of its own.
    photos
        Photos, or folders of them, to compare on, best with defects; those that training used are found by themselves
        if they are where they were, else among these. May be given again.
    """
    with ProgressBars() as bars:
        made = api.export(run, to=to, precision=precision, photos=photos, on_progress=bars.show)
    for error in made.unreadable:
        sys.stderr.write(f"blemish: {as_left_out(error)}\n")
    print(f"{to} {precision}, compared with the trained model on {made.parity}")
    artifact = read_artifact(run)
    if made.export.calibration is not None:
        print(_thresholds(made.export.calibration, artifact.calibration))
    size = sum((made.export.folder / name).stat().st_size for name in made.export.graph)
    again = f"blemish verify {as_argument(run)}"
    print(f"kept in {made.export.folder} ({size / 1e6:.1f} MB, a test vector, and what `{again}` repeats)")
    if artifact.framing.alignment is not None:
        print(f"where it judges, photos are laid on one another first: that takes pip install 'blemish[{to},align]'")
    return _SOME_UNREADABLE if made.unreadable else _DONE


def _thresholds(own: Calibration, trained: Calibration) -> str:
    return (
        f"threshold {own.image.value:.6g}, of its own; the trained model's is {trained.image.value:.6g}: "
        f"{own.statement()}"
    )


def verify(run: Path, /, *, runtime: str | None = None, precision: str | None = None) -> int:
    """Prove on this machine that exports say what the trained model says.

    Exit code 1 where one does not, 2 where one cannot be tried.

    Every export brings photos and the trained model's answers; torch is not needed.

    Parameters
    ----------
    run
        Folder of a trained model that was exported.
    runtime
        Only exports to it; all where it is not given.
    precision
        Only exports in it; all where it is not given.
    """
    code = _DONE
    for (name, kind), result in api.verify(run, runtime=runtime, precision=precision).items():
        if isinstance(result, BlemishError):
            code = max(code, _SOME_DISAGREE if isinstance(result, ExportError) else _SOME_UNUSABLE)
            sys.stderr.write(f"blemish: {result}\n")
        else:
            print(f"{name} {kind} agrees with the trained model on {result}")
    return code
