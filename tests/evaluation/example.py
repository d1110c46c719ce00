"""An evaluation with every kind of value in it."""

from blemish.evaluation.record import DefectType, Evaluation, PartCounts, PhotoJudgement
from blemish.metrics.curves import Curve
from blemish.model.provenance import Provenance

EVALUATION = Evaluation(
    dataset="mvtec_ad",
    root="/parts",
    category="screw",
    train_photos=3,
    provenance=Provenance(
        method="stpm", weights_sha256="ab" * 32, runtime="onnx", precision="int8", blemish_version="1.2"
    ),
    judged_at="2026-01-02T03:04:05+00:00",
    metrics={"image_auroc": 0.9, "pro": None},
    undefined={"pro": "no masks"},
    intervals={"image_auroc": (0.8, 0.95), "pro": None},
    threshold=1e6,
    threshold_estimated=True,
    asked_rate=0.01,
    promised_rate=None,
    unit="parts",
    calibration_n=19,
    false_alarms=0,
    good_photos=1,
    false_alarm_interval=(0.0, 0.975),
    good_parts=PartCounts(parts=1, alarmed=0, alarm_interval=(0.0, 0.975), marked=0),
    misses=1,
    defective_photos=1,
    miss_interval=(0.025, 1.0),
    marked_good_photos=0,
    without_mask=1,
    lost_masks=0,
    defect_types={
        "good": DefectType(photos=1, judged_anomalous=0, metrics={"image_auroc": None, "pro": None}),
        "größe 2": DefectType(photos=1, judged_anomalous=0, metrics={"image_auroc": 1.0, "pro": None}),
    },
    photos=[
        PhotoJudgement(
            image="/parts/a.png",
            defect_type="good",
            part="a",
            masks=[],
            mask_values="bright",
            anomaly_score=-3.5,
            verdict="normal",
        ),
        PhotoJudgement(
            image="/parts/\udcff.png",
            defect_type="größe 2",
            part=None,
            masks=["/parts/m.png"],
            mask_values="any",
            anomaly_score=2e6,
            verdict="check",
        ),
    ],
    unreadable=["left out: b.png: is empty"],
    duplicates=["/parts/a.png"],
    curves={"image_roc": Curve(x=[0.0, 1.0], y=[0.0, 1.0])},
    map_size=(256, 128),
)
