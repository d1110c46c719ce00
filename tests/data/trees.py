"""The layouts of published datasets in small, with the traps that each of them has; the photos are no pictures."""

import csv
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def files(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("no picture: finding files decodes none")


def mask(path: Path, value: int = 0, *, rest: int = 0, mode: str = "L") -> None:
    """Writes a mask of 8x6 pixels with this value in four of them."""
    pixels: NDArray[np.uint8] = np.full((6, 8), rest, np.uint8)
    pixels[2:4, 3:5] = value
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).convert(mode).save(path)


def folder(root: Path) -> None:
    files(root, "part/10.png", "part/9.jpg", "part/deeper/1.tif", "part/notes.txt", "part/.hidden.png")


def mvtec_ad(root: Path) -> None:
    files(root, *(f"part/train/good/{i}.png" for i in (1, 2, 10)), "part/test/good/1.png", "part/license.txt")
    files(root, "part/test/cut/1.png", "part/test/cut/10.png", "part/test/cut/2.png", "part/test/dent/1.png")
    files(root, "part/ground_truth/cut/10_mask.png", "part/ground_truth/cut/1_mask.png", "part/validation/good/7.png")


def good_and_bad(root: Path) -> None:
    files(root, "part/train/OK/1.png", "part/train/OK/2.png", "part/val/OK/3.png", "part/test/OK/4.png")
    files(root, "part/test/NG/5.png", "part/test/NG/scratch/6.png", "part/ground_truth/NG/5_mask.png")


def manifest(root: Path) -> None:
    """A table with spaces, a class number, two masks of one photo, a part, and a photo that waits for the test."""
    files(root, "part/a/1.png", "part/a/2.jpg", "part/b/1.png", "part/b/2.png", "part/c/3.png", "part/m/b1.png")
    files(root, "part/m/b1x.png", "part/unlisted.png")
    lines = [
        "image,label,mask,split,part",
        "a/1.png,good,,train,7",
        "a/2.jpg,,,,8",
        "c/3.png,OK,,validation,9",
        "b/2.png,0,,test,",
        "b/1.png,scratch,m/b1.png; m/b1x.png,,",
    ]
    (root / "part" / "manifest.csv").write_text("\n".join(lines))


COLOURS = {
    "0": {"class-name": "BACKGROUND", "hex-color": "#ffffff", "confidence": 0.0},
    "1": {"class-name": "scratch", "hex-color": "#2ca02c", "confidence": 0.0},
}


def lookout(root: Path) -> None:
    """Two lists with addresses in a bucket, of which the copy lacks the first folder."""
    names = ("train/normal/2.jpg", "train/normal/10.jpg", "train/anomaly/1.jpg", "test/normal/1.jpg")
    files(root, *(f"part/{name}" for name in names), "part/masks/1.png")
    for list_name in ("train", "test"):
        lines = []
        for name in (name for name in names if name.startswith(list_name)):
            line: dict[str, object] = {"source-ref": f"s3://bucket/board/{name}", "anomaly-label": int("anom" in name)}
            line["anomaly-label-metadata"] = {"class-name": "anomaly" if "anom" in name else "normal"}
            if "anom" in name:
                line["anomaly-mask-ref"] = "s3://bucket/board/masks/1.png"
                line["anomaly-mask-ref-metadata"] = {"internal-color-map": COLOURS}
            lines.append(json.dumps(line))
        (root / "part" / "manifests").mkdir(exist_ok=True)
        (root / "part" / "manifests" / f"{list_name}.manifest").write_text("\n".join(lines) + "\n")


