"""`blemish watch`: parse, call, print."""

import logging
import sys
from contextlib import closing
from pathlib import Path

from blemish import api
from blemish.cli.predict import prediction_line
from blemish.errors import DataError
from blemish.wording import counted, on_one_line

_ENDED = 0


def watch(
    folder: Path,
    run: Path,
    /,
    *,
    into: Path,
    then: str = "move",
    save: str = "overlays",
    quiet: float = 1.0,
    poll: float | None = None,
    idle: float | None = None,
    station: str | None = None,
    history: str | None = None,
    plc: str | None = None,
    webhook: str | None = None,
    webhook_secret: Path | None = None,
    alarm_webhook: str | None = None,
    alarm_secret: Path | None = None,
    mqtt: str | None = None,
    mqtt_password: Path | None = None,
    min_area: int = 1,
    runtime: str = "auto",
    precision: str = "fp32",
    device: str = "auto",
) -> int:
    """Judge photos as they come into a folder: one line and verdict each, until stopped.

    Ctrl-C or SIGTERM end it after the photo at work, with exit code 0; it may also be killed at any moment: after the
    next start no photo is left out, and none is judged twice.

    Parameters
    ----------
    folder
        Folder that photos come into, with its sub-folders.
    run
        Folder of a trained model.
    into
        Folder of results: predictions.jsonl and predictions.csv, which grow, what --save names, the journal, and the
        photos themselves in a folder for each verdict: normal, check, anomalous, unusual, unreadable.
    then
        What becomes of a photo that was judged: move (into its verdict's folder), link (it stays, and has a second
        name there), or leave.
    save
        Which pictures are left there: overlays (JPEG, of photos that are not normal), all-overlays (of every photo),
        maps (of every photo its raw anomaly map, float32 TIFF), or none; several with commas between them.
    quiet
        Seconds that size and time of a photo must stay as they are before it counts as whole; 0 where photos are
        renamed into the folder when they are whole. Whatever it is, a photo must be decodable to its end.
    poll
        Look into the folder every so many seconds instead of listening to events. On disks of other machines, which
        give none, that is done by itself, every second.
    idle
        End when nothing has come for so many seconds.
    station
        Name of this station, which all that is sent bears; without it the machine's name.
    history
        Write each verdict into this history, a file or postgresql://USER@HOST/DATABASE, which `blemish serve` shows.
    plc
        Send a line per verdict to whoever connects by TCP to this HOST:PORT (or port of this machine alone).
    webhook
        Post each verdict to this address, as JSON.
    webhook_secret
        File with the secret that posts are signed with.
    alarm_webhook
        Post to this address, as JSON, when photos have become others than those calibrated with.
    alarm_secret
        File with the secret that these posts are signed with.
    mqtt
        Publish each verdict to this broker, mqtt://HOST:PORT or mqtts://USER@HOST:PORT, as JSON.
    mqtt_password
        File with the password of the broker's user.
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
    judged = unreadable = 0
    results = api.watch(
        folder,
        run,
        into=into,
        then=then,
        save=save,
        quiet=quiet,
        poll=poll,
        idle=idle,
        station=station,
        history=history,
        plc=plc,
        webhook=webhook,
        webhook_secret=webhook_secret,
        alarm_webhook=alarm_webhook,
        alarm_secret=alarm_secret,
        mqtt=mqtt,
        mqtt_password=mqtt_password,
        min_area=min_area,
        runtime=runtime,
        precision=precision,
        device=device,
    )
    sys.stderr.write(f"blemish: watching {on_one_line(folder)}; results go into {on_one_line(into)}\n")
    with closing(results):
        for result in results:
            if isinstance(result, DataError):
                unreadable += 1
                sys.stderr.write(f"blemish: {result}\n")
            else:
                judged += 1
                print(prediction_line(result), flush=True)
    sys.stderr.write(
        f"blemish: ended after {counted(judged, 'photo')}{f' and {unreadable} unreadable' * bool(unreadable)}\n"
    )
    return _ENDED
