"""`blemish serve`: parse, call."""

import logging
from pathlib import Path

from blemish import api


def serve(
    *runs: str,
    host: str = "127.0.0.1",
    port: int = 8000,
    history: str | None = None,
    station: str = "station",
    keep_photos: Path | None = None,
    keep: str = "not-normal",
    keep_days: float | None = None,
    keep_megabytes: float | None = None,
    workshop: Path | None = None,
    models_from: Path | None = None,
    alarm_webhook: str | None = None,
    alarm_secret: Path | None = None,
    draw: float = 0.0,
    waiting: int = 32,
    batch_size: int = 8,
    timeout: float = 30.0,
    max_megabytes: float = 64.0,
    runtime: str = "auto",
    precision: str = "fp32",
    device: str = "auto",
    min_area: int = 1,
) -> int:
    """Serve models over HTTP, with a page and a history; ends on SIGTERM when what was received is answered.

    Parameters
    ----------
    runs
        Folders of trained models, or NAME=RUN; without a name it is the folder's.
    host
        Address to listen at. Any but this machine's own needs tokens: `blemish token NAME --role engineer`.
    port
        Port to listen at; 0 takes any that is free.
    history
        File that the history is kept in, or postgresql://USER:PASSWORD@HOST/DATABASE; by default a file among the
        user's data.
    station
        Name of the station that a photo comes from, where a request names none.
    keep_photos
        Folder that judged photos and their maps are kept in; without it none are.
    keep
        Which photos are kept: not-normal, or all.
    keep_days
        Verdicts that are older are deleted, with their photos, but for labelled ones; by default none is.
    keep_megabytes
        Photos and maps beyond so much room are deleted, oldest first, but for labelled ones; by default none is.
    workshop
        Folder whose sub-folders of photos of good parts models can be learned of in the page; they go to its sub-folder
        models. Without it none can.
    models_from
        Folder whose sub-folders are trained models: an engineer may put any of them in the place of one that is served.
        Without it a model is replaced by what is copied into its own folder alone.
    alarm_webhook
        Post to this address, as JSON, when photos of a station have become others than those calibrated with.
    alarm_secret
        File with the secret that these posts are signed with.
    draw
        Share of photos drawn by lot for a person to label, such as 0.01 or 1%; those labelled good can join the
        calibration. Needs --keep-photos.
    waiting
        Photos that may wait or be at work at once; requests beyond them are told to come again.
    batch_size
        Photos judged at once.
    timeout
        Seconds after which a request is answered, with or without a verdict.
    max_megabytes
        How large a request may be.
    runtime
        What computes: torch, onnx, openvino, or auto for the fastest that the model was exported to, else torch.
    precision
        How exactly is computed: in full (fp32), or, where the model was exported so, rounded and faster: to fewer
        digits (bf16) or to whole numbers (int8).
    device
        auto, cpu or cuda.
    min_area
        Regions of fewer pixels of the photo are dropped, but for the strongest of an anomalous photo; verdicts do not
        change by it.
    """
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.WARNING)
    logging.getLogger("blemish").setLevel(logging.INFO)
    api.serve(
        runs,
        host=host,
        port=port,
        history=history,
        station=station,
        keep_photos=keep_photos,
        keep=keep,
        keep_days=keep_days,
        keep_megabytes=keep_megabytes,
        workshop=workshop,
        models_from=models_from,
        alarm_webhook=alarm_webhook,
        alarm_secret=alarm_secret,
        draw=draw,
        waiting=waiting,
        batch_size=batch_size,
        timeout=timeout,
        max_megabytes=max_megabytes,
        runtime=runtime,
        precision=precision,
        device=device,
        min_area=min_area,
    )
    return 0
