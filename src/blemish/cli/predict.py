"""`blemish predict`: parse, call, print."""

import logging
import sys
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from blemish import api
from blemish.cli.progress import ProgressBars
from blemish.errors import DataError, InterruptionError
from blemish.inference.prediction import Prediction
from blemish.process import StopRequest, stop_requests
from blemish.wording import on_one_line

if TYPE_CHECKING:
    from blemish.results.parts import PredictionRecord

_STANDARD_INPUT = "./-"  # as the command line hands - on
_ALL_NORMAL, _SOME_NOT_NORMAL, _SOME_UNREADABLE = 0, 1, 2


def predict(
    run: Path,
    /,
    *photos: str | Path,
    output: str | Path | None = None,
    save: str = "overlays",
    min_area: int = 1,
    level_maps: bool = False,
    runtime: str = "auto",
    precision: str = "fp32",
    device: str = "auto",
    ray: str | None = None,
    worker_cpus: float = 1.0,
    worker_gpus: float = 0.0,
) -> int:
    """Judge photos: one line and verdict each.

    Exit code: 0 all normal, 1 some not, whatever became of others, 2 some could not be read, and all others are normal.

    Parameters
    ----------
    run
        Folder of a trained model.
    photos
        Photos, and folders of photos; with --ray URLs, too, such as s3://BUCKET/FOLDER.
    output
        Folder for predictions.jsonl and predictions.csv, and for what --save names; with --ray folder or URL for
        Parquet files alone.
    save
        Which pictures are left in that folder: overlays (JPEG, of photos that are not normal), all-overlays (of every
        photo), maps (of every photo its raw anomaly map, float32 TIFF), or none; several with commas between them. The
        more, the slower.
    min_area
        Regions of fewer pixels of the photo are dropped, but for the strongest of an anomalous photo; verdicts do not
        change by it.
    level_maps
        For ML engineers: leave in FOLDER/level_maps which pair of teacher and student fired, and at which level: a
        picture per photo, and the raw values as float32 TIFF. Needs --output, the runtime torch, and up to twice the
        time.
    runtime
        What computes: torch, onnx, openvino, or auto for the fastest that the model was exported to, else torch.
    precision
        How exactly is computed: in full (fp32), or, where the model was exported so, rounded and faster: to fewer
        digits (bf16) or to whole numbers (int8).
    device
        auto, cpu or cuda.
    ray
        Judge on the machines of a Ray cluster: its HOST:PORT, or auto for the one that this machine belongs to; without
        an address, on one that is started here. Needs --output; photos whose records are there are not judged again.
    worker_cpus
        With --ray: how many processors each worker has; there are as many workers as there is room for.
    worker_gpus
        With --ray: how many GPUs each worker has; 0.5 lets two share one, without it none is used.
    """
    logging.basicConfig(format="blemish: %(message)s")
    unreadable = not_normal = False
    # Between results of a cluster may lie minutes, and nothing there is half written: a signal may end it at once.
    with stop_requests() if ray is None else nullcontext(StopRequest()) as stop, ProgressBars(lines=False) as bars:
        results = api.predict(
            run,
            [Path(photo) if photo == _STANDARD_INPUT else photo for photo in photos],
            output=output,
            save=save,
            min_area=min_area,
            level_maps=level_maps,
            runtime=runtime,
            precision=precision,
            device=device,
            ray=ray,
            worker_cpus=worker_cpus,
            worker_gpus=worker_gpus,
            on_progress=bars.show,
        )
        with closing(results):
            for result in results:
                if isinstance(result, DataError):
                    unreadable = True
                    sys.stderr.write(f"blemish: {result}\n")
                else:
                    not_normal |= result.verdict != "normal"
                    # Flushed, so that who reads a pipe need not wait, and nothing is lost where this is stopped.
                    print(prediction_line(result), flush=True)
                if stop.signal is not None and bars.done < bars.total:
                    raise InterruptionError(f"stopped after {bars.done} of {bars.total} photos", signal=stop.signal)
    if unreadable and not_normal:
        sys.stderr.write("blemish: some photos are not normal, which exit code 1 says, and others could not be read\n")
    return _SOME_NOT_NORMAL if not_normal else _SOME_UNREADABLE if unreadable else _ALL_NORMAL


def prediction_line(result: "Prediction | PredictionRecord") -> str:
    """Returns a photo's verdict, score and name, what is unusual about it, and what rules say of it."""
    why = "" if result.unusual_reason is None else f"  (unusual: {result.unusual_reason})"
    if rules := result.rule_reason or " or ".join(result.stopped_by):
        why += f"  ({rules})"
    return f"{result.verdict:<9}  {result.anomaly_score:.6g}  {on_one_line(result.image)}{why}"
