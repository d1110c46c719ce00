"""What a graph file says of itself in its metadata, so that a stray one explains itself."""

import json
from dataclasses import asdict

from blemish.model.artifact import Artifact
from blemish.model.exports import Export
from blemish.version import __version__


def description_of(export: Export, artifact: Artifact) -> str:
    """Returns JSON: what goes in, what comes out, and the thresholds as of the export."""
    calibration = export.calibration or artifact.calibration
    return json.dumps(
        {
            "what": "visual inspection by student-teacher disagreement, exported by Blemish",
            "blemish_version": __version__,
            "method": artifact.method,
            "precision": export.precision,
            "weights_sha256": artifact.weights_sha256,
            "input": "images (batch, 3, height, width), RGB, 0 to 1, resized by Pillow's BILINEAR",
            "image_size": list(artifact.framing.frame_size),
            "white_level": artifact.framing.white_level,
            "framing": asdict(artifact.framing),
            "output": "anomaly_map (batch, 1, height, width); higher is more anomalous",
            "score": "maximum: the map's highest value; top_mean: the mean of its highest "
            "round(share * height * width), these of score_size",
            "score_size": list(artifact.image_size),
            "score_kind": artifact.score.kind,
            "score_share": artifact.score.share,
            "verdict": "anomalous where score > threshold; a pixel is of a defect where map > pixel_threshold",
            "regions_of_interest": [] if artifact.interest is None else list(artifact.interest.names),
            "counts": "the whole map, or, where there are regions of interest, what lies in them: see the example",
            "threshold": calibration.image.value,
            "pixel_threshold": calibration.pixel.value,
            "check_threshold": None if calibration.check is None else calibration.check.value,
            "promise": calibration.statement(),
            "example": "test_vector/expected.json beside it: a photo, and what must come of it at each step",
            "as_of": "the export; a model.json or export.json beside it is newer where thresholds were set anew",
        }
    )
