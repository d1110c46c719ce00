"""The whole way on real photos of real defects, with the teacher of the paper."""

from pathlib import Path

import blemish


def test_after_seconds_of_training_real_defects_stand_out(shared: Path, tmp_path: Path) -> None:
    root = shared / "data" / "piped" / "PA_FLR01_TL"
    blemish.train(
        "stpm",
        root / "train" / "good",
        tmp_path / "run",
        teacher_weights=shared / "weights" / "resnet18.safetensors",
        image_size=128,
        batch_size=4,
        steps=40,
    )
    evaluation = blemish.evaluate(tmp_path / "run", root)
    assert evaluation.metrics["image_auroc"] is not None
    assert evaluation.metrics["image_auroc"] > 0.95  # 1.000 was seen, and 0.67 where nothing is learnt
    assert evaluation.metrics["pixel_ap"] is not None
    assert evaluation.metrics["pixel_ap"] > 0.2  # 0.37 was seen, and 0.03 where nothing is learnt
