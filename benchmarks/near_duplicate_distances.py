"""How far apart are two copies of a radiograph, and how near are two radiographs? Fixes the limits of
`imaging.duplicates.fingerprints`.

    python -m benchmarks.near_duplicate_distances FOLDER_1024 [ZIP_OF_MANY]

Each image of FOLDER_1024 (PNG) is stored again in the ways a picture travels; of all images of ZIP_OF_MANY (PNG below
folders, with metadata.csv: file, patient_id) every pair of different patients, and of different visits of one patient,
is compared. Prints a table for three measures: perceptual hash of 64 and of 256 bits (Hamming distance; ImageHash), and
correlation of pixels at 64 x 64. A measure is good when the first rows stay below the last two. Under two minutes.
"""

import csv
import io
import sys
import zipfile
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

import imagehash
import numpy as np
from PIL import Image, ImageChops, ImageEnhance

SMALL = 64
rng = np.random.default_rng(0)


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(io.BytesIO(buffer.getvalue())).convert("L")


def scaled(image: Image.Image, factor: float) -> Image.Image:
    width, height = image.size
    return image.resize((round(width * factor), round(height * factor)), Image.Resampling.BILINEAR)


def cropped(image: Image.Image, share: float) -> Image.Image:
    width, height = image.size
    x, y = round(width * share), round(height * share)
    return image.crop((x, y, width - x, height - y))


def gamma(image: Image.Image, power: float) -> Image.Image:
    return image.point([round(255 * (value / 255) ** power) for value in range(256)])


def noisy(image: Image.Image, sigma: float) -> Image.Image:
    pixels = np.asarray(image, dtype=float)
    return Image.fromarray(np.clip(pixels + rng.normal(0, sigma, pixels.shape), 0, 255).astype(np.uint8))


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "JPEG, quality 95": lambda one: jpeg(one, 95),
    "JPEG, quality 75": lambda one: jpeg(one, 75),
    "half the size": lambda one: scaled(one, 0.5),
    "a quarter of the size": lambda one: scaled(one, 0.25),
    "twice the size": lambda one: scaled(one, 2),
    "brightness x 0.8": lambda one: ImageEnhance.Brightness(one).enhance(0.8),
    "brightness x 1.2": lambda one: ImageEnhance.Brightness(one).enhance(1.2),
    "contrast x 0.8": lambda one: ImageEnhance.Contrast(one).enhance(0.8),
    "contrast x 1.2": lambda one: ImageEnhance.Contrast(one).enhance(1.2),
    "gamma 0.7": lambda one: gamma(one, 0.7),
    "noise of 5 grey levels": lambda one: noisy(one, 5),
    "shifted by 2 px": lambda one: ImageChops.offset(one, 2, 2),
    "1 % of each edge cut off": lambda one: cropped(one, 0.01),
    "3 % of each edge cut off": lambda one: cropped(one, 0.03),
    "turned by 1 degree": lambda one: one.rotate(1, Image.Resampling.BILINEAR),
    "turned by 2 degrees": lambda one: one.rotate(2, Image.Resampling.BILINEAR),
    "turned by 5 degrees": lambda one: one.rotate(5, Image.Resampling.BILINEAR),
    "mirrored": lambda one: one.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
}


def describe(image: Image.Image) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bits of two hashes (64 and 256), and standardised pixels at 64 x 64."""
    pixels = np.asarray(image.resize((SMALL, SMALL), Image.Resampling.BOX), dtype=np.float32).ravel()
    pixels = (pixels - pixels.mean()) / max(float(pixels.std()), 1e-6)
    return (
        imagehash.phash(image, hash_size=8).hash.ravel(),
        imagehash.phash(image, hash_size=16).hash.ravel(),
        pixels / np.sqrt(pixels.size),
    )


def row(title: str, values: list[tuple[int, int, float]]) -> None:
    eight, sixteen, same = (np.array(column) for column in zip(*values, strict=True))
    print(
        f"{title:34} {len(values):9,}   {np.median(eight):5.0f} {eight.max():5.0f}"
        f"   {np.median(sixteen):6.0f} {sixteen.max():5.0f}   {np.median(same):7.3f} {same.min():7.3f}"
    )


def folder_images(folder: Path) -> Iterator[Image.Image]:
    for path in sorted(folder.rglob("*.png")):
        yield Image.open(path).convert("L")


def copies(folder: Path) -> None:
    images = list(folder_images(folder))
    originals = [describe(one) for one in images]
    for title, change in CHANGES.items():
        values = []
        for original, image in zip(originals, images, strict=True):
            other = describe(change(image))
            values.append(
                (
                    int((original[0] != other[0]).sum()),
                    int((original[1] != other[1]).sum()),
                    float(original[2] @ other[2]),
                )
            )
        row(title, values)


def strangers(archive: Path) -> None:
    with zipfile.ZipFile(archive) as file:
        table = next(name for name in file.namelist() if name.endswith("metadata.csv"))
        rows = list(csv.DictReader(io.TextIOWrapper(file.open(table), "utf-8-sig")))
        base = table.removesuffix("metadata.csv")
        found = [describe(Image.open(file.open(base + one["file"])).convert("L")) for one in rows]
    patients = np.array([one["patient_id"] for one in rows])
    eight, sixteen, small = (np.stack(column) for column in zip(*found, strict=True))
    first, second = np.array(list(combinations(range(len(rows)), 2))).T
    d8 = np.concatenate([(eight[i] != eight[i + 1 :]).sum(1) for i in range(len(rows) - 1)])
    d16 = np.concatenate([(sixteen[i] != sixteen[i + 1 :]).sum(1) for i in range(len(rows) - 1)])
    same = np.concatenate([small[i + 1 :] @ small[i] for i in range(len(rows) - 1)])
    person = patients[first] == patients[second]
    print("\nPairs that are no copies                pairs   64: least, 0.1 %   256: least, 0.1 %   r: most, 99.9 %")
    for title, chosen in (("same patient, another visit", person), ("different patients", ~person)):
        print(
            f"{title:34} {chosen.sum():9,}   {d8[chosen].min():5} {np.quantile(d8[chosen], 0.001):8.1f}"
            f"   {d16[chosen].min():8} {np.quantile(d16[chosen], 0.001):7.1f}"
            f"   {same[chosen].max():8.3f} {np.quantile(same[chosen], 0.999):7.3f}"
        )
    for name, values, limits in (("64", d8, (4, 6, 8, 10, 12)), ("256", d16, (20, 30, 40, 50, 56, 60, 64, 70, 80))):
        for limit in limits:
            print(
                f"  {name} bits within {limit}: {(values[~person] <= limit).mean():.2e} of different patients, "
                f"{(values[person] <= limit).mean():.2e} of one patient"
            )
    for near in (8, 10, 12, 14):
        for limit in (0.95, 0.97, 0.98, 0.99):
            both = (d8 <= near) & (same >= limit)
            print(f"  64 within {near} and r >= {limit}: {both[~person].sum()} and {both[person].sum()} pairs")


if __name__ == "__main__":
    print("Copies of one image                     pairs   64: median, most   256: median, most   r: median, least")
    copies(Path(sys.argv[1]))
    for name in sys.argv[2:]:
        strangers(Path(name))
