"""A folder of phantoms in the layout that imports expect."""

import csv
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

from imaging.phantoms.chest import chest_phantom
from imaging.phantoms.person import draw_habitus


def write_phantom_dataset(folder: Path, *, per_class: int, size: int, seed: int) -> None:
    """Write `per_class` phantoms without (`normal/`) and with a lesion (`lesion/`), and `metadata.csv`, into `folder`.

    The files are what an import expects: PNG, 8-bit grey; the columns are file, label, patient_id, age_years, sex and
    view_position. Every picture is another invented person. The same arguments give the same files, byte for byte.
    Raises ValueError when `per_class` is below 1, FileExistsError when `folder` holds something already.
    """
    if per_class < 1:
        raise ValueError(f"per_class must be at least 1, not {per_class}")
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty: choose a new folder for the phantoms")
    rows = []
    for index, label in enumerate(["normal", "lesion"] * per_class):
        image_seed = seed * 1_000_003 + index
        pixels = chest_phantom(seed=image_seed, size=size, lesion=label == "lesion")
        person = describe_phantom(image_seed)
        name = f"{label}/phantom-{index + 1:05d}.png"
        (folder / label).mkdir(exist_ok=True)
        PillowImage.fromarray(pixels).save(folder / name)
        rows.append([name, label, f"phantom-{index + 1:05d}", person["age_years"], person["sex"], "PA"])
    with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "label", "patient_id", "age_years", "sex", "view_position"])
        writer.writerows(rows)


def describe_phantom(seed: int) -> dict[str, int | str]:
    """Invented `age_years` (20 to 85) and `sex` (F, M; as drawn in the picture) of the phantom with this seed."""
    person_seed = np.random.SeedSequence(seed).spawn(4)[0]
    person = draw_habitus(np.random.default_rng(person_seed))
    age = 20 + int(np.random.default_rng([seed, 1]).integers(0, 66))
    return {"age_years": age, "sex": "F" if person.female else "M"}
