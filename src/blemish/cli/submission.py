"""`blemish submission`: maps and masks for MVTec AD 2's benchmark server."""

import sys
from pathlib import Path

from blemish import api
from blemish.cli.progress import ProgressBars
from blemish.wording import counted

_ALL, _SOME = 0, 2


def submission(
    run: Path,
    object_folder: Path,
    output: Path,
    /,
    *,
    runtime: str = "auto",
    precision: str = "fp32",
    device: str = "auto",
) -> int:
    """Write what MVTec AD 2's benchmark server is given: maps and masks of an object's photos without labels.

    Once for each of the eight objects, with its own model, into the same folder. Exit code 2 where photos are missing
    or could not be judged.

    Parameters
    ----------
    run
        Folder of the model that was trained on this object.
    object_folder
        The object's folder, such as mvtec_ad_2/can, with test_private and test_private_mixed.
    output
        Folder for anomaly_images and anomaly_images_thresholded, the same for all objects.
    runtime
        What computes: torch, onnx, openvino, or auto for the fastest that the model was exported to, else torch.
    precision
        How exactly is computed: in full (fp32), or, where the model was exported so, rounded: to fewer
        digits (bf16) or to whole numbers (int8).
    device
        auto, cpu or cuda.
    """
    with ProgressBars() as bars:
        found = api.submission(
            run, object_folder, output, runtime=runtime, precision=precision, device=device, on_progress=bars.show
        )
    print(f"maps and masks of {counted(found.written, 'photo')} in {output}")
    for line in found.problems:
        sys.stderr.write(f"blemish: {line}\n")
    if found.missing:
        print(f"still to come: {', '.join(found.missing)}")
    else:
        print("all eight objects are there: pack and upload the folder with the publishers' own script")
    return _SOME if found.problems else _ALL
