"""Train on good parts, judge new ones, measure: the whole way in Python.

    python examples/train_and_judge.py FOLDER

FOLDER is where the made-up parts and the model are left.
"""

import sys
from pathlib import Path

import blemish
from blemish.data.images import read_image
from blemish.data.made_up import make_up


def main(folder: Path, *, image_size: int = 128, steps: int = 80) -> None:
    parts = make_up(folder / "parts", seed=0, size=image_size, textures=("brick",), train=125)

    # Any folder of photos of good parts will do. This teacher needs no download; the default is resnet18. The steps are
    # a quarter of the default: enough to see it work, in half a minute.
    blemish.train(
        folder / "parts" / "train" / "good",
        folder / "model",
        teacher="efficientnet_lite0",
        image_size=image_size,
        steps=steps,
        overwrite=True,
    )

    model = blemish.open(folder / "model")
    photo = parts.test[0].image
    from_file = model.predict(photo)
    from_array = model.predict(read_image(photo))  # any uint8 array (H, W, 3), RGB, such as a camera gives
    print(from_file.verdict, from_file.anomaly_score, "threshold", from_file.threshold)
    assert from_array.anomaly_score == from_file.anomaly_score
    print("anomaly map at the photo's own size:", from_file.photo_map.shape)

    evaluation = blemish.evaluate(model, folder / "parts")
    print("image AUROC", evaluation.metrics["image_auroc"], "pixel AUROC", evaluation.metrics["pixel_auroc"])
    print(evaluation.false_alarms, "false alarms,", evaluation.misses, "misses")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
