"""A plain folder of photos of good parts; a folder in MVTec AD's layout is read as such."""

from pathlib import Path

from blemish.data import mvtec_ad
from blemish.data.dataset import Dataset, Sample
from blemish.data.listing import PHOTO_SUFFIXES, list_photos
from blemish.errors import DataError


def find(root: Path, category: str | None) -> Dataset:
    """Every photo in the folder and below is a good part to train on.

    Where train/good, test/DEFECT, or good beside other folders is found, `mvtec_ad` takes over: else photos of defects
    would be learned as good. For the same reason several such folders, or masks, below the folder are a DataError.
    """
    base = mvtec_ad.category_folder(root, category)
    if mvtec_ad.recognises(base):
        return mvtec_ad.find(root, category)
    mvtec_ad.refuse_categories(base)
    left_out: list[DataError] = []
    photos = list_photos(base, on_error=left_out.append)
    if not photos:
        if left_out:
            raise left_out[0]
        raise DataError(f"{base}: holds no photos ({' '.join(PHOTO_SUFFIXES)}); name a folder that does")
    for photo in photos:
        if "ground_truth" in photo.relative_to(base).parts:
            raise DataError(
                f"{photo}: is a mask and would be learned as a good part; name the folder of good photos alone"
            )
    train = tuple(Sample(image=photo) for photo in photos)
    return Dataset(name="folder", root=root, category=category, train=train, left_out=tuple(left_out))