def visa(root: Path) -> None:
    """Good photos of four digits, defective ones of three, which do not stand in order in the list."""
    images = "part/Data/Images"
    rows = [("object", "split", "label", "image", "mask")]
    for split, name in (("train", "0010"), ("test", "0002"), ("train", "0001")):
        rows.append(("part", split, "normal", f"{images}/Normal/{name}.JPG", ""))
    bad, truth = f"{images}/Anomaly", "part/Data/Masks/Anomaly"
    rows += [("part", "test", "anomaly", f"{bad}/{name}.JPG", f"{truth}/{name}.png") for name in ("010", "002")]
    rows.append(("another", "train", "normal", "another/Data/Images/Normal/0000.JPG", ""))
    files(root, *(name for row in rows[1:-1] for name in row[3:] if name), "part/image_anno.csv")
    (root / "split_csv").mkdir()
    with (root / "split_csv" / "1cls.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def mvtec_3d(root: Path) -> None:
    for place, number in (("train/good", "000"), ("train/good", "001"), ("validation/good", "000")):
        files(root, f"part/{place}/rgb/{number}.png", f"part/{place}/xyz/{number}.tiff")
    for kind in ("good", "cut", "combined"):
        files(root, *(f"part/test/{kind}/{what}" for what in ("rgb/000.png", "xyz/000.tiff", "gt/000.png")))
    files(root, "part/calibration/camera_parameters.json", "part/license.txt")


CONFIG = [
    {"defect_name": "missing", "pixel_value": 255, "saturation_threshold": 3, "relative_saturation": False},
    {"defect_name": "swapped", "pixel_value": 254, "saturation_threshold": 0.5, "relative_saturation": True},
]


def mvtec_loco(root: Path) -> None:
    files(root, "part/train/good/000.png", "part/validation/good/000.png", "part/test/good/000.png")
    files(root, *(f"part/test/logical_anomalies/{name}.png" for name in ("010", "002")))
    files(root, "part/test/structural_anomalies/000.png", "part/ground_truth/structural_anomalies/000.png")
    truth = "part/ground_truth/logical_anomalies"
    files(root, f"{truth}/002/000.png", f"{truth}/010/001.png", f"{truth}/010/000.png")
    (root / "part" / "defects_config.json").write_text(json.dumps(CONFIG))


def mvtec_ad_2(root: Path) -> None:
    files(root, "part/train/good/000_regular.png", "part/train/good/001_regular.png")
    files(root, "part/validation/good/000_regular.png")
    for light in ("regular", "overexposed", "shift_1"):
        files(root, f"part/test_public/good/000_{light}.png", f"part/test_public/bad/000_{light}.png")
        files(root, f"part/test_public/ground_truth/bad/000_{light}_mask.png")
    files(root, "part/test_private/000_regular.png", "part/test_private_mixed/000_mixed.png")


def btad(root: Path) -> None:
    files(root, "02/train/ok/0001.bmp", "02/train/ok/0000.png", "02/test/ok/0000.bmp")
    files(root, "02/test/ko/0010.bmp", "02/test/ko/0002.png", "02/ground_truth/ko/0002.bmp")
    files(root, "02/ground_truth/ko/0010.png")


def kolektorsdd(root: Path) -> None:
    """Three items, of which one among those to learn from and one among the others are defective."""
    for item in ("kos10", "kos02", "kos01"):
        for part in ("Part0", "Part1"):
            files(root, f"part/{item}/{part}.jpg")
            defective = (item, part) in (("kos01", "Part1"), ("kos10", "Part0"))
            mask(root / "part" / item / f"{part}_label.bmp", 3 if defective else 0)


def kolektorsdd2(root: Path) -> None:
    for name, value in {"train/10": 0, "train/9": 0, "train/8": 255, "test/2": 1, "test/3": 0}.items():
        files(root, f"part/{name}.png")
        mask(root / "part" / f"{name}_GT.png", value)


def real_iad(root: Path) -> None:
    """A folder of defects holds a view in which there is none; the second list is of the first camera alone."""
    good = [f"OK/S0001/part_0001_OK_C{camera}_x.jpg" for camera in (1, 2)]
    view = "NG/AK/S0002/part_0002_AK_C2_x.jpg"
    bad, truth = "NG/AK/S0002/part_0002_AK_C1_x.jpg", "NG/AK/S0002/part_0002_AK_C1_x_mask.png"
    files(root, *(f"realiad_512/part/{name}" for name in (*good, view, bad, truth)))
    for lists, both in (("realiad_jsons", True), ("realiad_jsons_sv", False)):
        test = [_item(bad, "AK", truth), *([_item(view, "OK", None)] if both else [])]
        content = {"meta": {"prefix": "part/"}, "train": [_item(name, "OK", None) for name in good[: 1 + both]]}
        (root / lists).mkdir()
        (root / lists / "part.json").write_text(json.dumps({**content, "test": test}))


def _item(image: str, kind: str, truth: str | None) -> dict[str, str | None]:
    return {"category": "part", "anomaly_class": kind, "image_path": image, "mask_path": truth}


def piped(root: Path) -> None:
    """Three sheets, two cut-outs of each; the folder of the masks is misspelt, as it is there."""
    for sheet in ("01", "02", "03"):
        files(root, *(f"part/NoDefects/PA_X_TL_S_ND_{sheet}_{cut}.bmp" for cut in (1, 2)))
        files(root, f"part/Defects/PA_X_TL_S_D_{sheet}_1.bmp", f"part/Defects/GroundThruth/PA_X_TL_S_GT_{sheet}_1.bmp")


def bmad(root: Path) -> None:
    files(root, "part/train/good/00001_60.png", "part/train/good/00001_61.png")
    for split in ("valid", "test"):
        for kind in ("good", "Ungood"):
            files(root, f"part/{split}/{kind}/img/00002_70.png", f"part/{split}/{kind}/label/00002_70.png")
