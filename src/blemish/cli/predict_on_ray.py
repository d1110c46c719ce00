"""`blemish predict-on-ray`: parse, call, print."""

import logging
from pathlib import Path

from blemish import api
from blemish.cli.predict import as_named, show_results
from blemish.cli.progress import ProgressBars


def predict_on_ray(
    run: Path,
    /,
    *photos: str | Path,
    output: str | Path,
    ray: str = "local",
    worker_cpus: float = 1.0,
    worker_gpus: float = 0.0,
    min_area: int = 1,
    runtime: str = "auto",
    precision: str = "fp32",
    device: str = "auto",
) -> int:
    """Judge photos on the machines of a Ray cluster: one line and verdict each, and a row in Parquet files.

    It may be stopped at any moment: the same command goes on, and photos whose rows stand are not judged again. Exit
    codes are those of predict.

    Parameters
    ----------
    run
        Folder of a trained model.
    photos
        Photos, folders of photos, patterns in quotes, and URLs such as s3://BUCKET/FOLDER.
    output
        Folder or URL for Parquet files, a row per photo; no pictures are left.
    ray
        HOST:PORT of the cluster, or auto for the one that this machine belongs to; local: one that is started here.
    worker_cpus
        How many processors each worker has; there are as many workers as there is room for.
    worker_gpus
        How many GPUs each worker has; 0.5 lets two share one, without it none is used.
    min_area
        Regions of fewer pixels of the photo are dropped, but for the strongest of an anomalous photo; verdicts do not
        change by it.
    runtime
        What computes: torch, onnx, openvino, or auto for the fastest that the model was exported to, else torch.
    precision
        How exactly is computed: in full (fp32), or, where the model was exported so, rounded and faster: to fewer
        digits (bf16) or to whole numbers (int8).
    device
        auto, cpu or cuda.
    """
    logging.basicConfig(format="blemish: %(message)s")
    # A signal may end it at once: between results may lie minutes, and nothing here is half written.
    with ProgressBars(lines=False) as bars:
        results = api.predict_on_ray(
            run,
            as_named(photos),
            output=output,
            ray=ray,
            worker_cpus=worker_cpus,
            worker_gpus=worker_gpus,
            min_area=min_area,
            runtime=runtime,
            precision=precision,
            device=device,
            on_progress=bars.show,
        )
        return show_results(results)
